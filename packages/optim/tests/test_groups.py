"""Groups of parameters, by trees and by paths."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim

PARAMS = {
    "embed": jnp.ones(2),
    "layers": [{"kernel": jnp.ones(2), "bias": jnp.ones(1)}] * 2,
}


def updates_of(transform, grads=PARAMS, compiled=False, **extra_args):
    update = dc.jit(transform.update) if compiled else transform.update
    updates, _ = update(grads, transform.init(grads), grads, **extra_args)
    return dc.tree.map(lambda leaf: float(leaf[0]), updates)


def message_of(raised):
    """The message without the user's line."""
    return re.sub(r"\n  at .*", "", str(raised.value))


@pytest.mark.parametrize("compiled", [False, True])
def test_each_group_has_its_own_transformation(compiled):
    transform = optim.partition(
        {"fast": optim.trace(0.9), "slow": optim.scale(0.5)},
        {"embed": "slow", "layers": "fast"},
    )

    assert updates_of(transform, compiled=compiled) == {
        "embed": 0.5,
        "layers": [{"kernel": 1.0, "bias": 1.0}] * 2,
    }
    kept = transform.init(PARAMS).inner_states["fast"].inner_state.trace
    assert kept["embed"] == optim.MaskedNode()


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("**/bias", ["layers/0/bias", "layers/1/bias"]),
        ("**", ["embed", "layers/0/bias", "layers/0/kernel"]),
        ("layers/1/*", ["layers/1/bias", "layers/1/kernel"]),
        ("layers/**/kern?l", ["layers/0/kernel", "layers/1/kernel"]),
        ("e[a-n]*", ["embed"]),
        ("embed", ["embed"]),
    ],
)
def test_patterns_match_paths_part_by_part(pattern, paths):
    mask = optim.mask_by_path(pattern)(PARAMS)

    chosen = [
        "/".join(str(getattr(key, "key", getattr(key, "idx", None))) for key in keys)
        for keys, leaf in dc.tree.leaves_with_path(mask)
        if leaf
    ]
    assert chosen[: len(paths)] == paths
    assert len(chosen) == len(paths) or pattern == "**"


def test_the_first_pattern_that_matches_counts():
    labels = optim.labels_by_path({"**/bias": "none", "layers/**": "one"}, "two")

    assert labels(PARAMS) == {
        "embed": "two",
        "layers": [{"kernel": "one", "bias": "none"}] * 2,
    }


def test_a_pattern_that_matches_nothing_is_told_with_the_nearest_path():
    transform = optim.masked(optim.scale(2.0), optim.mask_by_path("layers/0/biass"))

    with pytest.raises(ValueError) as raised:
        transform.init(PARAMS)

    assert message_of(raised) == (
        "labels_by_path: pattern 'layers/0/biass' matches no path.\n"
        "The nearest of 5 paths is 'layers/0/bias'."
    )


def test_a_path_without_a_label_is_told():
    choose = optim.labels_by_path({"layers/**": "one"})

    with pytest.raises(ValueError) as raised:
        choose(PARAMS)

    assert message_of(raised) == (
        "labels_by_path: every path must match a pattern, got paths that don't:\n"
        "  embed\n"
        "Pass a `default`, or a last pattern '**'."
    )


def test_frozen_parameters_do_not_move_and_have_no_state():
    transform = optim.selective_transform(
        optim.trace(0.9), freeze_mask=optim.mask_by_path("layers/**")
    )

    assert updates_of(transform) == {
        "embed": 1.0,
        "layers": [{"kernel": 0.0, "bias": 0.0}] * 2,
    }
    assert len(dc.tree.leaves(transform.init(PARAMS))) == 1
    assert updates_of(optim.freeze({"embed": True, "layers": False}))["embed"] == 0.0


def test_extra_arguments_like_the_updates_are_masked_if_asked():
    def add(updates, state, params=None, *, value, scale):
        return dc.tree.map(lambda g, v: g + scale * v, updates, value), state

    adding = optim.GradientTransformationExtraArgs(optim.init_empty_state, add)
    transform = optim.partition(
        {"add": adding, "keep": optim.identity()},
        {"embed": "add", "layers": "keep"},
        mask_compatible_extra_args=True,
    )

    made = updates_of(transform, value=PARAMS, scale=2.0)

    assert (made["embed"], made["layers"][0]["bias"]) == (3.0, 1.0)


def test_labels_without_a_transformation_are_listed_by_path():
    transform = optim.partition({"a": optim.scale(1.0)}, {"embed": "b", "layers": "a"})

    with pytest.raises(ValueError) as raised:
        transform.init(PARAMS)

    assert message_of(raised) == (
        "partition: every label must have a transformation, got labels without one:\n"
        "  ['embed']: 'b'\n"
        "`transforms` has 'a'."
    )


def test_labels_must_fit_the_parameters():
    transform = optim.partition({"a": optim.scale(1.0)}, {"embed": "a"})

    with pytest.raises(ValueError, match="`param_labels` must be a prefix"):
        transform.init(PARAMS)


def test_zeros_have_the_types_of_the_updates():
    transform = optim.set_to_zero()
    updates = {"half": jnp.ones((2, 3), "bfloat16"), "whole": jnp.ones(4, "int32")}

    zeros, _ = transform.update(updates, transform.init(updates))

    for name, update in updates.items():
        assert zeros[name].dtype == update.dtype
        np.testing.assert_array_equal(zeros[name], np.zeros(update.shape))
