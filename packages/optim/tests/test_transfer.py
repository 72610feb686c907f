"""States of one optimizer for another: what fits is kept, and everything is told."""

import re
from typing import NamedTuple

import numpy as np
import pytest
from every import OPTIMIZERS, ready

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.optim import contrib
from dolmen.optim.tree_utils import tree_get, tree_unwrap_random_key_data

RNG = np.random.default_rng(8)
PARAMS = {
    "layer": {
        "kernel": jnp.asarray(RNG.normal(size=(3, 4)), "float32"),
        "bias": jnp.asarray(RNG.normal(size=4), "float32"),
    }
}


def trained(optimizer, params=PARAMS, steps=3):
    """A state after some steps."""
    state = optimizer.init(params)
    update = dc.jit(optimizer.update)
    for t in range(steps):
        grads = dc.tree.map(lambda p, t=t: jnp.sin(p + t), params)
        _, state = update(grads, state, params)
    return state


def as_stored(node):
    """What a checkpoint has of a state: dicts, lists, tuples and NumPy arrays."""
    fields = getattr(node, "_fields", None) or getattr(node, "__match_args__", None)
    if isinstance(node, optim.QuantizedArray):
        return {"codes": np.asarray(node.codes), "largest": np.asarray(node.largest)}
    if isinstance(node, tuple) and fields is not None:
        return {name: as_stored(getattr(node, name)) for name in fields}
    if isinstance(node, dict):
        return {key: as_stored(child) for key, child in node.items()}
    if isinstance(node, tuple | list):
        return type(node)(map(as_stored, node))
    return node


def outcomes(transfer):
    """Paths by what became of them."""
    found = {"kept": [], "new": [], "dropped": []}
    for array in transfer.arrays:
        found[array.outcome].append(array.path or array.source)
    return found


def assert_equal(a, b):
    assert dc.tree.structure(a) == dc.tree.structure(b)
    dc.tree.map(
        np.testing.assert_array_equal,
        tree_unwrap_random_key_data(a),
        tree_unwrap_random_key_data(b),
    )


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_takes_back_its_own_state(name):
    optimizer = ready(name)
    state = dc.tree.map(
        lambda x: (x + 1).astype(x.dtype) if hasattr(x, "astype") else x,
        tree_unwrap_random_key_data(optimizer.init(PARAMS)),
    )
    made = optim.GradientTransformationExtraArgs(
        lambda p: tree_unwrap_random_key_data(optimizer.init(p)), optimizer.update
    )

    moved = optim.transfer_state(made, PARAMS, as_stored(state), fresh=())

    assert_equal(moved.state, state)
    assert {array.outcome for array in moved.arrays} <= {"kept"}


def test_adam_goes_on_as_muon():
    stored = trained(optim.adamw(1e-3))
    optimizer = contrib.muon(0.02)

    moved = optim.transfer_state(optimizer, PARAMS, as_stored(stored))

    states = moved.state.inner_states
    muon = states["muon"].inner_state[0]
    adam = states["adam"].inner_state[0]
    assert_equal(muon.mu["layer"]["kernel"], stored[0].mu["layer"]["kernel"])
    assert_equal(adam.mu["layer"]["bias"], stored[0].mu["layer"]["bias"])
    assert_equal(adam.nu["layer"]["bias"], stored[0].nu["layer"]["bias"])
    assert (int(muon.count), int(adam.count)) == (3, 3)
    assert str(moved) == (
        "kept     ScaleByAdamState.count  1 array   4 bytes\n"
        "kept     ScaleByAdamState.mu     1 array  16 bytes\n"
        "kept     ScaleByAdamState.nu     1 array  16 bytes\n"
        "kept     MuonState.count         1 array   4 bytes\n"
        "kept     MuonState.mu            1 array  48 bytes\n"
        "new      MuonState.ns_coeffs     1 array  12 bytes  one of `fresh`\n"
        "dropped  0/nu                    1 array  48 bytes"
    )


def test_the_new_state_can_be_donated():
    stored = trained(optim.adamw(1e-3))
    optimizer = contrib.muon(0.02)
    moved = optim.transfer_state(optimizer, PARAMS, stored)
    step = dc.jit(optimizer.update, donate_argnums=1)

    updates, state = step(PARAMS, moved.state, PARAMS)

    assert int(state.inner_states["adam"].inner_state[0].count) == 4
    assert dc.tree.structure(updates) == dc.tree.structure(PARAMS)


