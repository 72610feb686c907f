"""Packed trees: they train as the trees do, whatever the optimizer looks at."""

import pickle

import numpy as np
import pytest
from every import OPTIMIZERS, ready

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.core import tree, tree_util
from dolmen.optim import _packed

RNG = np.random.default_rng(3)
TARGET = {
    "matrix": RNG.normal(size=(4, 3)).astype("float32"),
    "rest": [RNG.normal(size=5).astype("float32"), np.float32(0.5)],
    "wide": RNG.normal(size=(2, 4)).astype("float32"),
}
START = tree.map(lambda t: jnp.full(t.shape, 0.1), TARGET)


def loss(params):
    terms = tree.map(lambda p, t: jnp.sum((1 + abs(t)) * (p - t) ** 2), params, TARGET)
    return sum(tree.leaves(terms))


def trained(optimizer, params, loss, steps=4):
    @dc.jit
    def run(params):
        def step(carry, _):
            params, state = carry
            grads = dc.grad(loss)(params)
            updates, state = optimizer.update(grads, state, params, value_fn=loss)
            return (optim.apply_updates(params, updates), state), None

        return dc.lax.scan(step, (params, optimizer.init(params)), None, steps)[0][0]

    return run(params)


def assert_trained_alike(optimizer):
    plain = trained(optimizer, START, loss)

    packed = trained(optimizer, optim.pack(START), lambda p: loss(p.unpack())).unpack()

    assert tree.structure(packed) == tree.structure(plain)
    tree.map(
        # Sums of other order, then a few steps.
        lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5),
        packed,
        plain,
    )


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_trains_a_packed_tree_as_the_tree(name):
    assert_trained_alike(ready(name))


def is_matrix(params):
    return tree.map(lambda p: p.ndim > 1, params)


def without_extra_args(optimizer):
    def update(updates, state, params=None, **extra_args):
        del extra_args
        return optimizer.update(updates, state, params)

    update.takes_packed = True  # for `optimizer` to see what it is given
    init = lambda params: optimizer.init(params)  # noqa: E731
    init.takes_packed = True
    return optim.GradientTransformation(init, update)


PARTS = {
    "adaptive_grad_clip": lambda: optim.adaptive_grad_clip(0.1),
    "apply_every": lambda: optim.apply_every(2),
    "apply_if_finite": lambda: optim.apply_if_finite(optim.adam(0.1), 2),
    "cautious": lambda: optim.cautious(optim.adam(0.1)),
    "centralize": optim.centralize,
    "chain of all kinds": lambda: optim.chain(
        optim.clip_by_global_norm(1.0),
        optim.trace(0.9),
        optim.centralize(),
        optim.scale_by_adam(),
        optim.scale_by_trust_ratio(),
        optim.scale(-0.1),
    ),
    "clip": lambda: optim.clip(0.1),
    "conditionally_mask": lambda: optim.conditionally_mask(
        optim.adam(0.1), lambda step: step % 2 == 1
    ),
    "conditionally_transform": lambda: optim.conditionally_transform(
        optim.adam(0.1), lambda step: step % 2 == 1
    ),
    "clip_by_block_rms": lambda: optim.clip_by_block_rms(0.1),
    "clip_by_global_norm": lambda: optim.clip_by_global_norm(0.1),
    "decay of matrices": lambda: optim.adamw(0.1, weight_decay=0.5, mask=is_matrix),
    "ema": lambda: optim.ema(0.9),
    "flatten": lambda: optim.flatten(optim.adam(0.1)),
    "freeze": lambda: optim.freeze(is_matrix),
    "inject_hyperparams": lambda: optim.inject_hyperparams(optim.lamb)(0.1),
    "masked": lambda: optim.masked(optim.sgd(0.1, momentum=0.9), is_matrix),
    "MultiSteps": lambda: optim.MultiSteps(
        optim.lamb(0.1), 2
    ).gradient_transformation(),
    "named_chain": lambda: optim.named_chain(
        ("centralize", optim.centralize()), ("adam", optim.adam(0.1))
    ),
    "normalize": optim.contrib.normalize,
    "params_ema": lambda: optim.chain(optim.adam(0.1), optim.params_ema()),
    "partition": lambda: optim.partition(
        {True: optim.lamb(0.1), False: optim.sgd(0.1)}, is_matrix
    ),
    "scale_by_param_block_rms": optim.scale_by_param_block_rms,
    "stateless": lambda: optim.stateless_with_tree_map(
        lambda g, p: g / (1 + jnp.max(jnp.abs(g)))
    ),
    "with_8bit_state": lambda: optim.with_8bit_state(
        optim.sgd(0.1, momentum=0.9), min_size=1
    ),
    "with_compensation": lambda: optim.with_compensation(optim.adam(0.1)),
    "with_master_weights": lambda: optim.with_master_weights(optim.adam(0.1)),
    "zero_nans": optim.zero_nans,
}


