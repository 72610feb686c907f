"""Every program gives the same with Dolmen as with JAX."""

import functools
import inspect
import os

import numpy as np
import pytest

from ._api import EIGHT_DEVICES, Api, all_programs
from ._results import ArrayResult, ErrorResult, differences, outcome
from .accepted import ACCEPTED

os.environ["XLA_FLAGS"] = EIGHT_DEVICES
PROGRAMS = all_programs("dolmen.core")
API = Api("dolmen.core")


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_agree(name, peer):
    program = PROGRAMS[name]

    ours = outcome(program, API.random, API.errors)
    theirs = peer.result(name)

    found = list(differences(ours, theirs))
    if name in ACCEPTED and not found:
        pytest.fail(f"{name} agrees by now: take it out of accepted.py", pytrace=False)
    if found and name not in ACCEPTED:
        report = [name, source_of(program).rstrip(), *found]
        pytest.fail("\n".join(report), pytrace=False)


def test_every_optimizer_that_optax_has_takes_its_steps():
    optim = API.optim
    made = {
        name
        for module in (optim, optim.contrib)
        for name in dir(module)
        if inspect.isfunction(getattr(module, name))
        and "learning_rate" in inspect.signature(getattr(module, name)).parameters
    }

    trajectories = [name for name in PROGRAMS if name.startswith("optimizers: ")]
    absent = {name for name in made if not any(f".{name}(" in t for t in trajectories)}

    assert absent == {
        *("muonclip", "shampoo", "soap"),  # not in Optax
        *("scale_by_learning_rate", "scale_by_madgrad", "scale_by_rprop"),  # parts
    }


def source_of(program):
    """The source of a function, whatever arguments were bound to it."""
    while isinstance(program, functools.partial):
        program = program.func
    return inspect.getsource(program)


def test_accepted_differences_name_programs():
    assert set(ACCEPTED) <= set(PROGRAMS)


# ---- the comparison itself ---------------------------------------------------------

ONE = ArrayResult("float32[2]", np.array([1.0, 2.0], np.float32))
NARROW = ArrayResult("float8_e4m3fn[]", np.array(np.nan, "float8_e4m3fn"))
FAILED = ErrorResult(("ValueError", "Exception"), "why")


def changed(**fields):
    return ONE._replace(**fields)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (ONE, changed(type="~float32[2]")),
        (ONE, changed(value=np.array([1.0, 2.001], np.float32))),
        (ONE, changed(value=np.array([1.0, np.nan], np.float32))),
        (ONE, changed(value=None)),
        (ONE, 1.0),
        (ONE, FAILED),
        (FAILED, ONE),
        (FAILED, FAILED._replace(classes=("TypeError", "Exception"))),
        (("list", 1), ("tuple", 1)),
        (("list", 1), ("list", 1, 2)),
        (("list", {"a": ONE}), ("list", {"b": ONE})),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (1, 1.0),
        (1, True),
        ("a", None),
    ],
    ids=str,
)
def test_differences_are_seen(ours, theirs):
    assert len(list(differences(ours, theirs))) == 1


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (ONE, changed(value=np.array([1.0, 2.00001], np.float32))),
        (float("nan"), float("nan")),
        (NARROW, NARROW),
        (FAILED._replace(classes=("KeyError", *FAILED.classes)), FAILED),
        (("list", {"a": ONE}, None), ("list", {"a": ONE}, None)),
    ],
    ids=str,
)
def test_what_is_equal_up_to_rounding_is_no_difference(ours, theirs):
    assert list(differences(ours, theirs)) == []


def test_results_are_described_without_the_classes_of_a_side():
    jnp, random = API.jnp, API.random

    got = outcome(
        lambda: {"a": [jnp.ones(2), 1.0], "k": random.key(0), "n": np.ones(1)},
        random,
        API.errors,
    )

    assert [got["a"][0], got["a"][1].type, got["a"][2]] == ["list", "float32[2]", 1.0]
    assert (got["k"].type, got["k"].value.tolist()) == ("key<fry>[]", [0, 0])
    assert got["n"].type == "numpy float64[1]"


def test_errors_are_described_by_the_classes_that_catch_them():
    got = outcome(lambda: API.core.jit(int)(1.5), API.random, API.errors)

    assert got.classes[:3] == (
        "TracerIntegerConversionError",
        "ConcretizationTypeError",
        "TypeError",
    )