def test_a_state_with_a_count_is_whole_or_new():
    stored = trained(contrib.muon(0.02))

    moved = optim.transfer_state(optim.adam(1e-3), PARAMS, stored)

    # A second moment of zero beside a count of 3 would be taken for a small one.
    assert_equal(moved.state, optim.adam(1e-3).init(PARAMS))
    assert str(moved).splitlines()[:3] == [
        "new      ScaleByAdamState.count                     1 array    4 bytes  "
        "anew, as nu/layer/kernel is not stored",
        "new      ScaleByAdamState.mu                        2 arrays  64 bytes  "
        "anew, as nu/layer/kernel is not stored",
        "new      ScaleByAdamState.nu                        1 array   16 bytes  "
        "anew, as nu/layer/kernel is not stored",
    ]


def test_soap_starts_anew_and_its_schedule_goes_on():
    schedule = optim.linear_schedule(1.0, 0.0, 10)
    stored = trained(optim.adamw(schedule))

    moved = optim.transfer_state(optim.soap(schedule), PARAMS, stored)

    assert int(moved.state[0].count) == 0
    assert int(moved.state[2].count) == 3
    assert outcomes(moved)["kept"] == ["2/count"]


def test_schedules_start_anew_on_request():
    schedule = optim.linear_schedule(1.0, 0.0, 10)
    stored = trained(optim.sgd(schedule, momentum=0.9))

    moved = optim.transfer_state(
        optim.sgd(schedule, momentum=0.9), PARAMS, stored, fresh=["count"]
    )

    assert outcomes(moved) == {
        "kept": ["0/trace/layer/bias", "0/trace/layer/kernel"],
        "new": ["1/count"],
        "dropped": ["1/count"],
    }


def test_hyperparameters_are_those_of_the_new_optimizer():
    inject = optim.inject_hyperparams(optim.adamw)
    stored = trained(inject(0.1, weight_decay=0.3))

    moved = optim.transfer_state(inject(0.02), PARAMS, as_stored(stored))

    assert float(moved.state.hyperparams["learning_rate"]) == np.float32(0.02)
    assert int(moved.state.count) == 3
    assert_equal(moved.state.inner_state[0], stored.inner_state[0])


def test_wrappers_and_groups_may_come_and_go():
    stored = trained(optim.adamw(1e-3))
    labels = optim.labels_by_path({"**/bias": "slow", "**": "fast"})
    optimizer = optim.apply_if_finite(
        optim.chain(
            optim.clip_by_global_norm(1.0),
            optim.partition(
                {"slow": optim.adamw(1e-4), "fast": optim.adamw(1e-3)}, labels
            ),
        ),
        3,
    )

    there = optim.transfer_state(optimizer, PARAMS, stored)
    back = optim.transfer_state(optim.adamw(1e-3), PARAMS, there.state)

    assert_equal(back.state, stored)
    assert {a.slot for a in there.arrays if a.outcome == "new"} == {
        "ApplyIfFiniteState.last_finite",
        "ApplyIfFiniteState.notfinite_count",
        "ApplyIfFiniteState.total_notfinite",
    }


def test_new_parameters_in_a_group_of_their_own_leave_the_others_alone():
    stored = trained(optim.adamw(1e-3))
    params = {**PARAMS, "head": jnp.zeros(2)}
    labels = optim.labels_by_path({"head": "new", "**": "old"})
    groups = optim.partition({"old": optim.adamw(1e-3), "new": optim.adam(0.1)}, labels)

    alone = optim.transfer_state(optim.adamw(1e-3), params, stored)
    grouped = optim.transfer_state(groups, params, stored)

    assert outcomes(alone)["kept"] == []
    old = grouped.state.inner_states["old"].inner_state[0]
    new = grouped.state.inner_states["new"].inner_state[0]
    assert (int(old.count), int(new.count)) == (3, 0)
    assert_equal(old.mu["layer"], stored[0].mu["layer"])


def test_what_counts_no_steps_is_taken_array_by_array():
    stored = trained(optim.sgd(0.1, momentum=0.9))
    params = {**PARAMS, "head": jnp.zeros(2)}

    moved = optim.transfer_state(optim.sgd(0.1, momentum=0.9), params, stored)

    assert outcomes(moved) == {
        "kept": ["0/trace/layer/bias", "0/trace/layer/kernel"],
        "new": ["0/trace/head"],
        "dropped": [],
    }


