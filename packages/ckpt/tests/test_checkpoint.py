"""One checkpoint: round trips, `like`, and every message."""

import errno
import os
import resource
import signal

import hypothesis
import hypothesis.strategies as st
import ml_dtypes
import numpy
import pytest

import dolmen.ckpt as ck
from dolmen.ckpt import _files, _format

EXTENDED = ("bfloat16", "float8_e4m3fn", "float8_e5m2", "int4", "uint2")
DTYPES = [
    *(numpy.dtype(name) for name in "?bhilBHILefdFD"),
    *(numpy.dtype(getattr(ml_dtypes, name)) for name in EXTENDED),
]


def assert_same(actual, expected):
    """Equal in value and type, in every leaf and container."""
    assert type(actual) is type(expected)
    if isinstance(expected, dict):
        assert [*map(repr, actual)] == [*map(repr, expected)]
        for key in expected:
            assert_same(actual[key], expected[key])
    elif isinstance(expected, list | tuple):
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected, strict=True):
            assert_same(one, other)
    elif isinstance(expected, numpy.ndarray | numpy.generic):
        assert actual.dtype == expected.dtype
        assert actual.shape == expected.shape
        assert actual.tobytes() == expected.tobytes()
    else:
        assert repr(actual) == repr(expected)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (5, 1, 7), (2, 0, 3), (40, 40)])
def test_numpy_arrays_round_trip_bit_by_bit(tmp_path, dtype, shape):
    numbers = numpy.random.default_rng(0).integers(0, 2, shape)
    array = numpy.asarray(numbers).astype(dtype)

    ck.save(tmp_path / "x", {"a": array, "scalar": dtype.type(1)})

    assert_same(ck.load(tmp_path / "x"), {"a": array, "scalar": dtype.type(1)})


def test_nans_keep_their_bits(tmp_path):
    bits = numpy.array([0x7FC00001, 0xFFFFFFFF, 0x7F800001, 0x80000000], "uint32")

    ck.save(tmp_path / "x", bits.view("float32"))

    assert_same(ck.load(tmp_path / "x"), bits.view("float32"))


def test_restored_arrays_are_aligned_and_writable(tmp_path):
    ck.save(tmp_path / "x", [numpy.ones(n, "uint8") for n in (1, 3, 1000)])

    arrays = ck.load(tmp_path / "x")

    assert [array.ctypes.data % 64 for array in arrays] == [0, 0, 0]
    assert all(array.flags.writeable for array in arrays)


python_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text(st.characters()),
    st.binary(),
)
keys = st.one_of(
    st.text(max_size=3),
    st.integers(),
    st.booleans(),
    st.binary(max_size=3),
    st.none(),
    st.tuples(st.integers(), st.text(max_size=2)),
)
trees = st.recursive(
    python_values,
    lambda children: st.one_of(
        st.lists(children, max_size=4),
        st.lists(children, max_size=4).map(tuple),
        st.dictionaries(keys, children, max_size=4),
    ),
    max_leaves=12,
)


@hypothesis.settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(tree=trees)
def test_python_values_and_typed_keys_round_trip_exactly(tmp_path, tree):
    ck.save(tmp_path / "x", tree, metadata=tree, overwrite=True)

    assert_same(ck.load(tmp_path / "x"), tree)
    assert_same(ck.metadata(tmp_path / "x"), tree)


def test_the_state_of_a_data_iterator_round_trips_exactly(tmp_path):
    state = {
        "version": 1,
        "epoch": 3,
        "position": 2**40 + 1,
        "children": [{"next_index": 5, "exhausted": False}, {"next_index": 0}],
        "rng": {"bit_generator": "PCG64", "state": 2**127 + 9, "inc": -(2**64)},
        "name": "train",
        "last": None,
        1: "an int key",
    }

    ck.save(tmp_path / "x", {"w": numpy.ones(2), "iterator": state})

    assert_same(ck.load(tmp_path / "x")["iterator"], state)
    like = {"w": numpy.zeros(2), "iterator": ...}
    assert_same(ck.load(tmp_path / "x", like)["iterator"], state)


def test_like_gives_containers_of_the_same_layout(tmp_path):
    ck.save(tmp_path / "x", {"a": [numpy.ones(2), 1], 2: (True, "s")})

    tree = ck.load(tmp_path / "x", {2: [False, ""], "a": (numpy.zeros(2), 0)})

    assert_same(tree, {2: [True, "s"], "a": (numpy.ones(2), 1)})


