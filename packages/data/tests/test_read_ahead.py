import threading

import pytest

from dolmen.data._read_ahead import Pace, ReadAhead, make


def squares(positions):
    return [x * x for x in positions]


def fail_from_5(positions):
    if positions[-1] >= 5:
        raise ValueError(f"{positions[-1]}")
    return list(positions)


def test_what_was_made_before_an_error_is_kept():
    made = make(fail_from_5, range(2, 9))

    assert made.elements == [2, 3, 4]
    assert str(made.error) == "5"


@pytest.mark.parametrize("num_threads", [1, 2, 5])
@pytest.mark.parametrize("most", [1, 3])
def test_ranges_come_in_order_and_end_with_the_positions(num_threads, most):
    ahead = ReadAhead(
        squares, range(4, 24), buffer=6, num_threads=num_threads, pace=Pace(1, most)
    )
    ahead.start()

    elements = []
    while len(elements) < 20:
        elements.extend(ahead.take().elements)
    ahead.join()

    assert elements == [x * x for x in range(4, 24)]


def test_ranges_grow_as_long_as_they_are_quick():
    ahead = ReadAhead(list, range(84), buffer=40, num_threads=1, pace=Pace(2, 20, 1e9))
    ahead.start()

    sizes = []
    while sum(sizes) < 84:
        sizes.append(len(ahead.take().elements))
    ahead.join()

    assert sizes == [2, 4, 8, 16, 20, 20, 14]


def test_a_pace_keeps_near_its_time():
    pace = Pace(4, 20, seconds=1.0)

    widths = []
    for seconds in (0.7, 0.4, 1.6, 0.4, 0.4, 0.4, 2.1, 2.1, 2.1):
        pace.adapt(pace.width, seconds)
        widths.append(pace.width)

    assert widths == [4, 8, 8, 16, 20, 20, 10, 5, 4]


def test_a_pace_does_not_count_what_was_begun_before_it_changed():
    pace = Pace(1, 100, seconds=1.0)

    for count in (1, 2, 1, 1):
        pace.adapt(count, 0.1)

    assert pace.width == 4


def test_no_range_is_begun_after_an_error():
    begun = []

    def fail(positions):
        begun.append(positions.start)
        raise ValueError

    ahead = ReadAhead(fail, range(100), buffer=10, num_threads=1)
    ahead.start()
    ahead.join()

    assert begun == [0]
    assert isinstance(ahead.take().error, ValueError)


def test_closing_frees_a_reader_that_waits():
    go_on, waits = threading.Event(), threading.Event()
    outcome = []

    def wait(positions):
        waits.set()
        go_on.wait(10)
        return list(positions)

    def read():
        with pytest.raises(RuntimeError) as caught:
            ahead.take()
        outcome.append(str(caught.value))

    ahead = ReadAhead(wait, range(4), buffer=1, num_threads=1)
    ahead.start()
    reader = threading.Thread(target=read)
    reader.start()
    waits.wait(10)
    ahead.close()
    reader.join(10)
    go_on.set()
    ahead.join()

    assert outcome == ["ReadAhead: closed while it was read from"]