@pytest.mark.parametrize("name", PARTS)
def test_a_part_does_with_a_packed_tree_what_it_does_with_the_tree(name):
    assert_trained_alike(without_extra_args(PARTS[name]()))


# What looks at the norm, the axes or the noise of each array.
BY_ARRAY = {
    "adafactor",
    "contrib.galore",
    "contrib.muon",
    "contrib.sophia",
    "dpsgd",
    "fromage",
    "lamb",
    "lars",
    "lbfgs",
    "muonclip",
    "noisy_sgd",
    "novograd",
    "shampoo",
    "sm3",
    "soap",
}

ON_BUFFERS = {
    **{
        name: PARTS[name]
        for name in (
            "apply_if_finite",
            "clip",
            "clip_by_global_norm",
            "conditionally_mask",
            "conditionally_transform",
            "ema",
            "normalize",
            "params_ema",
            "with_compensation",
            "with_master_weights",
        )
    },
    **{name: OPTIMIZERS[name] for name in OPTIMIZERS.keys() - BY_ARRAY},
    "inject_hyperparams": lambda: optim.inject_hyperparams(optim.adamw)(0.1),
    "MultiSteps": lambda: optim.MultiSteps(
        optim.adam(0.1), 2
    ).gradient_transformation(),
}


@pytest.mark.parametrize("name", sorted(ON_BUFFERS))
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_what_treats_elements_alike_acts_on_buffers(name, dtype, monkeypatch):
    packed = optim.pack({"w": jnp.ones((2, 3), dtype), "b": jnp.ones(2, dtype)})
    optimizer = optim.with_extra_args_support(ON_BUFFERS[name]())

    def never(*_):
        raise AssertionError("a packed tree was opened")

    monkeypatch.setattr(_packed, "pieces_of", never)
    monkeypatch.setattr(_packed, "joined", never)

    state = optimizer.init(packed)
    for _ in range(2):
        _, state = optimizer.update(packed, state, packed, value=jnp.float32(1.0))


# Yogi's first moment begins above zero, so that it moves what has no gradient.
@pytest.mark.parametrize("name", sorted(ON_BUFFERS.keys() - {"yogi"}))
def test_what_fills_buffers_up_stays_zero(name):
    params = optim.pack({"w": jnp.ones((2, 3)), "b": jnp.ones(2)}, multiple_of=16)
    optimizer = optim.with_extra_args_support(ON_BUFFERS[name]())
    state = optimizer.init(params)

    for _ in range(3):
        updates, state = optimizer.update(params, state, params, value=jnp.float32(1.0))
        params = optim.apply_updates(params, updates)

    np.testing.assert_array_equal(params.buffers[0][8:], np.zeros(8))


