"""Crashes, power loss and refusing disks at every single operation."""

import contextlib
import errno

import numpy
import pytest

import dolmen.ckpt as ck

pytestmark = pytest.mark.usefixtures("small_blocks")

REBOOTS = ("kept", "dropped", 1, 2, 3, 4, 5, 6)


def make_tree(step):
    # 1,880 bytes: eight blocks in two packs.
    return {
        "w": numpy.full((20, 20), step, "float32"),
        "b": [numpy.full(7, -step, "int32"), numpy.full(252, step, "uint8")],
        "step": step,
    }


def assert_is_tree_of(step, tree):
    numpy.testing.assert_array_equal(tree["w"], numpy.full((20, 20), step, "float32"))
    numpy.testing.assert_array_equal(tree["b"][0], numpy.full(7, -step, "int32"))
    numpy.testing.assert_array_equal(tree["b"][1], numpy.full(252, step, "uint8"))
    assert tree["step"] == step


def run_of_saves(acknowledged):
    checkpointer = ck.Checkpointer("/run", max_to_keep=2)
    for step in (1, 2, 3, 4):
        checkpointer.save(step, make_tree(step))
        checkpointer.wait()
        acknowledged.append(step)
    checkpointer.save(4, make_tree(4), overwrite=True)
    checkpointer.close()


def overwriting_saves(acknowledged):
    for step in (1, 2, 3):
        ck.save("/final", make_tree(step), overwrite=True)
        acknowledged.append(step)


def operations_of(mount, program):
    disk = mount()
    program([])
    return disk.operations


def crashed(mount, program, number, machine_stops):
    disk = mount()
    disk.crash_at(number)
    acknowledged = []
    with contextlib.suppress(machine_stops):
        program(acknowledged)
    assert disk.dead
    return disk, acknowledged


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_after_a_crash_anywhere_no_acknowledged_step_is_lost_and_none_is_broken(
    mount, machine_stops
):
    operations = operations_of(mount, run_of_saves)
    assert operations > 80

    for number in range(1, operations + 1):
        disk, acknowledged = crashed(mount, run_of_saves, number, machine_stops)
        for seed in REBOOTS:
            after = mount(disk.rebooted(seed))
            checkpointer = ck.Checkpointer("/run")

            steps = checkpointer.all_steps()

            assert set(acknowledged[-1:]) <= set(steps)
            with_manifest = [
                int(path[-9:])
                for path, names in after.entries.items()
                if "MANIFEST" in names
            ]
            assert sorted(with_manifest) == steps
            for step in steps:
                assert_is_tree_of(step, checkpointer.restore(step))


def test_after_a_crash_anywhere_the_next_save_works_and_collects_leftovers(
    mount, machine_stops
):
    operations = operations_of(mount, run_of_saves)

    for number in range(1, operations + 1):
        disk, _ = crashed(mount, run_of_saves, number, machine_stops)
        for seed in REBOOTS:
            after = mount(disk.rebooted(seed))

            with ck.Checkpointer("/run", max_to_keep=1) as checkpointer:
                checkpointer.save(9, make_tree(9))

            assert list(after.entries["/run"]) == ["step_000000009"]
            assert len(after.entries["/run/step_000000009"]) == 3


def test_overwriting_is_all_or_nothing_at_every_operation(mount, machine_stops):
    operations = operations_of(mount, overwriting_saves)
    assert operations > 40

    for number in range(1, operations + 1):
        disk, acknowledged = crashed(mount, overwriting_saves, number, machine_stops)
        for seed in REBOOTS:
            after = mount(disk.rebooted(seed))
            last = len(acknowledged)
            possible = [step for step in (last, last + 1) if step]

            if "MANIFEST" in after.entries.get("/final", {}):
                tree = ck.load("/final")
                assert tree["step"] in possible
                assert_is_tree_of(tree["step"], tree)
            else:
                assert last == 0


def test_a_disk_that_refuses_any_operation_leaves_earlier_steps_intact(mount):
    operations = operations_of(mount, run_of_saves)

    for number in range(1, operations + 1):
        disk = mount()
        disk.fail_at(number, errno.EIO, "Input/output error")
        failed = []
        checkpointer = ck.Checkpointer("/run")
        for step in (1, 2, 3, 4):
            checkpointer.save(step, make_tree(step))
            try:
                checkpointer.wait()
            except ck.SaveError as error:
                failed.append(error.step)
        steps = checkpointer.all_steps()

        assert len(failed) <= 1
        assert steps == [step for step in (1, 2, 3, 4) if step not in failed]
        for step in steps:
            assert_is_tree_of(step, checkpointer.restore(step))


def test_a_refused_overwrite_keeps_the_old_checkpoint_or_the_new_one(mount):
    operations = operations_of(mount, overwriting_saves)

    for number in range(1, operations + 1):
        disk = mount()
        disk.fail_at(number, errno.ENOSPC, "No space left on device")
        acknowledged = []
        with contextlib.suppress(ck.SaveError):
            overwriting_saves(acknowledged)
        last = len(acknowledged)

        for seed in REBOOTS:
            after = mount(disk.rebooted(seed))
            possible = [step for step in (last, last + 1) if step]
            if "MANIFEST" in after.entries.get("/final", {}):
                tree = ck.load("/final")
                assert tree["step"] in possible
                assert_is_tree_of(tree["step"], tree)
            else:
                assert last == 0


def test_a_directory_somebody_else_just_made_is_durable_too(mount):
    disk = mount()
    disk.entries["/"]["final"] = None
    disk.entries["/final"] = {}

    ck.save("/final", make_tree(1))
    mount(disk.rebooted("dropped"))

    assert_is_tree_of(1, ck.load("/final"))
