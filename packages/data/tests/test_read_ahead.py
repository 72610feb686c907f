import threading

import pytest

from dolmen.data._read_ahead import ReadAhead, make


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
@pytest.mark.parametrize("width", [1, 3])
def test_ranges_come_in_order_and_end_with_the_positions(num_threads, width):
    ahead = ReadAhead(
        squares, range(4, 12), width=width, depth=2, num_threads=num_threads
    )
    ahead.start()

    elements = []
    while len(elements) < 8:
        elements.extend(ahead.take().elements)
    ahead.join()

    assert elements == [x * x for x in range(4, 12)]


def test_no_range_is_begun_after_an_error():
    begun = []

    def fail(positions):
        begun.append(positions.start)
        raise ValueError

    ahead = ReadAhead(fail, range(100), width=1, depth=10, num_threads=1)
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

    ahead = ReadAhead(wait, range(4), width=1, depth=1, num_threads=1)
    ahead.start()
    reader = threading.Thread(target=read)
    reader.start()
    waits.wait(10)
    ahead.close()
    reader.join(10)
    go_on.set()
    ahead.join()

    assert outcome == ["ReadAhead: closed while it was read from"]
