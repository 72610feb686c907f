"""Compiled functions as bytes."""

import pickle
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core.experimental.serialize_executable import (
    deserialize_and_load,
    serialize,
)

TABLE = jnp.array([1.0, 2.0, 3.0])
WEIGHTS = jnp.ones((2, 3), jnp.bfloat16)


def model(params, x, *, unused=0):
    y = TABLE * x + params["b"]
    return {"y": y, "z": [WEIGHTS.sum(1), params["b"]]}


ARGUMENTS = ({"b": np.float32(0.5)}, np.ones(3, np.float32))


def error_of(call, kind):
    """The message of the error that `call` raises, with `HERE` for its line."""
    with pytest.raises(kind) as caught:
        call()
    return re.sub(r"  at .*:\d+ in \S+", "  at HERE", str(caught.value))


@pytest.fixture(scope="module")
def compiled():
    return dc.jit(model).lower(*ARGUMENTS, unused=1).compile()


def test_what_is_loaded_computes_the_same(compiled):
    loaded = deserialize_and_load(*serialize(compiled))

    got = loaded(*ARGUMENTS, unused=2)

    np.testing.assert_array_equal(got["y"], [1.5, 2.5, 3.5])
    np.testing.assert_array_equal(got["z"][0].astype(np.float32), [3.0, 3.0])
    assert dc.tree.structure(got) == compiled.out_tree


def test_what_is_loaded_knows_its_types(compiled):
    loaded = deserialize_and_load(*serialize(compiled))

    assert loaded.args_info == compiled.args_info
    assert loaded.out_info == compiled.out_info
    assert loaded.cost_analysis() == compiled.cost_analysis()
    assert error_of(lambda: loaded(ARGUMENTS[0], 1.0, unused=1), TypeError) == (
        "model: called with types it was not compiled for\n"
        "  `x`: expected f32[3], got ~f32[]\n"
        "  at HERE\n"
        "Convert the arguments, or compile for these types too."
    )


def test_another_process_runs_it(compiled, tmp_path):
    (tmp_path / "compiled").write_bytes(pickle.dumps(serialize(compiled)))
    program = """
        import pickle, sys
        import numpy as np
        from dolmen.core.experimental.serialize_executable import deserialize_and_load
        with open(sys.argv[1], "rb") as file:
            function = deserialize_and_load(*pickle.load(file))
        out = function({"b": np.float32(0.5)}, np.ones(3, np.float32), unused=1)
        print(np.asarray(out["y"]).tolist())
    """

    out = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), tmp_path / "compiled"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert out.stdout == "[1.5, 2.5, 3.5]\n"


def test_an_executable_from_memory_is_serialized(compiled):
    """The runtime can't do so with one that was itself loaded from disk."""
    again = dc.jit(model).lower(*ARGUMENTS, unused=1).compile()

    loaded = deserialize_and_load(*serialize(again))

    np.testing.assert_array_equal(loaded(*ARGUMENTS, unused=1)["y"], [1.5, 2.5, 3.5])


def test_donated_arguments_stay_donated():
    x = jnp.ones(3)
    f = dc.jit(lambda x: x + 1.0, donate_argnums=0)
    loaded = deserialize_and_load(*serialize(f.lower(x).compile()))

    loaded(x)

    assert x.is_deleted()
    assert loaded.donate_argnums == (0,)


def test_a_function_that_calls_python_is_refused():
    compiled = dc.jit(lambda x: dc.debug.print("{}", x)).lower(1.0).compile()

    assert error_of(lambda: serialize(compiled), ValueError) == (
        "serialize: <lambda> calls Python while it runs, and what is outside it can't "
        "be stored.\n"
        "  at HERE\n"
        "Serialize the part of the function without it."
    )


def test_a_function_of_refs_is_refused():
    compiled = dc.jit(lambda ref: ref[...]).lower(dc.new_ref(1.0)).compile()

    assert error_of(lambda: serialize(compiled), ValueError).startswith(
        "serialize: <lambda> uses refs, and what is outside it can't be stored."
    )


def test_what_was_loaded_is_not_serialized_again(compiled):
    loaded = deserialize_and_load(*serialize(compiled))

    assert error_of(lambda: serialize(loaded), ValueError) == (
        "serialize: model was itself loaded from bytes, which the runtime can't "
        "serialize again.\n"
        "  at HERE\n"
        "Pass those bytes on."
    )


def test_foreign_bytes_are_refused(compiled):
    _, *trees = serialize(compiled)

    assert error_of(lambda: deserialize_and_load(b"abc", *trees), ValueError) == (
        "deserialize_and_load: expected bytes that `serialize` returned, got "
        "b'abc'...\n  at HERE"
    )


def test_bytes_of_another_machine_are_refused(compiled):
    data, *trees = serialize(compiled)
    foreign = data.replace(b'"platform": "cpu"', b'"platform": "qpu"')

    assert error_of(lambda: deserialize_and_load(foreign, *trees), ValueError) == (
        "deserialize_and_load: model was compiled elsewhere:\n"
        "  platform: expected cpu, got qpu\n"
        "  at HERE\n"
        "Compile it here again."
    )


def test_another_backend_is_refused(compiled):
    parts = serialize(compiled)

    got = error_of(lambda: deserialize_and_load(*parts, backend="tpu"), ValueError)

    assert got == (
        "deserialize_and_load: backend='tpu', but this process runs on 'cpu'.\n"
        "  at HERE"
    )