def test_low_precision_trains_packed_as_plain():
    start = {"w": jnp.ones((2, 3), "bfloat16"), "b": jnp.ones(2)}

    for wrapper in (optim.with_master_weights, optim.with_compensation):
        optimizer = wrapper(optim.adam(1e-3))
        plain = trained(optimizer, start, small_loss)
        packed = trained(
            optimizer, optim.pack(start), lambda p: small_loss(p.unpack())
        ).unpack()
        for name in start:
            np.testing.assert_array_equal(plain[name], packed[name])


def small_loss(params):
    return sum(jnp.sum(p.astype("float32") ** 2) for p in params.values())


def test_lookahead_takes_packed_trees():
    optimizer = optim.lookahead(optim.sgd(0.1), 2, 0.5)

    def followed(params, loss):
        params = optim.LookaheadParams.init_synced(params)
        state = optimizer.init(params)
        for _ in range(3):
            grads = dc.grad(loss)(params.fast)
            updates, state = optimizer.update(grads, state, params)
            params = optim.apply_updates(params, updates)
        return params.slow

    plain = followed(START, loss)
    packed = followed(optim.pack(START), lambda p: loss(p.unpack())).unpack()

    for x, y in zip(tree.leaves(packed), tree.leaves(plain), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5)


def test_a_transformation_by_hand_sees_the_leaves():
    seen = []

    def update(updates, state, params=None):
        seen.append((tree.structure(updates), tree.structure(params)))
        return updates, state

    by_hand = optim.GradientTransformation(optim.init_empty_state, update)
    packed = optim.pack(START)

    updates, _ = by_hand.update(packed, by_hand.init(packed), packed)

    assert seen == [(tree.structure(START), tree.structure(START))]
    assert isinstance(updates, optim.Packed)


def test_elementwise_state_lies_in_buffers():
    packed = optim.pack(START)

    state = optim.chain(optim.clip(1.0), optim.adamw(0.1)).init(packed)

    shapes = sorted(leaf.shape for leaf in tree.leaves(state))
    assert shapes == [(), (26,), (26,)]


BY_RANK = {"matrix": "matrix", "rest": "other", "wide": "matrix"}
GROUPED = {
    "decay": lambda: optim.adamw(0.1, weight_decay=0.5, mask=is_matrix),
    "freeze": lambda: optim.freeze(is_matrix),
    "masked": lambda: optim.masked(optim.adam(0.1), is_matrix),
    "masked, then leaves": lambda: optim.masked(optim.lamb(0.1), is_matrix),
    "masked within masked": lambda: optim.masked(
        optim.masked(optim.sgd(0.1), is_matrix), is_matrix
    ),
    "partition": lambda: optim.partition(
        {"matrix": optim.adam(0.1), "other": optim.sgd(0.1, momentum=0.9)}, BY_RANK
    ),
    "partition by path, with decay": lambda: optim.partition(
        {1: optim.adamw(0.1, mask=is_matrix), 2: optim.lamb(0.1)},
        optim.labels_by_path({"rest/*": 1, "*": 2}),
    ),
}


@pytest.mark.parametrize("name", GROUPED)
def test_groups_that_lie_together_train_as_the_tree(name):
    optimizer = without_extra_args(GROUPED[name]())
    plain = trained(optimizer, START, loss)
    packed = optim.pack(START, BY_RANK)

    made = trained(optimizer, packed, lambda p: loss(p.unpack())).unpack()

    for x, y in zip(tree.leaves(made), tree.leaves(plain), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["decay", "masked", "partition"])
def test_groups_that_lie_together_have_their_state_in_buffers(name):
    optimizer = GROUPED[name]()

    together = tree.leaves(optimizer.init(optim.pack(START, BY_RANK)))

    arrays = sorted(leaf.shape for leaf in together if leaf.ndim)
    assert set(arrays) <= {(20,), (6,)}
    assert (20,) in arrays


