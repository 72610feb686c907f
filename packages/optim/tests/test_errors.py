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
        "chain: argument 1 must be a GradientTransformation, got function clip.\n"
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
            "linear_schedule: `transition_steps` must not be negative, got -1.",
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


# ---- states of other transformations ------------------------------------------------

PARAMS = {"b": {"c": jnp.ones(3)}, "w": jnp.ones(2)}
SGD = optim.sgd(0.1, momentum=0.9)


@pytest.mark.parametrize(
    ("optimizer", "state", "problem"),
    [
        (
            optim.adam(0.1),
            SGD.init(PARAMS),
            "scale_by_adam: `state` must be ScaleByAdamState, got TraceState.",
        ),
        (
            optim.adagrad(0.1),
            SGD.init(PARAMS),
            "scale_by_rss: `state` must be ScaleByRssState, got TraceState.",
        ),
        (
            optim.ema(0.9),
            optim.trace(0.9).init(PARAMS),
            "ema: `state` must be EmaState, got TraceState.",
        ),
        (
            SGD,
            optim.adam(0.1).init(PARAMS),
            "trace: `state` must be TraceState, got ScaleByAdamState.",
        ),
        (
            optim.scale_by_adam(),
            optim.adam(0.1).init(PARAMS),
            "scale_by_adam: `state` must be ScaleByAdamState, got tuple.",
        ),
        # All tuples have a method `count`.
        (
            optim.scale_by_schedule(lambda count: 0.1),
            optim.EmptyState(),
            "scale_by_schedule: `state` must be ScaleByScheduleState, got EmptyState.",
        ),
        (
            optim.MultiSteps(SGD, 2),
            SGD.init(PARAMS),
            "MultiSteps: `state` must be MultiStepsState, got tuple.",
        ),
        (
            optim.masked(SGD, True),
            SGD.init(PARAMS),
            "masked: `state` must be MaskedState, got tuple.",
        ),
        (
            optim.partition({"all": SGD}, "all"),
            SGD.init(PARAMS),
            "partition: `state` must be PartitionState, got tuple.",
        ),
        (
            optim.apply_if_finite(SGD, 3),
            SGD.init(PARAMS),
            "apply_if_finite: `state` must be ApplyIfFiniteState, got tuple.",
        ),
        (
            optim.conditionally_transform(SGD, lambda step: True),
            SGD.init(PARAMS),
            "conditionally_transform: `state` must be ConditionallyTransformState, got "
            "tuple.",
        ),
        (
            optim.conditionally_mask(SGD, lambda step: True),
            SGD.init(PARAMS),
            "conditionally_mask: `state` must be ConditionallyMaskState, got tuple.",
        ),
        (
            optim.inject_hyperparams(optim.sgd)(0.1),
            SGD.init(PARAMS),
            "inject_hyperparams: `state` must be InjectStatefulHyperparamsState, got "
            "tuple.",
        ),
    ],
)
def test_the_state_of_another_transformation_is_refused(optimizer, state, problem):
    with pytest.raises(TypeError) as raised:
        optimizer.update(PARAMS, state, PARAMS)

    assert message_of(raised) == (
        f"{problem}\n  at <here>\nMake it with this transformation's `init`."
    )


def test_an_attribute_that_a_schedule_lacks_is_not_blamed_on_the_state():
    optimizer = optim.sgd(lambda count: count.missing)

    with pytest.raises(AttributeError, match="missing"):
        optimizer.update(PARAMS, optimizer.init(PARAMS))


def test_lookahead_refuses_the_state_of_its_optimizer():
    params = optim.LookaheadParams.init_synced(PARAMS)

    with pytest.raises(TypeError, match=r"^lookahead: `state` must be LookaheadState"):
        optim.lookahead(SGD, 5, 0.5).update(PARAMS, SGD.init(PARAMS), params)


@pytest.mark.parametrize("count", [2, 3])
def test_a_chain_does_not_take_a_named_tuple_for_its_states(count):
    optimizer = optim.chain(*[optim.identity()] * count)

    with pytest.raises(ValueError, match=f"of {count} states.*, got ScaleByAdamState"):
        optimizer.update(PARAMS, optim.scale_by_adam().init(PARAMS))


@pytest.mark.parametrize(
    ("state", "got"), [(SGD.init(PARAMS), "tuple"), ({"clip": None}, r"\['clip'\]")]
)
def test_a_named_chain_refuses_other_states(state, got):
    optimizer = optim.named_chain(("sgd", SGD))

    with pytest.raises(ValueError, match=rf"the names \['sgd'\], got {got}\."):
        optimizer.update(PARAMS, state)


@pytest.mark.parametrize("optimizer", [optim.adam(0.1), optim.scale_by_adam()])
def test_a_forgotten_state_is_missed_by_name(optimizer):
    with pytest.raises(TypeError, match=r"^update\(\) missing 1 .*'state'$"):
        optimizer.update(PARAMS)


# ---- complex gradients -------------------------------------------------------------

COMPLEX = {**PARAMS, "w": 1j * jnp.ones(2)}


