"""Processes that compile more than the system lets them hold."""

import pytest

import dolmen.core as dc
from dolmen.core import _backend
from dolmen.core._lowering import _compile


def test_the_share_of_mapped_areas_is_known_on_linux():
    assert 0 < _backend.share_of_mappings() < 1


@pytest.fixture
def traces(monkeypatch):
    """A jitted function, and a list that grows with each of its traces."""
    monkeypatch.setattr(_compile, "_LOADED_BETWEEN_CHECKS", 1)
    traces = []

    @dc.jit
    def double(x):
        traces.append(x)
        return 2 * x

    return double, traces


def test_all_programs_are_dropped_before_the_system_ends_the_process(
    monkeypatch, traces
):
    double, traces = traces
    double(1.0)

    monkeypatch.setattr(_backend, "share_of_mappings", lambda: 0.8)
    with pytest.warns(UserWarning, match="memory areas") as caught:
        result = dc.jit(lambda x: 3 * x + 0.125)(2.0)

    monkeypatch.undo()
    assert (float(result), float(double(1.0)), len(traces)) == (6.125, 2.0, 2)
    assert str(caught[0].message).split("\n  at ")[0] == (
        "This process has 80% of the memory areas that Linux allows it, about three "
        "for each compiled program, so that all compiled programs were dropped. Those "
        "still needed compile again."
    )
    assert caught[0].filename == __file__


def test_programs_are_kept_while_there_is_room(monkeypatch, traces):
    double, traces = traces
    double(1.0)

    monkeypatch.setattr(_backend, "share_of_mappings", lambda: 0.7)
    dc.jit(lambda x: 3 * x + 0.25)(2.0)

    double(1.0)
    assert len(traces) == 1
