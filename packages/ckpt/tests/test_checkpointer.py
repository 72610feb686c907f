"""Runs: asynchronous saves, retention, damaged and unfinished steps."""

import errno
import logging
import os
import threading
import weakref

import numpy
import pytest

import dolmen.ckpt as ck
from dolmen.ckpt import _files, _format


def tree_of(step):
    return {"w": numpy.full(300, step, "int32"), "step": step}


def assert_is_tree_of(step, tree):
    numpy.testing.assert_array_equal(tree["w"], numpy.full(300, step, "int32"))
    assert tree["step"] == step


@pytest.fixture
def gate(monkeypatch):
    """Holds every write until it is set; set by default."""
    gate = threading.Event()
    gate.set()
    write = _files.LocalFiles.write

    def gated(self, handle, data, offset):
        assert gate.wait(60)
        write(self, handle, data, offset)

    monkeypatch.setattr(_files.LocalFiles, "write", gated)
    return gate


@pytest.fixture
def full_disk(monkeypatch):
    """Call it to fill the disk, or with False to make room again."""
    full = threading.Event()
    write = _files.LocalFiles.write

    def limited(self, handle, data, offset):
        if full.is_set():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(self, handle, data, offset)

    monkeypatch.setattr(_files.LocalFiles, "write", limited)
    return lambda filled=True: full.set() if filled else full.clear()


def test_steps_are_listed_and_restored(tmp_path):
    with ck.Checkpointer(tmp_path / "run") as checkpointer:
        assert checkpointer.all_steps() == []
        assert checkpointer.latest_step() is None
        for step in (0, 5, 1_000_000_000, 40):
            checkpointer.save(step, tree_of(step))

    checkpointer = ck.Checkpointer(tmp_path / "run")
    assert checkpointer.all_steps() == [0, 5, 40, 1_000_000_000]
    assert checkpointer.latest_step() == 1_000_000_000
    assert_is_tree_of(5, checkpointer.restore(5))
    assert_is_tree_of(1_000_000_000, checkpointer.restore())
    like = {"w": numpy.zeros(300, "int32"), "step": 0}
    assert_is_tree_of(40, checkpointer.restore(40, like))


def test_save_returns_before_writing_and_later_changes_do_not_matter(tmp_path, gate):
    tree = tree_of(1)
    gate.clear()
    checkpointer = ck.Checkpointer(tmp_path)

    checkpointer.save(1, tree)

    tree["w"][:] = -1
    assert checkpointer.is_saving_in_progress()
    assert checkpointer.all_steps() == []
    gate.set()
    checkpointer.wait()
    assert not checkpointer.is_saving_in_progress()
    assert_is_tree_of(1, checkpointer.restore(1))
    checkpointer.close()


def test_a_save_in_progress_keeps_no_array_alive(tmp_path, gate):
    array = numpy.arange(100)
    freed = threading.Event()
    weakref.finalize(array, freed.set)
    gate.clear()
    checkpointer = ck.Checkpointer(tmp_path)

    checkpointer.save(1, {"deep": [array]})
    del array

    assert freed.is_set()
    gate.set()
    checkpointer.close()


@pytest.mark.usefixtures("small_blocks")
def test_changes_after_save_do_not_matter_with_little_host_memory(tmp_path):
    array = numpy.arange(5000)
    with ck.Checkpointer(tmp_path, host_bytes=512) as checkpointer:
        checkpointer.save(1, array)
        array[:] = -1

    numpy.testing.assert_array_equal(ck.Checkpointer(tmp_path).restore(), range(5000))


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(("host_bytes", "most"), [(None, 157), (1024, 4), (1, 2)])
def test_host_memory_is_bounded_and_used_again(tmp_path, monkeypatch, host_bytes, most):
    taken = []
    empty = numpy.empty

    def counted(size, dtype):
        taken.append(size)
        return empty(size, dtype)

    checkpointer = ck.Checkpointer(tmp_path, host_bytes=host_bytes)
    monkeypatch.setattr("dolmen.ckpt._write.numpy.empty", counted)
    for step in range(5):
        checkpointer.save(step, numpy.arange(5000))  # 156.25 blocks
        checkpointer.wait()

    assert 0 < len(taken) <= most
    assert set(taken) == {256}


def test_a_failed_save_is_raised_by_the_next_call_and_not_listed(
    tmp_path, full_disk, caplog
):
    checkpointer = ck.Checkpointer(tmp_path)
    checkpointer.save(1, tree_of(1))
    checkpointer.wait()
    full_disk()

    checkpointer.save(2, tree_of(2))
    with pytest.raises(ck.SaveError) as caught:
        checkpointer.save(3, tree_of(3))

    assert str(caught.value) == (
        f"Checkpointer.save: step 2 was not saved to {tmp_path}: No space left on "
        "device.\nSteps that are there: 1."
    )
    assert caught.value.step == 2
    assert caught.value.__cause__.errno == errno.ENOSPC
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert checkpointer.all_steps() == [1]
    assert [path.name for path in tmp_path.iterdir()] == ["step_000000001"]

    full_disk(False)
    checkpointer.save(3, tree_of(3))
    checkpointer.close()
    assert checkpointer.all_steps() == [1, 3]


