import itertools
import json
import time

import numpy as np
import pytest

from dolmen.data import MapDataset, ReadOptions, batched, experimental
from dolmen.data._report import Part, Report
from dolmen.data.sharding import ShardOptions


def slow(x):
    deadline = time.perf_counter() + 0.001
    while time.perf_counter() < deadline:
        pass
    return x


def add_noise(x, rng):
    return x + rng.normal()


def names_of(report):
    return [(part.depth, part.name) for part in report.parts]


def test_the_slow_part_is_the_bottleneck():
    ds = MapDataset.range(40).shuffle(0).map(slow).map(abs).batch(4)

    report = ds.report(steps=5)

    assert names_of(report) == [
        (0, "to_iter_dataset"),
        (1, "batch(4)"),
        (2, "map(abs)"),
        (3, "map(slow)"),
        (4, "shuffle(0)"),
        (5, "source(range(0, 40))"),
    ]
    assert (report.steps, report.records) == (5, 20)
    assert report.bottleneck.name == "map(slow)"
    assert report.bottleneck.self_us > 900
    assert report.bottleneck.share > 0.5
    assert sum(part.share for part in report.parts) == pytest.approx(1)


def test_measuring_changes_no_element():
    def make():
        return (
            MapDataset.mix(
                [
                    MapDataset.range(50).seed(1).shuffle(),
                    MapDataset.range(30).shuffle(2),
                ],
                weights=[1, 2],
            )
            .seed(3)
            .random_map(add_noise)
        )

    ds = make().batch(5)
    staged = make().to_iter_dataset().random_map(add_noise).batch(5).prefetch(2)

    with ds.loader() as loader, staged.loader() as second:
        assert [b.tolist() for b in loader] == [b.tolist() for b in ds]
        assert [b.tolist() for b in second] == [b.tolist() for b in staged]


def test_stages_and_waits_for_threads_are_shown():
    ds = (
        MapDataset.range(60)
        .map(slow)
        .to_iter_dataset(ReadOptions(1, 4))
        .map(abs)
        .batch(2)
        .prefetch(2)
    )
    with ds.loader(shard_options=ShardOptions(0, 1)) as loader:
        for _ in itertools.islice(loader, 10):
            pass
        report = loader.report()

    assert names_of(report)[:4] == [
        (0, "prefetch(2)"),
        (1, "batch(2)"),
        (2, "map(abs)"),
        (3, "to_iter_dataset"),
    ]
    waits = {part.name: part.waited_us for part in report.parts}
    assert waits["prefetch(2)"] > 100
    assert waits["to_iter_dataset"] > 100
    assert waits["batch(2)"] == 0
    assert report.steps == 10
    assert report.share_waited > 0.5


def test_stages_above_several_others_are_shown_with_all_of_them():
    first = MapDataset.range(30).to_iter_dataset(ReadOptions(0, 0)).map(abs)
    second = MapDataset.range(30, 60).to_iter_dataset(ReadOptions(0, 0))
    ds = experimental.ZipIterDataset([first, second])
    with ds.loader() as loader:
        given = list(loader)
        report = loader.report()

    assert given == list(ds)
    assert [depth for depth, _ in names_of(report)] == [0, 1, 2, 3, 1, 2]
    assert report.records == 60


def test_a_slow_trainer_is_told_that_nothing_is_to_gain():
    with MapDataset.range(100).batch(2).loader() as loader:
        for _ in itertools.islice(loader, 10):
            time.sleep(0.02)
        report = loader.report()

    assert report.share_waited < 0.5
    assert report.seconds >= 0.15


def report_of(part, waited=1.0):
    return Report(
        steps=10, records=100, seconds=1.0, waited=waited, parts=(part,), calls=()
    )


@pytest.mark.parametrize(
    ("name", "self_us", "busy_us", "one_by_one", "advice"),
    [
        (
            "source(Files(9))",
            50,
            5,
            True,
            "source(Files(9)) mostly waits, for files or for its turn on a processor: "
            "let more threads wait at once, with a larger `num_threads`.",
        ),
        (
            "source(Files(9))",
            50,
            50,
            True,
            "source(Files(9)) reads one record at a time: give it `__getitems__` or "
            "`gather` (see `RandomAccessDataSource`).",
        ),
        (
            "map(parse)",
            5,
            5,
            True,
            "map(parse) is small but called for every record: write it for many "
            "records at once and mark it with `batched`.",
        ),
        (
            "map(decode)",
            500,
            500,
            True,
            "map(decode) keeps a processor busy: share it out among processes with "
            "`mp_prefetch`, or do its work once and store the result.",
        ),
    ],
)
def test_advice_is_given_for_the_bottleneck(name, self_us, busy_us, one_by_one, advice):
    part = Part(name, 0, 100, self_us, busy_us, 0.0, 1.0, one_by_one)

    assert report_of(part).advice == advice
    assert report_of(part, waited=0.01).advice == (
        "Elements were there when they were asked for: nothing to gain."
    )


def test_advice_for_what_other_processes_do_is_to_look_there():
    part = Part("mp_prefetch(2)", 0, 100, 5.0, 5.0, 50.0, 1.0, False)

    assert report_of(part).advice == (
        "mp_prefetch(2) waits for other processes: give it more of them, or see what "
        "they do by the `report` of the dataset, which makes all itself."
    )


def test_the_text_is_a_tree():
    parts = (
        Part("batch(4)", 0, 5, 0.5, 0.5, 0.0, 0.05, False),
        Part("source(range(0, 9))", 1, 20, 9.5, 9.5, 2.25, 0.95, False),
    )
    report = Report(5, 20, 2.0, 0.5, parts, ())

    assert str(report) == (
        "5 elements of 20 records in 2.00 s: 10 records/s; waited for 25% of the time\n"
        "                       us/record  share  waits\n"
        "batch(4)                    0.50     5%      -\n"
        "  source(range(0, 9))       9.50    95%   2.25  <- bottleneck\n"
        "source(range(0, 9)) keeps a processor busy: share it out among processes with "
        "`mp_prefetch`, or do its work once and store the result."
    )


def test_functions_called_for_many_records_are_known():
    one = MapDataset.range(9).map(abs).batch(3).report()
    many = MapDataset.range(9).map(batched(np.abs)).batch(3).report()

    flags = [
        {part.name.partition("(")[0]: part.is_one_by_one for part in report.parts}
        for report in (one, many)
    ]

    assert flags[0] == {
        "to_iter_dataset": False,
        "batch": False,
        "map": True,
        "source": False,
    }
    assert not flags[1]["map"]


def test_a_page_shows_every_part_and_needs_nothing_else(tmp_path):
    report = MapDataset.range(9).map(lambda x: x).batch(3).report()

    report.save_html(tmp_path / "report.html")

    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "map(&lt;lambda&gt;)" in page
    assert page.count("<tr") == 1 + len(report.parts)
    assert "http" not in page


def test_a_trace_has_an_event_for_every_call(tmp_path):
    report = MapDataset.range(9).map(abs).batch(3).report()

    report.save_chrome_trace(tmp_path / "trace.json")

    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    calls = [event for event in events if event["ph"] == "X"]
    assert len(calls) == len(report.calls)
    assert {event["name"] for event in calls} == {part.name for part in report.parts}
    assert all(event["dur"] >= 0 and event["ts"] > 0 for event in calls)
    assert [event["args"]["name"] for event in events if event["ph"] == "M"] == [
        "MainThread"
    ]