def test_one_error_lists_all_differences(tmp_path):
    ck.save(
        tmp_path / "x",
        {
            "w": numpy.ones((4, 3), "float32"),
            "b": numpy.ones(3, ml_dtypes.bfloat16),
            "layers": {0: numpy.ones(2, "int32"), "1": 5},
            "old": [numpy.uint8(1), None],
            "step": 3,
        },
    )
    like = {
        "w": numpy.ones((4, 5), "float32"),
        "b": numpy.ones(3, "float32"),
        "layers": {"0": numpy.ones(2, "int32"), "1": 5.0},
        "step": 3,
        "new": ...,
        "odd": numpy.array(["text"]),
    }

    with pytest.raises(ck.TreeMismatchError) as caught:
        ck.load(tmp_path / "x", like)

    differences = (
        "missing: ['layers']['0'], i32[2]",
        "missing: ['new']",
        "extra: ['layers'][0], i32[2]",
        "extra: ['old'][0], numpy.uint8",
        "extra: ['old'][1], None",
        "shape: ['w'] is f32[4,3] in the checkpoint, f32[4,5] in `like`",
        "dtype: ['b'] is bf16[3] in the checkpoint, f32[3] in `like`",
        "kind: ['layers']['1'] is int in the checkpoint, float in `like`",
        "not storable: ['odd'] is ndarray of dtype <U4 in `like`",
    )
    assert caught.value.differences == differences
    assert str(caught.value) == (
        f"load: the checkpoint at {tmp_path / 'x'} and `like` differ in 9 places:\n"
        + "".join(f"  {line}\n" for line in differences)
        + "Missing leaves are not in the checkpoint, extra ones not in `like`. "
        "`tree(path)` shows what is stored; `...` in `like` takes whatever is stored "
        "there."
    )


def test_a_tree_may_be_a_single_leaf(tmp_path):
    ck.save(tmp_path / "x", 5)

    assert ck.load(tmp_path / "x") == 5
    with pytest.raises(ck.TreeMismatchError, match="kind: the root is int in the"):
        ck.load(tmp_path / "x", like=1.0)


def test_tree_reads_no_data(tmp_path):
    ck.save(tmp_path / "x", {"w": numpy.ones((2, 3), "float32"), 1: [None, "a"]})
    (pack,) = (tmp_path / "x").glob("*.pack")
    pack.write_bytes(bytes(24))

    shapes = ck.tree(tmp_path / "x")

    assert shapes["w"].shape == (2, 3)
    assert shapes["w"].dtype == numpy.float32
    assert shapes[1] == [None, "a"]


class Meters(float):
    pass


def test_what_cannot_be_stored_is_listed_before_anything_is_written(tmp_path):
    tree = {
        "a": object(),
        "b": [1, numpy.array(["x"]), numpy.ma.masked_array([1], [True])],
        "c": Meters(3),
        frozenset(): 1,
    }

    with pytest.raises(TypeError) as caught:
        ck.save(tmp_path / "x", tree)

    assert str(caught.value) == (
        "save: the tree holds 5 leaves or keys that can't be stored:\n"
        "  ['a']: object\n"
        "  ['b'][1]: ndarray of dtype <U1\n"
        "  ['b'][2]: MaskedArray of dtype int64\n"
        "  ['c']: Meters\n"
        "  [frozenset()]: the key is a frozenset\n"
        "Leaves may be arrays, PRNG keys, NumPy arrays and scalars of numeric dtype, "
        "int, float, bool, complex, str, bytes and None."
    )
    assert not (tmp_path / "x").exists()


def test_metadata_that_cannot_be_stored_is_named(tmp_path):
    with pytest.raises(TypeError) as caught:
        ck.save(tmp_path / "x", 1, metadata={"a": [1, {2: numpy.ones(2)}]})

    assert str(caught.value) == (
        "save: `metadata` must be made of None, bool, int, float, complex, str, bytes, "
        "dict, list and tuple; ['a'][1][2] is a ndarray.\nPut arrays into the tree."
    )


def test_an_existing_checkpoint_is_not_overwritten_unasked(tmp_path):
    ck.save(tmp_path / "x", 1)

    with pytest.raises(FileExistsError) as caught:
        ck.save(tmp_path / "x", 2)

    assert str(caught.value) == (
        f"save: there is already a checkpoint at {tmp_path / 'x'}.\n"
        "Pass `overwrite=True` to replace it once the new one is durable."
    )
    assert ck.load(tmp_path / "x") == 1


