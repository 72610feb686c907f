import numpy as np

from dolmen.data._streams import RecordStreams, shuffle_key


def test_a_stream_depends_on_seed_operation_epoch_and_record():
    places = [
        (seed, operation, epoch, record)
        for seed in (0, 1)
        for operation in (1, 2)
        for epoch in (0, 1)
        for record in (0, 1, 2)
    ]

    first_draws = {
        RecordStreams(seed, operation).at(epoch, record).random()
        for seed, operation, epoch, record in places
    }

    assert len(first_draws) == len(places)


def test_a_stream_does_not_depend_on_what_was_drawn_before():
    streams = RecordStreams(0, 1)
    expected = streams.at(2, 5).normal(size=7)

    streams.at(2, 4).integers(100, size=3, dtype=np.uint32)
    again = streams.at(2, 5).normal(size=7)

    assert np.array_equal(again, expected)


def test_streams_of_neighboring_records_do_not_overlap():
    streams = RecordStreams(0, 1)

    draws = np.concatenate([streams.at(0, i).random(1000) for i in range(50)])

    assert len(np.unique(draws)) == 50_000
    assert abs(draws.mean() - 0.5) < 5 / np.sqrt(12 * 50_000)


def test_streams_are_the_same_in_every_release_and_on_every_machine():
    drawn = RecordStreams(0, 1).at(2, 3).integers(0, 1000, 4).tolist()

    assert drawn == GOLDEN


def test_keys_keep_their_fields_apart():
    assert shuffle_key(1, 0, 0) != shuffle_key(0, 1, 0)
    assert shuffle_key(0, 0, 1) != shuffle_key(0, 1, 0)


GOLDEN = [11, 170, 323, 981]
