"""What all tests of this package share."""

import pytest

import dolmen.core as dc
from dolmen.core import _backend, config

# Whoever reads a failure of these tests wants to see our frames.
config.update("traceback_filtering", "off")


@pytest.fixture(autouse=True, scope="module")
def room_for_compiled_programs():
    """Together the tests compile more programs than a process may hold."""
    if _backend.share_of_mappings() > 0.4:
        dc.clear_caches()
