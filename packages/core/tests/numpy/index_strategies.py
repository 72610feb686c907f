"""Index expressions for arrays of some shapes, and what they mean, after NumPy.

What is out of bounds has no meaning in NumPy. Here an array gets a margin of one
element on every side, and indices that are out of bounds are led into it: "fill" reads
what the margin holds, "drop" writes into the margin, which is cut off afterwards.
"""

import numpy as np
from hypothesis import assume, strategies as st

# The first is drawn most often: most keys of the others select nothing, or one element.
SHAPES = [(3, 4, 2), (1, 3), (2, 0, 3), ()]
some_shape = st.sampled_from([SHAPES[0]] * 6 + SHAPES[1:])


def arrays_of(numbers):
    """Of shapes that broadcast together."""
    shapes = [(), (2,), (3, 1), (1,)]
    return st.sampled_from(shapes).flatmap(
        lambda shape: st.lists(
            numbers, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))
        ).map(lambda values: np.array(values).reshape(shape))
    )


def axis_items(size, beyond):
    """What may stand for one axis; integers may be `beyond` the end by so much."""
    bound = st.none() | st.integers(-size - 2, size + 2)
    step = st.sampled_from([None, 2, -1, -2])
    slices = st.builds(slice, bound, bound, step)
    items = [slices, st.builds(slice, st.none(), st.none(), step)]
    if not size:
        items.append(st.just(np.array([], int)))
    else:
        low, high = -size - beyond, size - 1 + beyond
        inside, outside = (
            st.sampled_from(range(-size, size)),
            st.sampled_from([low, high]),
        )
        numbers = inside | outside if beyond else inside
        # Two true elements, so that masks broadcast with the other arrays.
        mask = [True, True] + [False] * (size - 2)
        items += [
            numbers,
            arrays_of(numbers),
            st.permutations(mask[:size]).map(np.array),
        ]
    return st.one_of(items)


@st.composite
def expressions(draw, shape, beyond=0):
    """Tuples of indices of an array of this shape, that NumPy takes if none is out."""
    rank = len(shape)
    axes = draw(st.sampled_from([*range(rank + 1), rank, rank]))
    items = [draw(axis_items(n, beyond)) for n in shape[:axes]]
    if draw(st.booleans()):
        hidden = draw(st.integers(0, axes))
        behind = shape[len(shape) - (axes - hidden) :]
        ends = [draw(axis_items(n, beyond)) for n in behind]
        items[hidden:] = [Ellipsis, *ends]
    for _ in range(draw(st.integers(0, 2))):
        extra = draw(st.sampled_from([None, None, True, False]))
        items.insert(draw(st.integers(0, len(items))), extra)
    key = tuple(items)
    arrays = [as_index_array(item) for item in key if takes_part(item)]
    assume(broadcastable([a.shape for a in arrays]))
    return key


def takes_part(item):
    """Whether an item is an index array, or one is made of it."""
    return isinstance(item, bool | np.ndarray)


def as_index_array(item):
    """Integers; of a mask those of its true elements."""
    array = np.asarray(item)
    return np.nonzero(np.atleast_1d(array))[0] if array.dtype == bool else array


def broadcastable(shapes):
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True


def along_axes(key, shape):
    """Each item with the size of the axis that it indexes, `...` written out."""
    consuming = sum(not (i is None or i is Ellipsis or type(i) is bool) for i in key)
    hidden = len(shape) - consuming
    sizes = iter(shape)
    rest = [*key, *[slice(None)] * (0 if Ellipsis in list_of(key) else hidden)]
    for item in rest:
        if item is Ellipsis:
            yield Ellipsis, None  # it sets index arrays apart, even for no axes
            yield from ((slice(None), next(sizes)) for _ in range(hidden))
        elif item is None or type(item) is bool:
            yield item, None
        else:
            yield item, next(sizes)


def list_of(key):
    """The items that can be compared with `...`."""
    return [item for item in key if not isinstance(item, np.ndarray)]


def moved(item, size, mode, wrap):
    """An item of the same meaning for an array with a margin."""
    if size is None:
        return item
    if isinstance(item, slice):
        start, stop, step = item.indices(size)
        return slice(start + 1, stop + 1, step)
    if isinstance(item, np.ndarray) and item.dtype == bool:
        return np.pad(item, 1)
    index = np.where((item < 0) & wrap, np.add(item, size), item)
    limits = (0, size - 1) if mode == "clip" else (-1, size)
    made = np.clip(index, *limits) + 1
    return made if isinstance(item, np.ndarray) else int(made)


def in_margin(key, shape, mode="fill", wrap=True):
    """A key for the array with its margin."""
    items = [moved(i, n, mode, wrap) for i, n in along_axes(key, shape)]
    # With its axes written out, `...` stands for none.
    return tuple(items)


def read(x, key, mode="clip", wrap=True, fill=0):
    """The oracle of `x.at[key].get`."""
    return np.pad(x, 1, constant_values=fill)[in_margin(key, x.shape, mode, wrap)]


def places(shape, key, mode="fill", wrap=True):
    """A number for each indexed element, the same for the same one; 0 out of bounds."""
    numbers = 1 + np.arange(int(np.prod(shape))).reshape(shape)
    return read(numbers, key, mode, wrap)


def updated(x, update, key, values, mode="fill", wrap=True):
    """The oracle of updates; `update` changes the indexed elements of an array."""
    made = np.pad(x, 1)
    update(made, in_margin(key, x.shape, mode, wrap), values)
    return made[(slice(1, -1),) * x.ndim]