def test_arrays_of_another_shape_are_new():
    stored = trained(optim.sgd(0.1, momentum=0.9))
    params = {"layer": {**PARAMS["layer"], "bias": jnp.ones(5)}}

    moved = optim.transfer_state(optim.sgd(0.1, momentum=0.9), params, stored)

    assert str(moved) == (
        "kept     TraceState.trace  1 array  48 bytes\n"
        "new      TraceState.trace  1 array  20 bytes  stored as f32[4]\n"
        "dropped  0/trace           1 array  16 bytes"
    )


def test_dtypes_are_those_of_the_new_optimizer():
    stored = trained(optim.adam(0.1, mu_dtype="bfloat16"))

    moved = optim.transfer_state(optim.adam(0.1), PARAMS, stored)

    mu = moved.state[0].mu["layer"]["kernel"]
    assert mu.dtype == "float32"
    assert_equal(mu, stored[0].mu["layer"]["kernel"].astype("float32"))
    assert "2 arrays  64 bytes  cast from bfloat16\n" in str(moved)


@pytest.mark.parametrize("prepared", [as_stored, lambda state: state])
def test_state_in_eight_bits_is_packed_and_unpacked(prepared):
    wide = optim.adam(0.1)
    small = optim.with_8bit_state(wide, min_size=1)
    stored = trained(wide)

    there = optim.transfer_state(small, PARAMS, prepared(stored))
    again = optim.transfer_state(small, PARAMS, prepared(there.state))
    back = optim.transfer_state(wide, PARAMS, prepared(there.state))

    codes = tree_get(there.state, "nu")["layer"]["kernel"].codes
    assert codes.dtype == "uint8"
    assert_equal(again.state, there.state)
    for name in ("mu", "nu"):
        for leaf, one in (("kernel", back), ("bias", back)):
            got = tree_get(one.state, name)["layer"][leaf]
            wanted = np.asarray(tree_get(stored, name)["layer"][leaf])
            limit = 0.02 * np.abs(wanted).max()
            np.testing.assert_allclose(got, wanted, atol=limit)
    assert "packed into 8 bits" in str(there)
    assert "unpacked from 8 bits" in str(back)


def test_fields_that_occur_twice_go_by_the_state_they_are_in():
    both = optim.chain(optim.ema(0.9), optim.scale_by_adam(), optim.ema(0.5))
    stored = trained(both)
    stored = (stored[0], stored[1]._replace(count=jnp.int32(7)), stored[2])

    adam = optim.transfer_state(optim.scale_by_adam(), PARAMS, stored)
    ema = optim.transfer_state(optim.ema(0.9), PARAMS, {"other": stored})

    assert_equal(adam.state, stored[1])
    # Which of two is wanted can't be known.
    assert {a.note for a in ema.arrays if a.outcome == "new"} == {
        "stored more than once",
        "anew, as ema/layer/bias is stored more than once",
    }


class Layer(NamedTuple):
    count: jnp.ndarray
    mu: jnp.ndarray


def test_parameters_in_named_tuples_are_no_states():
    params = [Layer(jnp.ones(2), jnp.ones(3)), Layer(jnp.ones(3), jnp.ones(2))]
    stored = trained(optim.adam(0.1), params)

    optimizer = optim.chain(optim.clip(1.0), optim.adam(0.1))

    moved = optim.transfer_state(optimizer, params, as_stored(stored))

    assert_equal(moved.state[1], stored)


@pytest.mark.parametrize("param", [jnp.ones(3), [jnp.ones(3)]])
def test_a_single_parameter_will_do(param):
    stored = trained(optim.adam(0.1), param)

    moved = optim.transfer_state(optim.lion(0.1), param, as_stored(stored))

    assert_equal(moved.state[0].mu, stored[0].mu)
    assert int(moved.state[0].count) == 3


def test_a_state_without_arrays_has_nothing_to_transfer():
    assert (
        str(optim.transfer_state(optim.sgd(0.1), PARAMS, ())) == "nothing to transfer"
    )


def test_what_is_no_array_is_told_by_path():
    with pytest.raises(TypeError) as raised:
        optim.transfer_state(optim.sgd(0.1), PARAMS, {"state": (), "name": "run"})

    assert re.sub(r"  at .*", "  at <here>", str(raised.value)) == (
        "transfer_state: the leaves of `stored` must be arrays, got\n"
        "  ['name']: str\n"
        "  at <here>\n"
        "Pass the part of the tree that is the state of an optimizer."
    )