def test_masks_by_values_see_the_leaves():
    large = lambda grads: tree.map(lambda g: bool(jnp.max(g) > 2), grads)  # noqa: E731
    transform = optim.masked(optim.scale(-1.0), large)
    grads = {"a": jnp.array([1.0, 3.0]), "b": jnp.array([1.0, 2.0])}
    packed = optim.pack(grads)

    updates, _ = transform.update(packed, transform.init(packed))

    np.testing.assert_array_equal(updates.unpack()["a"], [-1, -3])
    np.testing.assert_array_equal(updates.unpack()["b"], [1, 2])


def test_unpacking_gives_back_every_leaf_and_dtype():
    params = {
        "a": jnp.arange(6, dtype="bfloat16").reshape(2, 3),
        "b": (jnp.float32(2.0), jnp.ones((0, 3)), jnp.arange(4.0)),
        "c": jnp.full((1, 1), 7, "bfloat16"),
    }

    back = optim.pack(params).unpack()

    assert tree.structure(back) == tree.structure(params)
    for x, y in zip(tree.leaves(back), tree.leaves(params), strict=True):
        assert x.dtype == y.dtype
        np.testing.assert_array_equal(x, y)


def test_an_empty_tree_has_no_buffers():
    packed = optim.pack({})

    assert packed.buffers == ()
    assert packed.unpack() == {}


def test_buffers_are_named_by_group_and_dtype():
    params = {"w": jnp.ones((2, 2)), "b": jnp.ones(3, "bfloat16"), "v": jnp.ones(2)}
    groups = optim.labels_by_path({"w": "decayed", "*": "other"})

    packed = optim.pack(params, groups)

    assert repr(packed) == (
        "Packed(other: bfloat16: bf16[3], other: float32: f32[2], "
        "decayed: float32: f32[4], 3 arrays)"
    )
    paths = [tree_util.keystr(path) for path, _ in tree.leaves_with_path(packed)]
    assert paths == [
        "['other: bfloat16']",
        "['other: float32']",
        "['decayed: float32']",
    ]


def test_derivatives_by_buffers_are_those_by_leaves():
    packed = optim.pack(START)
    expected = dc.grad(loss)(START)

    for derive in (dc.grad, lambda f: dc.jit(dc.grad(f)), dc.jacfwd):
        made = derive(lambda p: loss(p.unpack()))(packed).unpack()
        tree.map(
            lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5), made, expected
        )


def test_a_leaf_that_is_not_used_has_the_derivative_zero():
    packed = optim.pack({"used": jnp.ones(2), "other": jnp.ones(3)})

    grads = dc.grad(lambda p: jnp.sum(p.unpack()["used"]))(packed).unpack()

    np.testing.assert_array_equal(grads["other"], np.zeros(3))
    np.testing.assert_array_equal(grads["used"], np.ones(2))


def test_packing_is_differentiated_twice():
    def f(w, b):
        packed = optim.pack({"w": w, "b": b})
        return jnp.sum(packed.buffers[0] ** 3)

    w, b = jnp.array([[1.0, 2.0]]), jnp.array([3.0])

    second = dc.grad(lambda w: jnp.sum(dc.grad(f)(w, b) ** 2))(w)

    # d/dw (3 w²)² = 36 w³
    np.testing.assert_allclose(second, [[36.0, 288.0]])


def test_examples_have_packed_gradients():
    packed = optim.pack(START)
    xs = jnp.arange(3.0)

    def of_example(p, x):
        return x * loss(p.unpack())

    many = dc.jit(dc.vmap(dc.grad(of_example), (None, 0)))(packed, xs)

    one = dc.grad(loss)(START)
    made = many.unpack()
    assert made["matrix"].shape == (3, 4, 3)
    tree.map(lambda m, g: np.testing.assert_allclose(m[2], 2 * g, rtol=1e-5), made, one)


