"""What all tests of core share."""

import pytest

import dolmen.core as dc
from dolmen.core._backend import share_of_mappings

# Before the first array: programs over several devices are tested on the CPU, too.
dc.config.update("num_cpu_devices", 8)


@pytest.fixture(autouse=True, scope="module")
def room_for_programs():
    """A worker compiles more programs in its life than a process may hold at once."""
    if share_of_mappings() > 0.25:
        dc.clear_caches()