@pytest.mark.parametrize(
    ("params", "other"), [(PARAMS, "`params`"), (None, "`state.mu`")]
)
def test_complex_gradients_of_real_parameters_are_refused(params, other):
    optimizer = optim.adam(0.1)

    with pytest.raises(TypeError) as raised:
        optimizer.update(COMPLEX, optimizer.init(PARAMS), params)

    assert message_of(raised) == (
        f"scale_by_adam: `updates` of real {other} must be real, got\n"
        f"  ['w']: `updates` c64[2], {other} f32[2]\n"
        "  at <here>\n"
        "Take the gradients of a real loss, or make the parameters complex."
    )


@pytest.mark.parametrize("name", ["adam", "adagrad", "adamax", "rmsprop", "sgd"])
def test_complex_gradients_of_complex_parameters_are_taken(name):
    optimizer = getattr(optim, name)(0.1)

    updates, _ = optimizer.update(COMPLEX, optimizer.init(COMPLEX), COMPLEX)

    assert (updates["w"].imag < 0).all()


# ---- masks and labels --------------------------------------------------------------


@pytest.mark.parametrize(
    ("mask", "lines"),
    [
        (
            lambda params: None,
            ["only in the tree: ['b']['c']", "only in the tree: ['w']"],
        ),
        ({"w": True}, ["only in the tree: ['b']['c']"]),
        ({"b": True, "w": True, "x": True}, ["only in `mask`: ['x']"]),
        (
            {"b": [True], "w": True},
            ["only in the tree: ['b']['c']", "only in `mask`: ['b'][0]"],
        ),
    ],
)
def test_a_mask_that_is_no_prefix_is_compared_by_path(mask, lines):
    with pytest.raises(ValueError) as raised:
        optim.masked(SGD, mask).init(PARAMS)

    assert message_of(raised).splitlines() == [
        "masked: `mask` must be a prefix of the tree:",
        *(f"  {line}" for line in lines),
        "  at <here>",
        "Build it with `tree.map(lambda p: p.ndim > 1, params)`.",
    ]


def test_labels_that_are_no_prefix_are_compared_by_path():
    with pytest.raises(ValueError) as raised:
        optim.partition({"a": SGD}, {"w": "a"}).init(PARAMS)

    assert message_of(raised) == (
        "partition: `param_labels` must be a prefix of the tree:\n"
        "  only in the tree: ['b']['c']\n"
        "  at <here>\n"
        "Build it with `tree.map` from the same tree, or by `labels_by_path`."
    )


def test_other_containers_with_the_same_paths_are_shown():
    with pytest.raises(
        ValueError, match=r"(?s)same paths in other containers.*\(\*,\)"
    ):
        optim.masked(SGD, (True,)).init([jnp.ones(2)])


def test_a_mask_or_label_at_the_root_has_a_name():
    with pytest.raises(TypeError, match=r"\n  the tree itself: int\n"):
        optim.masked(SGD, 1).init(PARAMS)
    with pytest.raises(ValueError, match=r"\n  the tree itself: 'b'\n"):
        optim.partition({"a": SGD}, "b").init(jnp.ones(2))


# ---- losses ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "first", "second"),
    [
        (optim.softmax_cross_entropy, "logits", "labels"),
        (optim.safe_softmax_cross_entropy, "logits", "labels"),
        (optim.poly_loss_cross_entropy, "logits", "labels"),
        (optim.sigmoid_binary_cross_entropy, "logits", "labels"),
        (optim.sigmoid_focal_loss, "logits", "labels"),
        (optim.kl_divergence, "log_predictions", "targets"),
        (optim.losses.kl_divergence_with_log_targets, "log_predictions", "log_targets"),
        (optim.losses.generalized_kl_divergence, "log_predictions", "targets"),
        (optim.hinge_loss, "predictor_outputs", "targets"),
        (optim.cosine_similarity, "predictions", "targets"),
        (optim.cosine_distance, "predictions", "targets"),
    ],
)
def test_losses_name_the_arguments_that_do_not_broadcast(loss, first, second):
    with pytest.raises(ValueError) as raised:
        loss(jnp.ones((2, 3)), jnp.ones((2, 4)))

    assert str(raised.value).splitlines()[0] == (
        f"{loss.__name__}: `{first}` and `{second}` must broadcast to each other, got "
        "f32[2,3] and f32[2,4]."
    )


@pytest.mark.parametrize(
    "loss", [optim.softmax_cross_entropy, optim.safe_softmax_cross_entropy]
)
def test_class_numbers_are_sent_to_the_loss_that_takes_them(loss):
    with pytest.raises(ValueError) as raised:
        loss(jnp.ones((2, 3)), jnp.array([1, 2]))

    assert message_of(raised) == (
        f"{loss.__name__}: `logits` and `labels` must broadcast to each other, got "
        "f32[2,3] and i32[2].\n"
        "  at <here>\n"
        "For class numbers use `softmax_cross_entropy_with_integer_labels`."
    )


@pytest.mark.parametrize(
    "loss", [optim.softmax_cross_entropy, optim.kl_divergence, optim.cosine_similarity]
)
def test_losses_broadcast(loss):
    vectors = jnp.array([[0.5, 0.25], [0.25, 0.125]])

    one_for_all = loss(vectors, vectors[0])

    np.testing.assert_array_equal(one_for_all, loss(vectors, vectors[:1].repeat(2, 0)))
