import gc
import logging
import multiprocessing.connection
import os
import signal
import subprocess
import sys
import time
import warnings
from multiprocessing import resource_tracker

import functions_for_workers as functions
import killing
import numpy as np
import pytest
from functions_for_workers import OurError, numbers, workers
from killing import is_running
from reading import assert_reads, with_states

from dolmen.data import (
    IterDataset,
    MapDataset,
    MultiprocessingOptions,
    ReadOptions,
    WorkerDiedError,
)

SYNC = ReadOptions(0, 0)


def wait_until(condition):
    """Fails unless something becomes true within a second."""
    deadline = time.monotonic() + 1
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def children_of(process):
    with open(f"/proc/{process}/task/{process}/children") as file:
        return [int(child) for child in file.read().split()]


def family_of(process):
    """The processes below a process, at any depth."""
    children = children_of(process)
    return children + [x for child in children for x in family_of(child)]


# ---- Elements and states ----


def test_processes_change_neither_elements_nor_states(pipeline):
    expected = with_states(iter(pipeline(SYNC)))
    options = workers(3, per_worker_buffer_size=2)

    with iter(pipeline(SYNC).mp_prefetch(options)) as iterator:
        assert_reads(iterator, *expected)


def test_stages_may_follow():
    def follow(dataset):
        return dataset.map_with_index(lambda i, x: (i, x)).prefetch(2)

    dataset = numbers().to_iter_dataset().filter(functions.is_even)
    expected = with_states(iter(follow(dataset)))

    with iter(follow(dataset.mp_prefetch(workers(2)))) as iterator:
        assert with_states(iterator) == expected


def test_parts_whose_turn_comes_late_find_room_beside_elements_that_are_kept():
    often, seldom = (
        MapDataset.range(n).batch(300).map(functions.zeros_of).to_iter_dataset()
        for n in (30_000, 3_000)
    )
    mixed = IterDataset.mix([often, seldom], [30, 1])
    options = workers(1, per_worker_buffer_size=3)

    kept = list(mixed.mp_prefetch(options))

    assert len(kept) == 103
    assert all(element.shape == (1000,) for element in kept)


def test_no_workers_leave_the_dataset_as_it_is():
    dataset = numbers().to_iter_dataset()

    assert dataset.mp_prefetch(MultiprocessingOptions()) is dataset


def test_without_options_there_is_a_worker_for_each_processor():
    dataset = numbers(6).map(functions.process_id).to_iter_dataset().mp_prefetch()

    assert os.getpid() not in set(dataset)


def test_processes_within_processes_are_one_set_of_them():
    dataset = (
        numbers().to_iter_dataset().mp_prefetch(workers(1)).filter(functions.is_even)
    )

    with iter(dataset.mp_prefetch(workers(2))) as iterator:
        first = next(iterator)
        (nursery,) = [x for x in children_of(os.getpid()) if children_of(x)]
        assert len(children_of(nursery)) == 2
        assert [first, *iterator] == [x for x in numbers() if x % 2 == 0]


def test_a_state_is_a_step_where_no_filter_stands():
    dataset = numbers().to_iter_dataset().batch(3).mp_prefetch(workers(1))

    with iter(dataset) as iterator:
        iterator.set_state({"step": 4})

        assert next(iterator).tolist() == list(numbers())[12:15]


def test_many_small_elements_are_handed_over_together():
    dataset = MapDataset.range(30_000).to_iter_dataset().mp_prefetch(workers(1))
    with iter(dataset) as iterator:
        first = next(iterator)
        pool = iterator._cursor._crew.pool()

        assert [first, *iterator] == list(range(30_000))
        assert pool._next_number < 1000


# ---- Memory ----


def test_arrays_are_aligned_writable_and_in_shared_memory():
    dataset = numbers().map(functions.row).batch(4).to_iter_dataset()

    with iter(dataset.mp_prefetch(workers(1))) as iterator:
        batch = next(iterator)
        batch += 1

        assert batch.ctypes.data % 64 == 0
        assert batch.flags.writeable
        with open("/proc/self/maps") as file:
            spans = [line.split()[0] for line in file if "memfd:dolmen-data" in line]
        bounds = [[int(end, 16) for end in span.split("-")] for span in spans]
        assert any(start <= batch.ctypes.data < stop for start, stop in bounds)