def test_overwriting_leaves_only_the_new_files(tmp_path):
    ck.save(tmp_path / "x", numpy.ones(3))
    ck.save(tmp_path / "x", numpy.zeros(4), overwrite=True)

    assert_same(ck.load(tmp_path / "x"), numpy.zeros(4))
    assert len(list((tmp_path / "x").iterdir())) == 2


def test_a_directory_with_other_files_is_never_touched(tmp_path):
    (tmp_path / "thesis.tex").write_text("dear")

    with pytest.raises(FileExistsError) as caught:
        ck.save(tmp_path, 1, overwrite=True)

    assert str(caught.value) == (
        f"save: {tmp_path} holds other things than a checkpoint: thesis.tex.\n"
        "Save to a directory of its own."
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nothing", "{root} holds empty, file, run, unfinished."),
        ("nothing/deep", "neither does {root}/nothing exist."),
        ("empty", "the directory is empty."),
        ("file", "it is a file.\nPass the directory."),
        (
            "run",
            "it is a run with steps 3, 12.\nPass a step: {root}/run/step_000000012",
        ),
        ("run/step_000000004", "{root}/run holds steps 3, 12."),
        ("unfinished", "a save was begun there and never finished (no MANIFEST)."),
        (".", "it holds empty, file, run, unfinished."),
    ],
)
def test_a_missing_checkpoint_is_explained(tmp_path, name, reason):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / _format.pack_name(0, "0" * 16, 0)).touch()
    ck.save(tmp_path / "run" / "step_000000003", 1)
    ck.save(tmp_path / "run" / "step_000000012", 1)

    with pytest.raises(FileNotFoundError) as caught:
        ck.load(tmp_path / name)

    path = os.path.abspath(tmp_path / name)
    expected = reason.format(root=tmp_path)
    assert str(caught.value) == f"load: there is no checkpoint at {path}: {expected}"


def test_urls_are_refused_until_they_work():
    with pytest.raises(ValueError) as caught:
        ck.save("gs://bucket/final", 1)

    assert str(caught.value) == (
        "save: only local paths can hold checkpoints so far, got 'gs://bucket/final'.\n"
        "Save to a local or mounted directory and copy it: a copy is as valid."
    )


@pytest.fixture
def size_limit():
    """Sets how large a file may grow; the kernel refuses more with EFBIG."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_file_that_may_not_grow_fails_clearly_and_leaves_nothing(
    tmp_path, size_limit
):
    size_limit(100_000)

    with pytest.raises(ck.SaveError) as caught:
        ck.save(tmp_path / "x", numpy.ones(100_000))

    assert str(caught.value) == (
        f"save: writing {tmp_path / 'x'} failed: File too large. Nothing was saved."
    )
    assert isinstance(caught.value.__cause__, OSError)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_the_checkpoint_that_was_there(tmp_path, monkeypatch):
    ck.save(tmp_path / "x", numpy.ones(100))
    before = sorted((tmp_path / "x").iterdir())

    def full(self, handle, data, offset):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(_files.LocalFiles, "write", full)
    with pytest.raises(ck.SaveError) as caught:
        ck.save(tmp_path / "x", numpy.zeros(100), overwrite=True)

    assert str(caught.value) == (
        f"save: writing {tmp_path / 'x'} failed: No space left on device. Nothing was "
        "saved. The checkpoint that was there is intact."
    )
    assert sorted((tmp_path / "x").iterdir()) == before
    assert_same(ck.load(tmp_path / "x"), numpy.ones(100))


def test_partial_writes_are_completed(tmp_path, monkeypatch):
    whole = os.pwrite
    monkeypatch.setattr(
        os, "pwrite", lambda fd, data, offset: whole(fd, data[:1000], offset)
    )

    ck.save(tmp_path / "x", numpy.arange(5000))

    assert_same(ck.load(tmp_path / "x"), numpy.arange(5000))


def test_two_savers_of_one_directory_are_told_apart(tmp_path):
    (tmp_path / "x").mkdir()

    with (
        _files.LOCAL.lock(str(tmp_path / "x")),
        pytest.raises(ck.SaveError) as caught,
    ):
        ck.save(tmp_path / "x", 1)

    assert str(caught.value) == (
        f"save: another save is writing to {tmp_path / 'x'} right now.\n"
        "Give every writer its own directory."
    )
