from . import _probe_rows
def test_x():
    assert _probe_rows.X == 1
    print(__name__, _probe_rows.__name__)