def test_elements_that_are_kept_are_not_written_over():
    dataset = numbers(60).map(functions.row).to_iter_dataset()

    with iter(dataset.mp_prefetch(workers(2))) as iterator:
        kept = list(iterator)
    gc.collect()

    assert [row.tolist() for row in kept] == [[x] * 1000 for x in numbers(60)]
    assert all(row.ctypes.data % 64 == 0 for row in kept)


def test_arrays_that_are_not_contiguous_arrive_whole():
    dataset = MapDataset.range(3).map(functions.every_other_column)

    for number, array in enumerate(dataset.to_iter_dataset().mp_prefetch(workers(1))):
        assert (array == functions.every_other_column(number)).all()


def test_elements_grow_and_shrink():
    sizes = [1, 100_000, 10, 1_000_000, 2, 3_000_000, 5]
    dataset = MapDataset.source(sizes).map(np.arange).to_iter_dataset()

    with iter(dataset.mp_prefetch(workers(2))) as iterator:
        assert [array.size for array in iterator] == sizes


def test_arrays_of_a_source_are_not_changed_by_workers():
    source = np.zeros((4, 1000))
    dataset = MapDataset.source(list(source)).map(functions.add_in_place)

    first = list(dataset.repeat(2).to_iter_dataset().mp_prefetch(workers(1)))

    assert [array[0] for array in first[:4]] == [1, 1, 1, 1]
    assert source.sum() == 0


def test_a_mapped_file_is_mapped_by_workers_too(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(50_000).reshape(50, 1000))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")[10:]
    dataset = MapDataset.source(functions.WhereIsIt(mapped))

    with iter(dataset.to_iter_dataset().mp_prefetch(workers(1))) as iterator:
        assert next(iterator) == (str(tmp_path / "a.npy"), 10_000, (40, 1000))


# ---- Exceptions ----


def raised_by(dataset, kind):
    with iter(dataset) as iterator, pytest.raises(kind) as caught:
        list(iterator)
    return caught.value


def test_an_exception_comes_in_its_turn_with_the_users_traceback():
    dataset = numbers().map(functions.fail_at_7).to_iter_dataset()
    order = list(numbers())
    elements = []
    with iter(dataset.mp_prefetch(workers(2))) as iterator:
        with pytest.raises(OurError, match="saw 7") as caught:
            elements.extend(map(elements.append, iterator))
        record, place = caught.value.__notes__

        assert [x for x in elements if x is not None] == order[: order.index(7)]
        assert record == (
            "dolmen.data: raised by map(fail_at_7) for record 7 of "
            "source(range(0, 20))."
        )
        head, *frames = place.splitlines()
        assert head.startswith("In worker ")
        assert len(frames) == 2
        assert frames[0].endswith(", in fail_at_7")
        assert frames[1].strip() == 'raise OurError(f"saw {x}")'

        with pytest.raises(OurError) as caught:  # it stays before the element
            next(iterator)
        assert len(caught.value.__notes__) == 2
        iterator.set_state({"step": order.index(7) + 1})
        assert list(iterator) == order[order.index(7) + 1 :]


def test_an_exception_in_a_batch_that_a_filter_precedes_comes_in_its_turn():
    dataset = numbers().map(functions.fail_at_7).filter(functions.is_even)
    order = list(numbers())
    before = [x for x in order[: order.index(7)] if x % 2 == 0]

    with iter(dataset.to_iter_dataset().batch(1).mp_prefetch(workers(2))) as iterator:
        for x in before:
            assert next(iterator).tolist() == [x]
        with pytest.raises(OurError, match="saw 7"):
            next(iterator)


def test_causes_are_told():
    dataset = MapDataset.range(1).map(functions.fail_for_a_reason).to_iter_dataset()

    _, place = raised_by(dataset.mp_prefetch(workers(1)), OurError).__notes__

    assert "\nKeyError: 0\n" in place
    assert "direct cause" in place
    assert place.endswith('raise OurError("no luck") from error')


def test_an_exception_that_does_not_pickle_is_told_by_name():
    dataset = MapDataset.range(1).map(functions.fail_with_two_parts).to_iter_dataset()

    error = raised_by(dataset.mp_prefetch(workers(1)), RuntimeError)

    assert str(error) == "functions_for_workers.TwoPartError: this and that"
    assert len(error.__notes__) == 2


def test_an_exit_reaches_the_program():
    dataset = MapDataset.range(1).map(functions.leave).to_iter_dataset()

    raised_by(dataset.mp_prefetch(workers(1)), SystemExit)


