"""Every mistake is one message: what, where by path, and the remedy."""

import re

import numpy as np
import pytest

import dolmen.core.numpy as jnp
from dolmen import optim


def message_of(raised):
    """The message with the user's line replaced by ``<here>``."""
    return re.sub(r"  at .*", "  at <here>", str(raised.value))


def test_missing_and_unknown_gradients_are_listed_by_path():
    params = {"a": jnp.ones(2), "b": {"c": jnp.ones(3)}}
    optimizer = optim.adam(0.1)
    state = optimizer.init(params)

    with pytest.raises(ValueError) as raised:
        optimizer.update({"a": jnp.ones(2), "d": jnp.ones(1)}, state, params)

    assert message_of(raised) == (
        "scale_by_adam: `updates` and `state.mu` must have the same structure:\n"
        "  only in `updates`: ['d']\n"
        "  only in `state.mu`: ['b']['c']\n"
        "  at <here>\n"
        "Make the state with `init` from the parameters that the gradients belong to."
    )


def test_all_leaves_of_another_shape_are_listed():
    optimizer = optim.sgd(0.1)
    params = {"a": jnp.ones(2), "b": jnp.ones(3), "c": jnp.ones(())}

    with pytest.raises(ValueError) as raised:
        optimizer.update(
            {"a": jnp.ones((2, 2)), "b": jnp.ones(1), "c": jnp.ones(())},
            optimizer.init(params),
            params,
        )

    assert message_of(raised) == (
        "scale: `updates` and `params` must have the same leaf shapes:\n"
        "  ['a']: `updates` f32[2,2], `params` f32[2]\n"
        "  ['b']: `updates` f32[1], `params` f32[3]\n"
        "  at <here>\n"
        "Pass the parameters that were differentiated."
    )


def test_equal_paths_in_other_containers_are_explained():
    with pytest.raises(ValueError) as raised:
        optim.apply_updates([jnp.ones(1)], (jnp.ones(1),))

    assert message_of(raised) == (
        "apply_updates: `params` and `updates` must have the same structure:\n"
        "  same paths in other containers: `params` is PyTreeDef([*]), `updates` is "
        "PyTreeDef((*,))\n"
        "  at <here>\n"
        "Pass the updates that `update` returned for these parameters."
    )


def test_gradients_that_are_not_floating_point_are_listed():
    optimizer = optim.sgd(0.1)
    grads = {"step": jnp.zeros((), jnp.int32), "w": jnp.ones(2), "name": "mlp"}

    with pytest.raises(TypeError) as raised:
        optimizer.update(grads, optimizer.init(grads))

    assert message_of(raised) == (
        "scale: the leaves of `updates` must be floating-point arrays, got\n"
        "  ['name']: str\n"
        "  ['step']: i32[]\n"
        "  at <here>\n"
        "Differentiate and optimize only the trained part of the tree."
    )


def test_moments_of_integer_parameters_are_refused():
    with pytest.raises(TypeError, match=r"(?s)^scale_by_adam: .*`params`.*i32\[2\]"):
        optim.adam(0.1).init([jnp.zeros(2, jnp.int32)])


def test_long_lists_of_differences_are_shortened():
    params = {f"p{i:02d}": jnp.ones(1) for i in range(12)}

    with pytest.raises(ValueError, match=r"\['p07'\]\n  and 4 more\n"):
        optim.apply_updates(params, {})


def test_weight_decay_without_parameters_is_refused():
    optimizer = optim.adamw(0.1)
    params = jnp.ones(2)

    with pytest.raises(ValueError) as raised:
        optimizer.update(params, optimizer.init(params))

    assert message_of(raised) == (
        "add_decayed_weights: `params` must be given, got None.\n"
        "  at <here>\n"
        "Call `update(grads, state, params)`."
    )


def test_the_state_of_another_chain_is_refused():
    optimizer = optim.adamw(0.1)
    params = jnp.ones(2)

    with pytest.raises(ValueError) as raised:
        optimizer.update(params, optim.sgd(0.1).init(params), params)

    assert message_of(raised) == (
        "chain: `state` must be a tuple of 3 states, one for each transformation, got "
        "2 states.\n"
        "  at <here>\n"
        "Make it with the `init` of this very chain."
    )


