"""The peer, started once for all selected programs."""

import os
from collections.abc import Iterator

import pytest

from ._peer import Peer


@pytest.fixture(scope="session")
def peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    """The running peer, which works ahead while this process runs its own side."""
    python = os.environ.get("DOLMEN_PEER_PYTHON")
    if not python:
        pytest.exit(
            "conformance: the variable DOLMEN_PEER_PYTHON must name a Python with JAX. "
            "`nox -s conformance` makes one and sets it.",
            returncode=4,
        )
    names = [
        item.callspec.params["name"]
        for item in request.session.items
        if "peer" in item.fixturenames
    ]
    made = Peer(python, names)
    yield made
    made.close()