@pytest.mark.parametrize("method", ["wait", "wait_until_finished", "close"])
def test_a_failed_save_is_raised_once(tmp_path, full_disk, method):
    checkpointer = ck.Checkpointer(tmp_path)
    full_disk()
    checkpointer.save(2, tree_of(2))

    with pytest.raises(ck.SaveError, match="step 2 was not saved"):
        getattr(checkpointer, method)()

    getattr(checkpointer, method)()


def test_a_failed_save_does_not_hide_the_error_of_the_block(tmp_path, full_disk):
    full_disk()

    def interrupted_run():
        with ck.Checkpointer(tmp_path) as checkpointer:
            checkpointer.save(2, tree_of(2))
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as caught:
        interrupted_run()

    (note,) = caught.value.__notes__
    assert note.startswith("Checkpointer.save: step 2 was not saved")


def test_an_interrupted_snapshot_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(array):
        raise KeyboardInterrupt

    checkpointer = ck.Checkpointer(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("dolmen.ckpt._leaves.raw_bytes", interrupted)
        with pytest.raises(KeyboardInterrupt):
            checkpointer.save(1, tree_of(1))

    assert list(tmp_path.iterdir()) == []
    checkpointer.save(1, tree_of(1))
    checkpointer.close()
    assert checkpointer.all_steps() == [1]


@pytest.mark.usefixtures("small_blocks")
def test_a_failure_does_not_block_a_snapshot_that_waits_for_memory(tmp_path, full_disk):
    full_disk()
    checkpointer = ck.Checkpointer(tmp_path, host_bytes=512)

    checkpointer.save(1, numpy.arange(5000))

    with pytest.raises(ck.SaveError):
        checkpointer.close()


def test_the_newest_steps_are_kept(tmp_path):
    with ck.Checkpointer(tmp_path, max_to_keep=2, keep_period=4) as checkpointer:
        for step in range(10):
            checkpointer.save(step, tree_of(step))

    assert checkpointer.all_steps() == [0, 4, 8, 9]
    assert len(list(tmp_path.iterdir())) == 4


def test_the_step_just_saved_is_kept_even_if_others_are_newer(tmp_path):
    with ck.Checkpointer(tmp_path) as checkpointer:
        for step in (10, 20, 30):
            checkpointer.save(step, tree_of(step))

    with ck.Checkpointer(tmp_path, max_to_keep=2) as checkpointer:
        checkpointer.save(5, tree_of(5))

    assert checkpointer.all_steps() == [5, 30]


def test_files_of_others_survive_retention(tmp_path):
    with ck.Checkpointer(tmp_path, max_to_keep=1) as checkpointer:
        checkpointer.save(1, tree_of(1))
        checkpointer.wait()
        (tmp_path / "step_000000001" / "notes.txt").write_text("keep me")
        (tmp_path / "config.json").write_text("{}")
        checkpointer.save(2, tree_of(2))

    assert checkpointer.all_steps() == [2]
    assert (tmp_path / "step_000000001" / "notes.txt").exists()
    assert (tmp_path / "config.json").exists()


def test_a_step_that_cannot_be_deleted_is_reported(tmp_path, monkeypatch):
    def refuse(self, path):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    checkpointer = ck.Checkpointer(tmp_path, max_to_keep=1)
    checkpointer.save(1, tree_of(1))
    checkpointer.wait()
    monkeypatch.setattr(_files.LocalFiles, "remove", refuse)
    checkpointer.save(2, tree_of(2))

    with pytest.raises(ck.CheckpointError) as caught:
        checkpointer.wait()

    assert str(caught.value) == (
        "Checkpointer.save: step 2 is saved, but step 1 could not be deleted from "
        f"{tmp_path}: Operation not permitted."
    )
    assert checkpointer.all_steps() == [1, 2]


def test_leftovers_of_crashed_saves_are_collected(tmp_path):
    for step in (3, 4):
        directory = tmp_path / f"step_{step:09d}"
        directory.mkdir()
        (directory / _format.pack_name(0, "ab" * 8, 0)).touch()
        (directory / f"MANIFEST.{'ab' * 8}.tmp").touch()
    (tmp_path / "step_000000004" / "notes.txt").touch()

    with ck.Checkpointer(tmp_path) as checkpointer:
        assert checkpointer.all_steps() == []
        checkpointer.save(5, tree_of(5))

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "step_000000004",
        "step_000000005",
    ]
    assert [p.name for p in (tmp_path / "step_000000004").iterdir()] == ["notes.txt"]


def test_an_existing_step_is_overwritten_only_on_request(tmp_path):
    with ck.Checkpointer(tmp_path) as checkpointer:
        checkpointer.save(1, tree_of(1))
        with pytest.raises(FileExistsError) as caught:
            checkpointer.save(1, tree_of(2))
        checkpointer.save(1, tree_of(3), overwrite=True)

    assert str(caught.value) == (
        f"Checkpointer.save: step 1 already exists in {tmp_path}.\n"
        "Pass `overwrite=True` to replace it once the new one is durable."
    )
    assert_is_tree_of(3, checkpointer.restore(1))