def test_an_element_that_does_not_pickle_is_told():
    dataset = MapDataset.range(4).map(functions.lock).to_iter_dataset()
    with iter(dataset.mp_prefetch(workers(1))) as iterator:
        assert [next(iterator), next(iterator)] == [0, 1]
        with pytest.raises(TypeError) as caught:
            next(iterator)

    assert str(caught.value) == (
        "mp_prefetch: an element of type lock can't be sent from a worker process: "
        "cannot pickle '_thread.lock' object. Make it an array, a container of arrays "
        "or another object that can be pickled, or make it after `mp_prefetch`."
    )


def test_a_worker_that_can_not_begin_says_why():
    dataset = numbers().to_iter_dataset()

    error = raised_by(
        dataset.mp_prefetch(workers(1), functions.fail_to_begin), OurError
    )

    assert str(error) == "worker 0"
    assert error.__notes__[0].startswith("In worker 0 (process ")


def test_each_worker_calls_worker_init_fn(tmp_path):
    dataset = numbers().to_iter_dataset()

    list(dataset.mp_prefetch(workers(2), functions.Note(tmp_path)))

    assert {path.name for path in tmp_path.iterdir()} == {"0 of 2", "1 of 2"}


# ---- Pickling ----


def without_cloudpickle(monkeypatch):
    from dolmen.data import _shipping

    monkeypatch.setattr(_shipping, "_by_value", lambda pickler: pickler)


def test_a_lambda_is_sent_by_value():
    offset = np.arange(1000)
    dataset = MapDataset.range(3).map(lambda x: x + offset).to_iter_dataset()

    sums = [int(x.sum()) for x in dataset.mp_prefetch(workers(1))]

    assert sums == [499_500, 500_500, 501_500]


def test_without_cloudpickle_a_lambda_is_told(monkeypatch):
    without_cloudpickle(monkeypatch)
    dataset = MapDataset.range(3).map(lambda x: x).batch(2).to_iter_dataset()
    line = (lambda: 0).__code__.co_firstlineno - 1

    error = raised_by(dataset.mp_prefetch(workers(1)), TypeError)

    assert str(error) == (
        "mp_prefetch: `map(<lambda>)` can't be sent to worker processes: <lambda> "
        f"({__file__}:{line}) has no name by which another process could import it. "
        "Define it at the top level of a module, or install `cloudpickle`, with which "
        "it is sent by value."
    )


def test_a_source_that_does_not_pickle_is_told():
    dataset = MapDataset.source(functions.Unpicklable()).shuffle(1).to_iter_dataset()

    error = raised_by(dataset.mp_prefetch(workers(1)), TypeError)

    assert str(error) == (
        "mp_prefetch: `source(Unpicklable(3))` can't be sent to worker processes: "
        "cannot pickle '_thread.lock' object. What belongs to one process, as open "
        "files and locks do, must be left out by `__getstate__` and made again by "
        "`__setstate__`."
    )


def test_what_could_not_be_sent_is_garbage_that_can_be_collected():
    dataset = MapDataset.source(functions.Unpicklable()).to_iter_dataset()

    for _ in range(3):
        raised_by(dataset.mp_prefetch(workers(1)), TypeError)
        gc.collect()  # pytest fails for what is raised here


# ---- Processes ----


def test_workers_use_jax_on_the_cpu():
    dataset = MapDataset.range(1).map(functions.jax_platforms).to_iter_dataset()

    assert list(dataset.mp_prefetch(workers(1))) == [("cpu", "cpu")]


@pytest.mark.parametrize("end", ["close", "forget", "exhaust and close"])
def test_no_process_is_left_behind(end):
    resource_tracker.ensure_running()  # as for every program, until it ends
    before = set(family_of(os.getpid()))
    iterator = iter(numbers().to_iter_dataset().mp_prefetch(workers(2)))
    next(iterator)
    processes = set(family_of(os.getpid())) - before
    assert len(processes) == 3

    if end == "exhaust and close":
        list(iterator)
    if end != "forget":
        iterator.close()
    del iterator
    gc.collect()

    wait_until(lambda: not any(map(is_running, processes)))


def test_closing_does_not_wait_for_long_work():
    iterator = iter(
        MapDataset.range(4)
        .map(functions.wait_long)
        .to_iter_dataset()
        .mp_prefetch(workers(2))
    )
    iterator.start_prefetch()
    begun = time.monotonic()

    iterator.close()

    assert time.monotonic() - begun < 5


