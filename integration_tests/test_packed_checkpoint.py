"""Packed trees in checkpoints: stored as the trees they hold."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import ckpt, optim

PARAMS = {
    "layer": {"w": jnp.arange(6.0).reshape(2, 3), "b": jnp.ones(3)},
    "scale": jnp.asarray(2.0),
}
OPTIMIZER = optim.adamw(0.1)


def trained(params):
    """Parameters and state after two steps, gradients being the parameters."""
    state = OPTIMIZER.init(params)
    for _ in range(2):
        updates, state = OPTIMIZER.update(params, state, params)
        params = optim.apply_updates(params, updates)
    return params, state


def plain(tree):
    """A tree with its packed parts unpacked."""
    is_packed = lambda x: isinstance(x, optim.Packed)  # noqa: E731
    open_ = lambda x: x.unpack() if is_packed(x) else x  # noqa: E731
    return dc.tree.map(open_, tree, is_leaf=is_packed)


def assert_equal(got, expected):
    assert dc.tree.structure(got) == dc.tree.structure(expected)
    for x, y in zip(dc.tree.leaves(got), dc.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.fixture
def saved(tmp_path):
    """A checkpoint of packed parameters and state, and these."""
    packed = trained(optim.pack(PARAMS))
    ckpt.save(tmp_path / "step", packed)
    return tmp_path / "step", packed


FORMS = {
    "packed": lambda: optim.pack(PARAMS),
    "plain": lambda: PARAMS,
    "in groups": lambda: optim.pack(PARAMS, {"layer": "a", "scale": "b"}),
    "filled up": lambda: optim.pack(PARAMS, multiple_of=8),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_packed_tree_is_restored_into_any_form(saved, form):
    path, packed = saved
    params = FORMS[form]()
    target = params, OPTIMIZER.init(params)

    restored = ckpt.load(path, like=target)

    assert dc.tree.structure(restored) == dc.tree.structure(target)
    assert_equal(plain(restored), plain(packed))


@pytest.mark.parametrize("form", FORMS)
def test_descriptions_of_packed_trees_are_targets(saved, form):
    path, packed = saved
    params = FORMS[form]()
    target = dc.eval_shape(lambda p: (p, OPTIMIZER.init(p)), params)

    assert_equal(plain(ckpt.load(path, like=target)), plain(packed))


def test_a_plain_tree_is_restored_packed(tmp_path):
    expected = trained(PARAMS)
    ckpt.save(tmp_path / "step", expected)
    params = optim.pack(PARAMS)

    restored = ckpt.load(tmp_path / "step", like=(params, OPTIMIZER.init(params)))

    assert isinstance(restored[0], optim.Packed)
    assert_equal(plain(restored), expected)


def test_training_goes_on_as_if_it_had_not_stopped(saved):
    path, (params, state) = saved
    restored, restored_state = ckpt.load(path, like=(params, state))

    expected, _ = OPTIMIZER.update(params, state, params)
    got, _ = OPTIMIZER.update(restored, restored_state, restored)

    assert_equal(got, expected)


def test_buffers_on_a_mesh_are_restored_where_they_were(tmp_path):
    rows = dc.NamedSharding(dc.make_mesh((1,), ("data",)), dc.P("data"))
    packed = dc.device_put(optim.pack(PARAMS, multiple_of=8), rows)
    ckpt.save(tmp_path / "step", packed)

    restored = ckpt.load(tmp_path / "step", like=packed)

    assert restored.buffers[0].sharding == rows
    assert_equal(restored, packed)