def test_packing_and_unpacking_are_mapped():
    w, b = jnp.arange(12.0).reshape(3, 2, 2), jnp.ones(2)

    def f(w):
        return optim.pack({"b": b, "w": w}).buffers[0]

    buffers = dc.vmap(f)(w)

    np.testing.assert_array_equal(buffers[1], [1, 1, 4, 5, 6, 7])
    back = dc.vmap(lambda x: optim.pack({"x": x}).unpack()["x"], 1, 1)(w)
    np.testing.assert_array_equal(back, w)


def test_a_packed_train_step_compiles_equal_leaves_once():
    leaves = {f"layer {i}": jnp.ones((8, 8)) for i in range(40)}
    packed = optim.pack(leaves)

    text = dc.jit(lambda p: p.unpack()).trace(packed).lower().as_text()

    assert text.count("dynamic_slice") == 1
    assert text.count("func.call") + text.count(" call @") == 40


def test_packed_trees_within_trees_are_refused():
    packed = optim.pack({"w": jnp.ones(2)})
    message = (
        "pack: `params` must hold no packed trees, got some at\n"
        "  ['model']\n"
        "Pack the tree as a whole, and once."
    )

    with pytest.raises(TypeError) as raised:
        optim.pack({"model": packed})
    with pytest.raises(TypeError) as by_init:
        optim.scale_by_trust_ratio().init({"model": packed})

    where = str(raised.value).splitlines()[2]
    assert where.startswith("  at ")
    assert str(raised.value).replace(where + "\n", "") == message
    assert str(by_init.value).startswith("scale_by_trust_ratio: `params` must hold no")


def test_gradients_and_parameters_are_both_packed():
    packed = optim.pack(START)
    optimizer = optim.adamw(0.1)

    with pytest.raises(ValueError, match="must have the same structure"):
        optimizer.update(packed, optimizer.init(packed), START)


def test_a_transformation_survives_rebuilding():
    transform = optim.scale_by_trust_ratio()

    again = optim.GradientTransformation(*transform)

    assert again == transform
    assert pickle.loads(pickle.dumps(transform.init)).rule == transform.init.rule
    assert pickle.loads(pickle.dumps(optim.identity())) == optim.identity()


# ---- filled up -----------------------------------------------------------------------


def test_buffers_are_filled_up_to_a_multiple():
    params = {"a": jnp.arange(3.0), "b": jnp.ones((2, 2)), "c": jnp.ones(4, "int32")}

    packed = optim.pack(params, multiple_of=4)

    assert [b.shape for b in packed.buffers] == [(8,), (4,)]
    assert packed.buffers[0].tolist() == [0, 1, 2, 1, 1, 1, 1, 0]
    assert dc.tree.map(np.shape, packed.unpack()) == dc.tree.map(np.shape, params)
    grads = dc.grad(lambda p: jnp.sum(p.unpack()["a"] ** 2), allow_int=True)(packed)
    assert grads.buffers[0].tolist() == [0, 2, 4, 0, 0, 0, 0, 0]


def test_trees_filled_up_are_trained_and_batched_like_others():
    params = {"a": jnp.arange(3.0), "b": jnp.ones((2, 2))}
    packed = optim.pack(params, multiple_of=8)
    optimizer = optim.adamw(0.1)

    updates, _ = optimizer.update(packed, optimizer.init(packed), packed)
    expected, _ = optimizer.update(params, optimizer.init(params), params)
    batched = dc.vmap(
        lambda s: packed.layout.pack(dc.tree.map(lambda x: x * s, params))
    )

    np.testing.assert_allclose(updates.unpack()["a"], expected["a"], rtol=1e-6)
    assert updates.buffers[0][7] == 0
    assert batched(jnp.arange(2.0)).buffers[0].shape == (2, 8)


@pytest.mark.parametrize("multiple", [0, -2, 1.5])
def test_what_is_no_positive_multiple_is_refused(multiple):
    with pytest.raises(ValueError, match="multiple_of must be a positive integer, got"):
        optim.pack({"a": jnp.ones(2)}, multiple_of=multiple)