def test_a_forked_process_leaves_the_workers_alone():
    with iter(numbers().to_iter_dataset().mp_prefetch(workers(1))) as iterator:
        first = next(iterator)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # about threads
            child = os.fork()
        if child == 0:
            iterator.close()
            os._exit(0)
        os.waitpid(child, 0)

        assert [first, *iterator] == list(numbers())


def test_an_interrupted_wait_loses_no_element(monkeypatch):
    dataset = numbers(50).map(functions.row).to_iter_dataset()
    with iter(dataset.mp_prefetch(workers(2))) as iterator:
        first = next(iterator)
        pool = iterator._cursor._crew.pool()
        hear = pool._hear_worker

        def interrupted(worker):
            hear(worker)
            raise KeyboardInterrupt

        monkeypatch.setattr(pool, "_hear_worker", interrupted)
        with pytest.raises(KeyboardInterrupt):
            list(iterator)
        read = iterator.get_state()["step"]

        assert [row[0] for row in iterator] == list(numbers(50))[read:]
        assert first[0] == numbers(50)[0]


def test_a_profile_is_logged(caplog):
    dataset = numbers().to_iter_dataset()
    options = workers(2, enable_profiling=True)

    with caplog.at_level(logging.INFO, "dolmen.data"):
        list(iter_and_close(dataset.mp_prefetch(options)))

    assert len(caplog.messages) == 2
    assert caplog.messages[1].startswith("mp_prefetch: worker 1: ")


def iter_and_close(dataset):
    with iter(dataset) as iterator:
        yield from iterator


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"num_workers": -1},
            "MultiprocessingOptions: `num_workers` must be at least 0, got -1.",
        ),
        (
            {"per_worker_buffer_size": 0},
            "MultiprocessingOptions: `per_worker_buffer_size` must be at least 1, got "
            "0.",
        ),
        (
            {"on_worker_death": "ignore"},
            "MultiprocessingOptions: `on_worker_death` must be one of ('raise', "
            "'restart'), got 'ignore'.",
        ),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ValueError) as caught:
        MultiprocessingOptions(**options)

    assert str(caught.value) == message


# ---- Death ----


def test_a_killed_worker_is_told():
    dataset = MapDataset.range(20).map(functions.kill_itself).batch(2)
    with iter(dataset.to_iter_dataset().mp_prefetch(workers(2))) as iterator:
        assert [next(iterator).tolist(), next(iterator).tolist()] == [[0, 1], [2, 3]]
        with pytest.raises(WorkerDiedError) as caught:
            next(iterator)
        state = iterator.get_state()

    head, process, tail = split_process(str(caught.value))
    assert head in ("mp_prefetch: worker 0 ", "mp_prefetch: worker 1 ")
    assert process > 1
    assert tail == (
        " was killed by SIGKILL, as the system does when memory runs out, while it "
        "made 2 records from record 4 of source(range(0, 20)). With "
        '`on_worker_death="restart"`, one of the `MultiprocessingOptions`, another '
        "takes its place."
    )
    assert state["step"] == 2


def split_process(message):
    head, _, rest = message.partition("(process ")
    process, _, tail = rest.partition(")")
    return head, int(process), tail


def test_a_worker_that_exits_is_told():
    dataset = MapDataset.range(2).map(functions.exit_itself).to_iter_dataset()

    error = raised_by(dataset.mp_prefetch(workers(1)), WorkerDiedError)

    assert "ended with exit code 17 while it made record 0 of" in str(error)


def test_after_a_death_the_next_call_starts_workers_again(tmp_path):
    dataset = MapDataset.range(20).map(functions.KillOnce(tmp_path, {5}))
    with iter(dataset.to_iter_dataset().mp_prefetch(workers(2))) as iterator:
        with pytest.raises(WorkerDiedError):
            list(iterator)
        step = iterator.get_state()["step"]

        assert list(iterator) == list(range(step, 20))


def test_a_death_is_told_that_is_heard_from_the_worker_and_its_parent_at_once():
    dataset = MapDataset.range(20).map(functions.row).batch(1).to_iter_dataset()
    with iter(dataset.mp_prefetch(workers(1))) as iterator:
        next(iterator)
        pool = iterator._cursor._crew.pool()
        (worker,) = pool._workers
        while worker.process is None:
            pool._receive(5)

        os.kill(worker.process, signal.SIGKILL)
        for end in (worker.socket, pool._channel):
            assert multiprocessing.connection.wait([end], 5)

        with pytest.raises(WorkerDiedError, match="was killed by SIGKILL"):
            list(iterator)


