"""Systems that aren't there, to compile for."""

import functools

import pytest

from dolmen.core.experimental import topologies

# By platform: four TPU chips, four NVIDIA GPUs.
SYSTEMS = {"tpu": "v5e:2x2", "cuda": "h100:4"}


@functools.cache
def described(platform):
    return topologies.get_topology_desc(SYSTEMS[platform], platform)


@pytest.fixture(params=SYSTEMS)
def platform(request):
    return request.param


@pytest.fixture
def topology(platform):
    return described(platform)


@pytest.fixture
def device(topology):
    return topology.devices[0]
