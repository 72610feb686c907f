"""Steps after the first take what was found out about trees, and no more than that."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.optim._batches import Batches
from dolmen.optim._known import Known


def params(**changed):
    return {"w": jnp.ones((2, 3)), "b": jnp.zeros(3), **changed}


def test_equal_keys_are_found_once():
    known, calls = Known(), []

    def find():
        calls.append(None)
        return len(calls)

    assert [known.of(key, find) for key in ("a", "a", "b", "a")] == [1, 1, 2, 1]


def test_old_keys_make_room():
    known = Known()

    for key in range(100):
        known.of(key, lambda key=key: key + 1)

    assert len(known._found) <= 8


@pytest.mark.parametrize("kinds", ["", "a", "ab" * 20, "a" * 23 + "b", "abcabc"])
def test_batches_give_every_leaf_back_in_its_place(kinds):
    batches = Batches(kinds)
    leaves, others = range(len(kinds)), [str(i) for i in range(len(kinds))]

    parts = list(batches.split([leaves, others]))

    assert all({kinds[i] for i in part[0]} == {kind} for kind, part in parts)
    joined = batches.join([part for _, part in parts], 2)
    assert joined == [tuple(leaves), tuple(others)]


def test_a_bad_tree_after_a_good_step_is_told():
    optimizer = optim.adam(0.1)
    state = optimizer.init(params())
    _, state = optimizer.update(params(), state, params())

    with pytest.raises(ValueError, match=r"leaf shapes.*\n.*\['b'\]"):
        optimizer.update(params(b=jnp.zeros(4)), state, params())
    with pytest.raises(ValueError, match=r"leaf shapes.*\n.*\['b'\]"):
        optimizer.update(params(), state, params(b=jnp.zeros(4)))
    with pytest.raises(TypeError, match=r"floating-point.*\n.*\['b'\]"):
        optimizer.update(params(b=jnp.zeros(3, int)), state, params())
    with pytest.raises(ValueError, match="structure"):
        optimizer.update(params(), state, params(c=1.0))
    with pytest.raises(ValueError, match="structure"):
        optimizer.update(params(), state, (jnp.zeros(3), jnp.ones((2, 3))))


def test_a_bad_state_after_a_good_step_is_told():
    optimizer = optim.scale_by_adam()
    state = optimizer.init(params())
    _, state = optimizer.update(params(), state)

    with pytest.raises(ValueError, match=r"`state.mu`"):
        optimizer.update(params(), state._replace(mu=params(b=jnp.zeros(4))))
    with pytest.raises(ValueError, match=r"`state.nu`"):
        optimizer.update(params(), state._replace(nu={"w": jnp.ones((2, 3))}))


def test_updates_to_apply_are_checked_after_good_ones():
    optim.apply_updates(params(), params())

    with pytest.raises(ValueError, match="leaf shapes"):
        optim.apply_updates(params(), params(b=jnp.zeros(4)))
    with pytest.raises(ValueError, match="structure"):
        optim.apply_updates(params(), (jnp.zeros(3), jnp.ones((2, 3))))


def test_masks_may_change_from_step_to_step():
    chosen = ["w"]
    optimizer = optim.add_decayed_weights(
        0.5, mask=lambda tree: {name: name in chosen for name in tree}
    )
    ones = params(b=jnp.ones(3))
    state = optimizer.init(ones)

    first, state = optimizer.update(params(), state, ones)
    chosen[0] = "b"
    second, _ = optimizer.update(params(), state, ones)

    np.testing.assert_array_equal(first["w"], np.full((2, 3), 1.5))
    np.testing.assert_array_equal(first["b"], np.zeros(3))
    np.testing.assert_array_equal(second["w"], np.ones((2, 3)))
    np.testing.assert_array_equal(second["b"], np.full(3, 0.5))


def test_dtypes_may_change_from_step_to_step():
    optimizer = optim.sgd(0.5)
    state = optimizer.init(params())

    wide, state = optimizer.update(params(), state)
    narrow, _ = optimizer.update(dc.tree.map(jnp.bfloat16, params()), state)

    assert wide["w"].dtype == jnp.float32
    assert narrow["w"].dtype == jnp.bfloat16


@dc.tree_util.register_pytree_node_class
class Labelled:
    """A node that holds what has no hash."""

    def __init__(self, value, labels):
        self.value, self.labels = value, labels

    def tree_flatten(self):
        return [self.value], self.labels

    @classmethod
    def tree_unflatten(cls, labels, children):
        return cls(*children, labels)


def test_nodes_without_a_hash_are_taken():
    tree = Labelled(jnp.ones(3), ["a", "b"])
    optimizer = optim.sgd(0.5)

    updates, _ = optimizer.update(tree, optimizer.init(tree), tree)
    new = optim.apply_updates(tree, updates)

    np.testing.assert_array_equal(new.value, np.full(3, 0.5))
    assert new.labels == ["a", "b"]