def test_chain_takes_transformations_only():
    with pytest.raises(TypeError) as raised:
        optim.chain(optim.scale(1.0), optim.clip)

    assert message_of(raised) == (
        "chain: argument 1 must be a GradientTransformation, got function.\n"
        "  at <here>\n"
        "Call the function that makes it: `chain(clip(1.0), adam(1e-3))`."
    )


def test_a_mask_must_hold_booleans():
    params = {"w": jnp.ones(2), "b": jnp.ones(1)}

    with pytest.raises(TypeError) as raised:
        optim.adamw(0.1, mask={"w": 1, "b": False}).init(params)

    assert message_of(raised) == (
        "add_decayed_weights: `mask` must hold booleans, got\n"
        "  ['w']: int\n"
        "  at <here>\n"
        "A mask is fixed: use Python's True and False."
    )


def test_a_mask_must_be_a_prefix_of_the_tree():
    with pytest.raises(
        ValueError, match=r"^masked: `mask` must be a prefix of the tree"
    ):
        optim.masked(optim.scale(1.0), {"x": True}).init({"w": jnp.ones(2)})


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda: optim.linear_schedule(1.0, 0.0, -1),
            "polynomial_schedule: `transition_steps` must not be negative, got -1.",
        ),
        (
            lambda: optim.exponential_decay(1.0, 2, 0.5, transition_begin=-3),
            "exponential_decay: `transition_begin` must not be negative, got -3.",
        ),
        (
            lambda: optim.cosine_decay_schedule(1.0, 0),
            "cosine_decay_schedule: `decay_steps` must be positive, got 0.",
        ),
        (
            lambda: optim.warmup_cosine_decay_schedule(0.0, 1.0, 10, 10),
            "warmup_cosine_decay_schedule: `decay_steps` must be greater than "
            "`warmup_steps`, got 10 and 10.",
        ),
        (
            lambda: optim.piecewise_constant_schedule(1.0, {3: -0.5}),
            "piecewise_constant_schedule: the factors in `boundaries_and_scales` must "
            "not be negative, got {3: -0.5}.",
        ),
        (
            lambda: optim.join_schedules([optim.constant_schedule(1.0)], [3]),
            "join_schedules: `boundaries` must have one element fewer than "
            "`schedules`, got 1 boundaries for 1 schedules.",
        ),
        (
            lambda: optim.l2_loss(jnp.ones((2, 1)), jnp.ones(2)),
            "l2_loss: `predictions` and `targets` must have the same shape, got "
            "f32[2,1] and f32[2].",
        ),
        (
            lambda: optim.softmax_cross_entropy_with_integer_labels(
                jnp.ones((4, 3)), jnp.zeros((4, 3), jnp.int32)
            ),
            "softmax_cross_entropy_with_integer_labels: `labels` must have the shape "
            "of `logits` without axis -1: expected [4], got i32[4,3] for `logits` "
            "f32[4,3].",
        ),
    ],
)
def test_wrong_values_are_refused(call, expected):
    with pytest.raises(ValueError) as raised:
        call()

    assert str(raised.value).splitlines()[0] == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda: optim.squared_error(jnp.ones(2, jnp.int32)),
            "squared_error: `predictions` must be a floating-point array, got i32[2].",
        ),
        (
            lambda: optim.softmax_cross_entropy(np.ones(2, np.int32), np.ones(2)),
            "softmax_cross_entropy: `logits` must be a floating-point array, got "
            "i32[2].",
        ),
        (
            lambda: optim.softmax_cross_entropy_with_integer_labels(
                jnp.ones((2, 3)), jnp.ones(2)
            ),
            "softmax_cross_entropy_with_integer_labels: `labels` must be integers, got "
            "f32[2].",
        ),
    ],
)
def test_wrong_dtypes_are_refused(call, expected):
    with pytest.raises(TypeError) as raised:
        call()

    assert str(raised.value).splitlines()[0] == expected
