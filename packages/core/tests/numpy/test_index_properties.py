"""Whatever the index expression, reading and updating mean what they mean in NumPy."""

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

from dolmen.core import grad, jit, numpy as jnp, vmap

from .index_strategies import (
    SHAPES,
    expressions,
    places,
    read,
    some_shape,
    updated,
)


def some(examples):
    return settings(max_examples=examples, deadline=None)


def host(shape, dtype=np.float32):
    return (1 + np.arange(int(np.prod(shape)))).reshape(shape).astype(dtype)


def numbers_of(key):
    """Which items of a key are integers or arrays of them."""
    return [
        i
        for i, item in enumerate(key)
        if type(item) is int or (isinstance(item, np.ndarray) and item.dtype != bool)
    ]


def with_numbers(key, numbers):
    items = list(key)
    for i, number in zip(numbers_of(key), numbers, strict=True):
        items[i] = number
    return tuple(items)


def known(function, key, *args):
    """`function(key, *args)`, the numbers in the key known before anything runs."""
    return function(key, *args)


def on_device(function, key, *args):
    """The same, the numbers in arrays of the device."""
    numbers = [jnp.asarray(key[i]) for i in numbers_of(key)]
    return function(with_numbers(key, numbers), *args)


def traced(function, key, *args):
    """The same under `jit`, every number traced."""
    compiled = jit(lambda numbers, *args: function(with_numbers(key, numbers), *args))
    return compiled([key[i] for i in numbers_of(key)], *args)


ways = st.sampled_from([known, on_device, traced])
unknown_ways = st.sampled_from([on_device, traced])
wraps = st.booleans()


@some(100)
@given(data=st.data(), shape=some_shape)
def test_the_oracle_means_what_numpy_means(data, shape):
    key = data.draw(expressions(shape))

    np.testing.assert_array_equal(read(host(shape), key), host(shape)[key], strict=True)


@some(40)
@given(way=ways, data=st.data(), shape=some_shape)
def test_any_expression_reads_what_numpy_reads(way, data, shape):
    key = data.draw(expressions(shape))

    made = way(lambda key, x: x[key], key, jnp.asarray(host(shape)))

    np.testing.assert_array_equal(made, host(shape)[key], strict=True)


# ---- out of bounds -----------------------------------------------------------------

FILLS = st.sampled_from(
    [
        (np.float32, None, np.nan),
        (np.float32, -1, -1),
        (np.int32, None, -(2**31)),
        (np.uint8, None, 255),
        (np.complex64, 2j, 2j),
    ]
)


@some(24)
@given(way=ways, data=st.data(), shape=some_shape, wrap=wraps, filling=FILLS)
def test_filling_reads_the_fill_value_out_of_bounds(way, data, shape, wrap, filling):
    key = data.draw(expressions(shape, beyond=2))
    dtype, given_fill, fill = filling
    how = {"fill_value": given_fill, "wrap_negative_indices": wrap}
    x = host(shape, dtype)

    made = way(lambda key: jnp.asarray(x).at[key].get(mode="fill", **how), key)

    np.testing.assert_array_equal(made, read(x, key, "fill", wrap, fill), strict=True)


@some(20)
@given(way=ways, data=st.data(), shape=some_shape, wrap=wraps)
def test_clipping_reads_the_nearest_element_out_of_bounds(way, data, shape, wrap):
    key = data.draw(expressions(shape, beyond=2))
    x = host(shape)

    made = way(
        lambda key: jnp.asarray(x).at[key].get(mode="clip", wrap_negative_indices=wrap),
        key,
    )

    np.testing.assert_array_equal(made, read(x, key, "clip", wrap), strict=True)


@some(15)
@given(data=st.data(), shape=some_shape)
def test_what_is_not_known_to_be_out_of_bounds_reads_clipped(data, shape):
    key = data.draw(expressions(shape, beyond=2))

    made = traced(lambda key, x: x[key], key, jnp.asarray(host(shape)))

    np.testing.assert_array_equal(made, read(host(shape), key, "clip"), strict=True)


@some(40)
@given(
    data=st.data(),
    shape=st.sampled_from([shape for shape in SHAPES if shape]),
    in_array=st.booleans(),
    method=st.sampled_from(["get", "set"]),
)
def test_what_is_known_to_be_out_of_bounds_raises(data, shape, in_array, method):
    axis = data.draw(st.integers(0, len(shape) - 1))
    size = shape[axis]
    number = data.draw(st.integers(-size - 3, -size - 1) | st.integers(size, size + 2))
    key = (slice(None),) * axis + (np.array([number]) if in_array else number,)
    place = jnp.asarray(host(shape)).at[key]

    with pytest.raises(IndexError, match=f"index {number} is out of bounds for axis"):
        getattr(place, method)(*[0.0] * (method == "set"))


# ---- updates -----------------------------------------------------------------------


def assign(x, key, values):
    x[key] = values


UPDATES = {
    "set": assign,
    "add": np.add.at,
    "subtract": np.subtract.at,
    "multiply": np.multiply.at,
    "divide": np.divide.at,
    "power": np.power.at,
    "min": np.minimum.at,
    "max": np.maximum.at,
}
MODES = {"clip": "clip", "fill": "fill", "drop": "fill", None: "fill"}


def values_for(where):
    """Values for some places, equal where the places are, so that any may stay."""
    return (1 + where % 3).astype(np.float32)


@some(40)
@given(way=ways, data=st.data(), shape=some_shape, name=st.sampled_from([*UPDATES]))
def test_any_expression_updates_what_numpy_updates(way, data, shape, name):
    key = data.draw(expressions(shape))
    values = values_for(places(shape, key))
    expected = host(shape)
    UPDATES[name](expected, key, values)

    made = way(
        lambda key, x: getattr(x.at[key], name)(values), key, jnp.asarray(host(shape))
    )

    np.testing.assert_allclose(made, expected, rtol=1e-5, strict=True)


