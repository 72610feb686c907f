"""Devices are ordered in a mesh as they are linked."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import dolmen.core as dc
from dolmen.core._backend import arranged, axes_of_grid
from dolmen.core.experimental import mesh_utils


@dataclasses.dataclass(frozen=True)
class Chip:
    """Stands for a device of a TPU."""

    id: int
    coords: tuple[int, int, int]
    core_on_chip: int = 0
    slice_index: int = 0
    process_index: int = 0


def chips(*sizes, cores=1, **fields):
    places = itertools.product(*map(range, sizes), range(cores))
    return [Chip(i, p[:3], p[3], **fields) for i, p in enumerate(places)]


def test_an_axis_is_made_of_whole_axes_of_the_grid():
    mesh = arranged(chips(4, 8, 2), (8, 8))

    # The first axis of eight gets two axes of the grid, with links of their own.
    assert {c.coords[1] for c in mesh[:, 0]} == {0}
    assert {(c.coords[0], c.coords[2]) for c in mesh[0]} == {(0, 0)}


@pytest.mark.parametrize(
    ("grid", "sizes", "expected"),
    [
        ((4, 4, 4), (64,), [(0, 1, 2)]),
        ((4, 4, 4), (4, 16), [(2,), (0, 1)]),
        ((4, 4, 1, 2), (2, 16), [(3,), (0, 1)]),
        ((2, 4, 1, 1), (1, 8), [(), (0, 1)]),
        ((4, 4, 1, 1), (2, 8), None),
        ((2, 2, 1, 1), (4, 1, 1), [(0, 1), (), ()]),
    ],
)
def test_axes_of_the_grid(grid, sizes, expected):
    assert axes_of_grid(grid, sizes) == expected


@settings(deadline=None, max_examples=60)
@given(
    grid=st.tuples(*[st.sampled_from([1, 2, 4])] * 3),
    cores=st.sampled_from([1, 2]),
    data=st.data(),
)
def test_every_device_is_there_once(grid, cores, data):
    devices = chips(*grid, cores=cores)
    total = len(devices)
    first = data.draw(
        st.sampled_from([n for n in range(1, total + 1) if total % n == 0])
    )
    shuffled = data.draw(st.permutations(devices))

    mesh = arranged(shuffled, (first, total // first))

    assert mesh.shape == (first, total // first)
    assert set(mesh.flat) == set(devices)


def test_what_fills_no_block_keeps_its_order():
    devices = [*chips(4, 2, 1)[:5], chips(4, 2, 1)[7]]
    assert list(arranged(devices, (2, 3)).flat) == devices
    assert list(arranged(dc.devices(), (4, 2)).flat) == dc.devices()


def test_create_device_mesh():
    devices = chips(4, 4, 1)
    assert mesh_utils.create_device_mesh((4, 4), devices).shape == (4, 4)
    with pytest.raises(NotImplementedError, match=r"grid \(4, 4, 1, 1\)(.|\n)*split"):
        mesh_utils.create_device_mesh((2, 8), devices)
    split = mesh_utils.create_device_mesh(
        (2, 8), devices, allow_split_physical_axes=True
    )
    assert set(split.flat) == set(devices)
    with pytest.raises(ValueError, match="has 6 devices, got 16"):
        mesh_utils.create_device_mesh((2, 3), devices)
    assert mesh_utils.create_device_mesh((4, 2)).tolist() == (
        np.array(dc.devices(), object).reshape(4, 2).tolist()
    )


@pytest.mark.parametrize("by", ["slice_index", "process_index"])
def test_groups_stand_together(by):
    devices = [
        dataclasses.replace(chip, id=chip.id + 8 * number, **{by: number})
        for number in (1, 0)
        for chip in chips(2, 4, 1)
    ]
    mesh = mesh_utils.create_hybrid_device_mesh(
        (2, 4), (2, 1), devices, process_is_granule=by == "process_index"
    )

    assert mesh.shape == (4, 4)
    groups = np.array([getattr(chip, by) for chip in mesh.flat]).reshape(4, 4)
    np.testing.assert_array_equal(groups, np.repeat([0, 0, 1, 1], 4).reshape(4, 4))
    assert len(set(mesh.flat)) == math.prod(mesh.shape)


def test_errors_of_hybrid_meshes():
    devices = chips(2, 2, 1)
    with pytest.raises(ValueError, match="must have as many axes"):
        mesh_utils.create_hybrid_device_mesh((2, 2), (1,), devices)
    with pytest.raises(ValueError, match="is 2 groups, but there are 1 slices"):
        mesh_utils.create_hybrid_device_mesh((2, 1), (2, 1), devices)
