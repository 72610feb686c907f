import pickle

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from dolmen.data import (
    Arrays,
    MapDataset,
    RandomAccessDataSource,
    TokenWindows,
)


def message_of(call, *args, **kwargs):
    with pytest.raises((TypeError, ValueError, LookupError, OSError)) as caught:
        call(*args, **kwargs)
    return str(caught.value)


def test_arrays_give_slices_of_the_leading_axis():
    x, y = np.arange(12).reshape(4, 3), np.arange(4.0)
    source = Arrays(x=x, nested=(y, [y]))

    record = source[2]

    assert record["x"].tolist() == [6, 7, 8]
    assert record["nested"] == (2.0, [2.0])
    assert source[-1]["nested"][0] == 3.0
    assert len(source) == 4


def test_dictionaries_and_arrays_are_sources_by_themselves():
    array = np.arange(6).reshape(3, 2)

    assert MapDataset.source(array)[1].tolist() == [2, 3]
    assert MapDataset.source({"x": array})[1]["x"].tolist() == [2, 3]


def test_sequences_are_sources_of_their_items():
    assert list(MapDataset.source((np.int8(1), "b"))) == [1, "b"]


def test_arrays_of_different_sizes_are_refused():
    assert message_of(Arrays, a=np.zeros((3, 2)), b=[np.zeros(4), 1.0]) == (
        "Arrays: leading sizes must be equal, one slice per record:\n"
        "  arrays['a']: f64[3,2]\n"
        "  arrays['b'][0]: f64[4]\n"
        "  arrays['b'][1]: f64[]"
    )
    assert message_of(Arrays) == "Arrays: expected at least one array, got none."
    assert message_of(Arrays, {}) == "Arrays: expected at least one array, got none."
    assert message_of(Arrays, np.zeros(3), x=np.zeros(3)) == (
        "Arrays: expected one tree of arrays or keywords, got both. Put them all in "
        "one dictionary."
    )
    assert message_of(lambda: Arrays(np.zeros(3))[3]) == (
        "Arrays: index 3 is out of range, there are 3 records."
    )


@settings(deadline=None)
@given(spare=st.integers(0, 60), length=st.integers(1, 60), stride=st.integers(1, 70))
def test_windows_are_slices_at_multiples_of_the_stride(spare, length, stride):
    tokens = np.arange(length + spare, dtype=np.uint16)

    windows = TokenWindows(tokens, length, stride=stride)

    starts = range(0, spare + 1, stride)
    expected = [tokens[start : start + length].tolist() for start in starts]
    assert [window.tolist() for window in windows] == expected
    assert windows.gather(np.arange(len(windows))).tolist() == expected


def test_windows_of_a_file_are_those_of_its_tokens(tmp_path):
    tokens = np.arange(300, dtype=np.uint16)
    raw, npy = tmp_path / "tokens.bin", tmp_path / "tokens.npy"
    tokens.tofile(raw)
    np.save(npy, tokens)

    for windows in (
        TokenWindows(tokens, 8),
        TokenWindows(raw, 8, dtype=np.uint16),
        TokenWindows(str(npy), 8),
        pickle.loads(pickle.dumps(TokenWindows(raw, 8, dtype=np.uint16))),
    ):
        assert len(windows) == 37
        assert windows[-1].tolist() == list(range(288, 296))
        assert windows[0].dtype == np.uint16


def test_pickled_windows_of_a_file_do_not_carry_its_tokens(tmp_path):
    path = tmp_path / "tokens"
    path.write_bytes(bytes(100_000))

    assert len(pickle.dumps(TokenWindows(path, 8))) < 1000


def test_windows_are_copies():
    tokens = np.zeros(8, np.uint8)
    windows = TokenWindows(tokens, 4)

    windows[0][:] = 1
    windows.gather(np.array([1]))[:] = 1

    assert not tokens.any()


def test_bad_token_files_are_refused(tmp_path):
    odd, empty = tmp_path / "odd", tmp_path / "empty"
    odd.write_bytes(b"abc")
    empty.write_bytes(b"")

    assert message_of(TokenWindows, odd, 1, dtype=np.uint16) == (
        f"TokenWindows: {odd} has 3 bytes, no multiple of the 2 of uint16. The file "
        "is damaged or `dtype` wrong."
    )
    assert message_of(TokenWindows, empty, 4) == (
        f"TokenWindows: {empty} holds 0 tokens, too few for one window of length 4."
    )
    assert "No such file" in message_of(TokenWindows, tmp_path / "absent", 4)
    assert message_of(TokenWindows, np.zeros((2, 3)), 2) == (
        "TokenWindows: `tokens` must be one-dimensional, got f64[2,3]."
    )
    assert message_of(TokenWindows, [1, 2], 2) == (
        "TokenWindows: `tokens` must be a NumPy array or the path of a file, got list."
    )
    assert message_of(TokenWindows, np.zeros(4), 0) == (
        "TokenWindows: `length` must be at least 1, got 0."
    )
    assert message_of(TokenWindows, np.zeros(4), 2, stride=0) == (
        "TokenWindows: `stride` must be at least 1, got 0."
    )


def test_sources_with_batched_reads_are_read_in_batches():
    class Counting:
        def __init__(self):
            self.calls = []

        def __len__(self):
            return 100

        def __getitem__(self, index):
            raise AssertionError("one by one")

        def __getitems__(self, indices):
            self.calls.append(len(indices))
            return [-i for i in indices]

    source = Counting()

    first = MapDataset.source(source).batch(8)[0]

    assert first.tolist() == [0, -1, -2, -3, -4, -5, -6, -7]
    assert source.calls == [8]
    assert isinstance(source, RandomAccessDataSource)
