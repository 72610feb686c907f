"""Meshes of the eight devices of the CPU that the tests run on."""

import pytest

import dolmen.core as dc


@pytest.fixture
def mesh():
    return dc.make_mesh((4, 2), ("x", "y"))


@pytest.fixture
def over(mesh):
    """A sharding over the mesh from the entries of its specification."""
    return lambda *parts: dc.NamedSharding(mesh, dc.P(*parts))