def test_dead_workers_are_replaced_without_losing_or_repeating(tmp_path, caplog):
    dataset = numbers(60).map(functions.KillOnce(tmp_path, {5, 30, 59}))
    options = workers(2, on_worker_death="restart")

    with iter(dataset.to_iter_dataset().mp_prefetch(options)) as iterator:
        assert list(iterator) == list(numbers(60))

    assert len(caplog.messages) == 3
    assert "was killed by SIGKILL" in caplog.messages[0]
    assert caplog.messages[0].endswith(" Another takes its place.")


def test_a_task_that_kills_every_worker_is_an_error(caplog):
    dataset = MapDataset.range(20).map(functions.kill_itself).batch(2)
    options = workers(2, on_worker_death="restart")

    error = raised_by(dataset.to_iter_dataset().mp_prefetch(options), WorkerDiedError)

    assert str(error).endswith(
        " while it made 2 records from record 4 of source(range(0, 20)). It is the "
        "3rd to die there."
    )
    assert len(caplog.messages) == 2


def test_the_death_of_the_process_that_starts_workers_is_told():
    iterator = iter(
        numbers(2000)
        .map(functions.row)
        .to_iter_dataset()
        .mp_prefetch(workers(2, on_worker_death="restart"))
    )
    with iterator:
        next(iterator)
        nursery = iterator._cursor._crew.pool()._nursery.pid
        children = children_of(nursery)

        os.kill(nursery, signal.SIGKILL)
        wait_until(lambda: not any(map(is_running, children)))

        with pytest.raises(WorkerDiedError, match="process that starts the workers"):
            list(iterator)
        step = iterator.get_state()["step"]
        assert len(list(iterator)) == 2000 - step


PROGRAM = """
import sys
import functions_for_workers as functions
from dolmen.data import MapDataset, MultiprocessingOptions

iterator = iter(
    MapDataset.range(100).map(functions.{function}).to_iter_dataset()
    .mp_prefetch(MultiprocessingOptions(num_workers=2))
)
{first}
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("function", "first"),
    [("same", "next(iterator)"), ("wait_long", "iterator.start_prefetch()")],
)
def test_when_a_program_is_killed_its_workers_end(function, first):
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(function=function, first=first)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with program:
        assert program.stdout.readline() == b"ready\n"
        deadline = time.monotonic() + 20
        while len(family_of(program.pid)) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        family = family_of(program.pid)
        assert len(family) == 4  # two workers, their parent, and the tracker

        program.kill()

        wait_until(lambda: not any(map(is_running, family)))


KILLED_WHILE_ITS_WORKERS_START = """
import os, signal, sys
from multiprocessing import resource_tracker
from dolmen.data import MapDataset, MultiprocessingOptions, _pool

# In place of the package that takes a while to import.
open(sys.argv[1] + "/slow.py", "w").write("import time; time.sleep(30)")
sys.path.insert(0, sys.argv[1])
imports = "from dolmen.data import _worker"
_pool._NURSERY = _pool._NURSERY.replace(imports, "import slow")
start = _pool._start_nursery

def start_and_die(*arguments):
    start(*arguments)
    print("started", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

_pool._start_nursery = start_and_die
next(iter(MapDataset.range(9).to_iter_dataset().mp_prefetch(
    MultiprocessingOptions(num_workers=2)
)))
"""


def test_a_program_killed_while_its_workers_start_leaves_no_process(tmp_path):
    program = subprocess.Popen(
        [sys.executable, "-c", KILLED_WHILE_ITS_WORKERS_START, tmp_path],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with program:
        assert program.stdout.readline() == b"started\n"

        program.wait()

        wait_until(lambda: not killing.family_of(program.pid))


MAIN = """
from dolmen.data import MapDataset, MultiprocessingOptions

def double(x):
    return 2 * x

{guard}
    ds = MapDataset.range(3).map(double).to_iter_dataset()
    print(list(ds.mp_prefetch(MultiprocessingOptions(num_workers=1))))
"""


def run_main(path, guard):
    path.write_text(MAIN.format(guard=guard))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, path],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_functions_of_the_main_module_are_found(tmp_path):
    done = run_main(tmp_path / "program.py", 'if __name__ == "__main__":')

    assert done.stdout == "[0, 2, 4]\n"
    assert done.stderr == ""


def test_a_main_module_that_starts_workers_when_imported_is_told(tmp_path):
    done = run_main(tmp_path / "program.py", "if True:")

    assert done.stdout == ""
    assert "if __name__ == '__main__':" in done.stderr