def test_a_damaged_newest_step_is_passed_over_with_a_warning(tmp_path):
    with ck.Checkpointer(tmp_path, max_to_keep=1) as checkpointer:
        checkpointer.save(1, tree_of(1))
    with ck.Checkpointer(tmp_path) as checkpointer:
        checkpointer.save(2, tree_of(2))
    manifest = tmp_path / "step_000000002" / "MANIFEST"
    manifest.write_bytes(manifest.read_bytes()[:-1])
    expected = (
        f"^Checkpointer.restore: using step 1 of {tmp_path}; newer ones are damaged: "
        r"2\.$"
    )

    with pytest.warns(UserWarning, match=expected) as caught:
        tree = checkpointer.restore()

    assert_is_tree_of(1, tree)
    assert caught[0].filename == __file__
    assert checkpointer.all_steps() == [1]
    with pytest.raises(ck.CorruptCheckpointError):
        checkpointer.restore(2)


def test_damaged_steps_are_neither_counted_nor_deleted_by_retention(tmp_path):
    with ck.Checkpointer(tmp_path, max_to_keep=2) as checkpointer:
        for step in (1, 2, 3):
            checkpointer.save(step, tree_of(step))
            checkpointer.wait()
            if step == 2:
                (tmp_path / "step_000000002" / "MANIFEST").write_bytes(b"")

    assert checkpointer.all_steps() == [1, 3]
    assert (tmp_path / "step_000000002").exists()


def test_missing_steps_are_explained(tmp_path):
    checkpointer = ck.Checkpointer(tmp_path)
    with pytest.raises(FileNotFoundError) as caught:
        checkpointer.restore()
    assert str(caught.value) == (
        f"Checkpointer.restore: {tmp_path} has no valid steps (none)."
    )
    with checkpointer:
        checkpointer.save(3, tree_of(3))
    with pytest.raises(FileNotFoundError) as caught:
        checkpointer.restore(4)
    assert str(caught.value) == (
        f"Checkpointer.restore: {tmp_path} has no step 4; it has steps 3."
    )


def test_metrics_and_metadata_are_kept(tmp_path):
    with ck.Checkpointer(tmp_path) as checkpointer:
        metrics = {"loss": numpy.float32(0.25), "tokens": 3}
        checkpointer.save(3, tree_of(3), metrics=metrics, metadata={1: "one"})
        checkpointer.wait()

        assert checkpointer.metrics() == {"loss": 0.25, "tokens": 3.0}
        assert checkpointer.metadata(3) == {1: "one"}
        with pytest.raises(TypeError) as caught:
            checkpointer.save(4, tree_of(4), metrics={"loss": "low"})
    assert str(caught.value) == (
        "Checkpointer.save: `metrics` must map names to numbers, but 'loss' is 'low'."
    )


def test_a_step_can_be_deleted(tmp_path):
    with ck.Checkpointer(tmp_path) as checkpointer:
        checkpointer.save(1, tree_of(1))
        checkpointer.save(2, tree_of(2))
        checkpointer.delete(1)
        with pytest.raises(FileNotFoundError, match="has no step 1; it has steps 2"):
            checkpointer.delete(1)

    assert checkpointer.all_steps() == [2]


def test_a_run_that_is_locked_by_another_writer_is_reported(tmp_path):
    checkpointer = ck.Checkpointer(tmp_path)
    with _files.LOCAL.lock(str(tmp_path)):
        checkpointer.save(1, tree_of(1))
        with pytest.raises(ck.SaveError, match="another process is writing to the sam"):
            checkpointer.wait()


@pytest.mark.parametrize("step", [-1, 1.5, "3", None, True])
def test_steps_are_integers_from_zero(tmp_path, step):
    with pytest.raises(ValueError) as caught:
        ck.Checkpointer(tmp_path).save(step, 1)

    assert str(caught.value) == (
        f"Checkpointer.save: `step` must be an integer of at least 0, got {step!r}."
    )


@pytest.mark.parametrize("option", ["max_to_keep", "keep_period", "host_bytes"])
@pytest.mark.parametrize("value", [0, -1, 2.0, True])
def test_options_are_checked(tmp_path, option, value):
    with pytest.raises(ValueError) as caught:
        ck.Checkpointer(tmp_path, **{option: value})

    assert str(caught.value) == (
        f"Checkpointer: `{option}` must be None or an integer of at least 1, got "
        f"{value!r}."
    )


def test_a_closed_checkpointer_saves_nothing_but_still_reads(tmp_path):
    checkpointer = ck.Checkpointer(tmp_path)
    checkpointer.save(1, tree_of(1))
    checkpointer.close()
    checkpointer.close()

    with pytest.raises(ValueError) as caught:
        checkpointer.save(2, tree_of(2))

    assert str(caught.value) == (
        f"Checkpointer.save: the checkpointer of {tmp_path} is closed.\nMake a new one."
    )
    assert_is_tree_of(1, checkpointer.restore())