@some(40)
@given(
    way=unknown_ways,
    data=st.data(),
    shape=some_shape,
    name=st.sampled_from([*UPDATES]),
    mode=st.sampled_from([*MODES]),
    wrap=wraps,
)
def test_updates_out_of_bounds_go_where_the_mode_says(
    way, data, shape, name, mode, wrap
):
    key = data.draw(expressions(shape, beyond=2))
    values = values_for(places(shape, key, MODES[mode], wrap))
    expected = updated(host(shape), UPDATES[name], key, values, MODES[mode], wrap)
    how = {"mode": mode, "wrap_negative_indices": wrap}

    made = way(
        lambda key, x: getattr(x.at[key], name)(values, **how),
        key,
        jnp.asarray(host(shape)),
    )

    np.testing.assert_allclose(made, expected, rtol=1e-5, strict=True)


@some(12)
@given(way=ways, data=st.data(), shape=some_shape, wrap=wraps)
def test_a_function_is_applied_as_often_as_an_element_is_indexed(
    way, data, shape, wrap
):
    key = data.draw(expressions(shape, beyond=2))
    times = updated(np.zeros(shape), np.add.at, key, 1, "fill", wrap)

    made = way(
        lambda key, x: x.at[key].apply(
            lambda v: 2 * v, mode="drop", wrap_negative_indices=wrap
        ),
        key,
        jnp.asarray(host(shape)),
    )

    expected = (host(shape) * 2**times).astype(np.float32)
    np.testing.assert_array_equal(made, expected, strict=True)


@some(20)
@given(
    way=ways, data=st.data(), shape=some_shape, name=st.sampled_from(["get", *UPDATES])
)
def test_promises_that_hold_change_nothing(way, data, shape, name):
    key = data.draw(expressions(shape))
    where = places(shape, key).ravel()
    assume(len({*where}) == len(where))
    promises = {
        "unique_indices": True,
        "indices_are_sorted": bool(np.all(np.diff(where) > 0)),
        "mode": "promise_in_bounds",
    }
    values = [np.float32(2)] * (name != "get")
    x = jnp.asarray(host(shape))

    plain = getattr(x.at[key], name)(*values)
    made = way(lambda key, x: getattr(x.at[key], name)(*values, **promises), key, x)

    np.testing.assert_array_equal(made, plain, strict=True)


# ---- transformations ---------------------------------------------------------------


@some(12)
@given(mode=st.sampled_from(["clip", "fill"]), data=st.data(), shape=some_shape)
def test_gradients_of_reading_add_up_where_it_read(mode, data, shape):
    key = data.draw(expressions(shape, beyond=1))
    weights = host(read(host(shape), key).shape)
    expected = updated(np.zeros(shape, np.float32), np.add.at, key, weights, mode)

    slope = traced(
        lambda key, x: grad(lambda x: (weights * x.at[key].get(mode=mode)).sum())(x),
        key,
        jnp.asarray(host(shape)),
    )

    np.testing.assert_array_equal(slope, expected, strict=True)


@some(12)
@given(mode=st.sampled_from(["clip", "fill"]), data=st.data(), shape=some_shape)
def test_gradients_of_adding_are_those_of_both(mode, data, shape):
    key = data.draw(expressions(shape, beyond=1))
    weights = host(shape)
    values = jnp.zeros(places(shape, key, mode).shape)

    def total(x, values, key):
        return (weights * x.at[key].add(values, mode=mode)).sum()

    of_x, of_values = traced(
        lambda key, x, values: grad(total, (0, 1))(x, values, key),
        key,
        jnp.asarray(host(shape)),
        values,
    )

    np.testing.assert_array_equal(of_x, weights, strict=True)
    np.testing.assert_array_equal(of_values, read(weights, key, mode), strict=True)


@some(10)
@given(data=st.data(), shape=some_shape)
def test_gradients_of_setting_are_those_of_what_stays(data, shape):
    key = data.draw(expressions(shape, beyond=1))
    where = places(shape, key)
    inside = where[where > 0]
    assume(len({*inside}) == len(inside))
    weights = host(shape)

    def total(x, values, key):
        return (weights * x.at[key].set(values, mode="drop")).sum()

    of_x, of_values = traced(
        lambda key, x, values: grad(total, (0, 1))(x, values, key),
        key,
        jnp.asarray(host(shape)),
        jnp.zeros(where.shape),
    )

    untouched = updated(weights, assign, key, 0)
    np.testing.assert_array_equal(of_x, untouched, strict=True)
    np.testing.assert_array_equal(of_values, read(weights, key, "fill"), strict=True)


@some(10)
@given(data=st.data(), shape=some_shape, name=st.sampled_from(["get", *UPDATES]))
def test_a_batch_of_arrays_and_indices_is_a_loop(data, shape, name):
    key = data.draw(expressions(shape))
    numbers = [np.asarray(key[i]) for i in numbers_of(key)]
    mirrored = [-1 - n for n in numbers]  # in bounds too
    values = [np.float32(2)] * (name != "get")
    xs = jnp.stack([host(shape), 5 + host(shape)])

    def one(x, numbers):
        return getattr(x.at[with_numbers(key, numbers)], name)(*values)

    made = vmap(one)(
        xs, [np.stack(both) for both in zip(numbers, mirrored, strict=True)]
    )

    loop = [one(x, n) for x, n in zip(xs, (numbers, mirrored), strict=True)]
    np.testing.assert_array_equal(made, np.stack(loop), strict=True)
