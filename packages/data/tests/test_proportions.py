import json
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from dolmen.data import IterDataset, MapDataset, ReadOptions
from dolmen.data._proportions import Phase, Proportions, shares_of
from dolmen.data.experimental import assert_equal_output_after_checkpoint
from dolmen.data.sharding import ShardOptions

mix = MapDataset.mix


def message_of(call, *args, **kwargs):
    with pytest.raises((TypeError, ValueError)) as caught:
        call(*args, **kwargs)
    return str(caught.value)


@st.composite
def phased(draw):
    """Phases of at most 40 records, in which some parts may rest."""
    number = draw(st.integers(1, 5))
    shares = st.lists(st.integers(0, 9), min_size=number, max_size=number).filter(any)
    sizes = draw(st.lists(st.integers(1, 40), max_size=3))
    starts = np.cumsum([0, *sizes]).tolist()
    return Proportions(tuple(Phase(start, tuple(draw(shares))) for start in starts))


def turns_of(proportions, size):
    """The parts of the first places, by a plain loop over the phases."""
    turns = []
    ends = [phase.start for phase in proportions.phases[1:]] + [size]
    for phase, end in zip(proportions.phases, ends, strict=True):
        alone = Proportions((Phase(0, phase.shares),))
        places = np.arange(max(0, min(end, size) - phase.start))
        turns += alone.choose(places)[0].tolist()
    return turns


# ---- Counts and places ----


@settings(deadline=None)
@given(proportions=phased())
def test_counts_are_those_of_a_plain_loop_at_every_place(proportions):
    size = 150
    given_so_far = [0] * len(proportions.phases[0].shares)
    parts, counts = proportions.choose(np.arange(size))

    for place, turn in enumerate(turns_of(proportions, size)):
        assert proportions.counts(place) == given_so_far
        assert (parts[place], counts[place]) == (turn, given_so_far[turn])
        given_so_far[turn] += 1


@settings(deadline=None)
@given(proportions=phased())
def test_every_phase_holds_every_part_to_its_share(proportions):
    starts = [phase.start for phase in proportions.phases]
    for phase, end in zip(
        proportions.phases, [*starts[1:], starts[-1] + 99], strict=True
    ):
        before = np.array(proportions.counts(phase.start))
        wanted = np.array(phase.shares) / sum(phase.shares)
        for place in range(phase.start, end + 1):
            given_here = np.array(proportions.counts(place)) - before
            assert np.abs(given_here - wanted * (place - phase.start)).max() < 2


@settings(deadline=None)
@given(proportions=phased(), far=st.integers(0, 2**61))
def test_a_place_is_found_without_those_before_it(proportions, far):
    places = far + np.arange(60)

    parts, counts = proportions.choose(places)

    for i in (0, 1, 30, 59):
        assert counts[i] == proportions.counts(far + i)[parts[i]]
        one_by_one = proportions.choose(places[i : i + 1])
        assert (one_by_one[0][0], one_by_one[1][0]) == (parts[i], counts[i])


@settings(deadline=None)
@given(
    proportions=phased(), lengths=st.lists(st.integers(1, 30), min_size=5, max_size=5)
)
def test_a_mixture_ends_when_a_part_has_been_read_once(proportions, lengths):
    number = len(proportions.phases[0].shares)
    size = 5000
    counts = np.cumsum(
        np.array(turns_of(proportions, size))[:, None] == np.arange(number), axis=0
    )

    for part in range(number):
        end = proportions.end_of(part, lengths[part])
        over = np.flatnonzero(counts[:, part] > lengths[part])
        before = counts[min(end, size) - 1, part] if end else 0

        # Not one more than it has, and not more than two fewer.
        assert end == sys.maxsize or end <= (over[0] if over.size else size)
        assert end == sys.maxsize or before > lengths[part] - 3
        assert end < sys.maxsize or not over.size


# ---- Phases of datasets ----


def numbered(part, size):
    return MapDataset.range(1000 * part, 1000 * part + size)


CURRICULUM = [(0, [1, 0, 1]), (6, [1, 1, 2]), (14, [0, 1, 0])]


def test_weights_change_where_a_phase_begins():
    mixture = mix([numbered(n, 300) for n in (1, 2, 3)], phases=CURRICULUM)

    elements = [mixture[i] for i in range(20)]

    of_phases = [sorted(x // 1000 for x in elements[a:b]) for a, b in ((0, 6), (6, 14))]
    assert of_phases == [[1, 1, 1, 3, 3, 3], [1, 1, 2, 2, 3, 3, 3, 3]]
    assert elements[14:] == [2002, 2003, 2004, 2005, 2006, 2007]
    for part in (1, 2, 3):
        own = [x for x in elements if x // 1000 == part]
        assert own == list(range(1000 * part, 1000 * part + len(own)))


def test_a_mixture_with_phases_ends_when_a_dataset_that_goes_on_has_been_read():
    resting, going_on = numbered(1, 3), numbered(2, 50)

    assert len(mix([resting, going_on], phases=[(0, [1, 0]), (3, [0, 1])])) == 53
    assert len(mix([resting, going_on], phases=[(0, [1, 1]), (4, [0, 1])])) == 52
    assert len(mix([resting, going_on], phases=[(0, [0, 1]), (9, [1, 1])])) == 15
    endless = [resting.repeat(), going_on.repeat()]
    assert len(mix(endless, phases=[(0, [0, 1]), (9, [1, 1])])) == sys.maxsize


def test_a_phase_may_be_added_while_training_goes_on():
    parts = [numbered(n, 40).seed(n).shuffle().repeat() for n in (1, 2)]
    before = mix(parts, [3, 1]).batch(4)
    after = mix(parts, phases=[(0, [3, 1]), (20, [1, 3])]).batch(4)
    with before.loader() as loader:
        first = [next(loader).tolist() for _ in range(5)]
        state = loader.state()

    with pytest.raises(ValueError, match=r"here: .*mix\(3:1; from 20 1:3\)"):
        after.loader(state=state)
    with after.loader(step=state["step"]) as loader:
        second = [next(loader).tolist() for _ in range(5)]

    elements = np.array(first + second)
    assert elements.tolist() == [after[i].tolist() for i in range(10)]
    assert [(e // 1000 == 1).sum() for e in (elements[:5], elements[5:])] == [15, 5]
    ones = elements[elements < 2000].tolist()
    assert ones == list(parts[0][:20])


@pytest.mark.parametrize("num_hosts", [1, 2, 3])
def test_mixtures_with_phases_resume_on_other_numbers_of_hosts(num_hosts):
    parts = [numbered(n, 40).seed(n).shuffle().repeat() for n in (1, 2, 3)]
    spec = mix(parts, phases=CURRICULUM).batch(6)
    with spec.loader(shard_options=ShardOptions(0, 6)) as loader:
        next(loader)
        state = json.loads(json.dumps(loader.state()))

    rows = []
    for host in range(num_hosts):
        shard = ShardOptions(host, num_hosts)
        with spec.loader(state=state, shard_options=shard) as loader:
            rows.append([next(loader) for _ in range(4)])

    for number, together in enumerate(zip(*rows, strict=True)):
        assert np.concatenate(together).tolist() == spec[1 + number].tolist()


def test_an_origin_is_found_in_every_phase():
    parts = [numbered(n, 40).seed(n).shuffle().repeat() for n in (1, 2, 3)]
    mixture = mix(parts, phases=CURRICULUM).batch(5)

    for step in range(8):
        records = [
            1000 * (1 + int(origin.source[13])) - 1000 + origin.record
            for origin in mixture.why(step)
        ]
        assert records == mixture[step].tolist()


def test_every_record_is_counted_through_phases():
    parts = [numbered(n, size) for n, size in ((1, 4), (2, 6))]
    mixture = mix(parts, phases=[(0, [1, 0]), (2, [1, 3])])

    audit = mixture.audit()

    assert len(mixture) == 10
    assert audit.is_exact
    assert [source.reads for source in audit.sources] == [4, 6]


def test_ordered_datasets_mix_as_indexed_ones_do(options):
    parts = {"a": numbered(1, 90), "b": numbered(2, 90)}
    phases = [(0, {"a": 2, "b": 1}), (9, {"a": 0, "b": 1}), (12, {"a": 1, "b": 1})]
    ordered = {name: part.to_iter_dataset(options) for name, part in parts.items()}
    indexed = mix(parts, phases=phases)

    mixture = IterDataset.mix(ordered, phases=phases)

    elements = list(mixture)
    assert elements == [indexed[i] for i in range(len(elements))]
    assert repr(mixture).startswith(
        "IterDataset(mix(a: 2, b: 1; from 9 a: 0, b: 1; from 12 a: 1, b: 1) of ["
    )
    assert_equal_output_after_checkpoint(mixture.limit(30))


# ---- Weights by tokens ----


def texts(part, sizes):
    return MapDataset.source([np.full(size, part) for size in sizes])


def test_tokens_have_the_proportions_of_the_weights():
    short, long = [1, 3, 2] * 40, [20, 10, 15] * 40
    parts = [texts(0, short).seed(0).shuffle(), texts(1, long).seed(1).shuffle()]

    mixture = mix(
        [part.repeat() for part in parts],
        [0.6, 0.4],
        unit="tokens",
        lengths=[short, 15],
    )

    tokens = np.concatenate([mixture[i] for i in range(1470)])
    # 1.5 times the tokens of examples that are 7.5 times shorter.
    assert repr(mixture).startswith("MapDataset(mix(45:4) of [")
    assert 0.59 < (tokens == 0).mean() < 0.61


@settings(deadline=None)
@given(
    means=st.lists(st.integers(1, 500), min_size=2, max_size=4),
    weights=st.lists(st.integers(1, 20), min_size=4, max_size=4),
)
def test_whole_epochs_give_tokens_exactly(means, weights):
    parts = {str(n): MapDataset.range(1).repeat() for n in range(len(means))}
    asked = dict(zip(parts, weights, strict=False))
    lengths = {
        name: [mean, mean, 2 * mean, 0] for name, mean in zip(parts, means, strict=True)
    }

    mixture = mix(parts, asked, unit="tokens", lengths=lengths)._operation
    (phase,) = mixture.proportions.phases

    tokens = [s * m for s, m in zip(phase.shares, means, strict=True)]
    for name, part in zip(parts, tokens, strict=True):
        wanted = Fraction(asked[name], sum(asked.values()))
        assert abs(Fraction(part, sum(tokens)) / wanted - 1) < 1e-5


def test_phases_by_tokens_are_turned_into_examples_each():
    parts = [texts(0, [2] * 90), texts(1, [6] * 90)]

    mixture = mix(
        parts, unit="tokens", lengths=[2, 6], phases=[(0, [1, 1]), (8, [0, 1])]
    )

    assert mixture._operation.describe() == "mix(3:1; from 8 0:1)"


def test_a_report_tells_what_mixtures_gave():
    parts = {"short": texts(0, [2] * 90).repeat(), "long": texts(1, [6] * 90).repeat()}
    weights, lengths = {"short": 1, "long": 1}, {"short": 2, "long": 6}
    by_tokens = mix(parts, weights, unit="tokens", lengths=lengths)
    both = mix([by_tokens, texts(2, [1] * 90).repeat()], [4, 1]).map(np.sum)

    report = both.batch(10).report(steps=8)

    outer, inner = report.mixtures
    assert (
        str(outer)
        == "mix(4:1) gave 80.0% mix(short: 3, long: 1), 20.0% source(list(90))"
    )
    assert str(inner) == (
        "mix(short: 3, long: 1) gave 75.0% short (50.0% of tokens), 25.0% long (50.0% "
        "of tokens)"
    )
    assert [part.elements for part in inner.ingredients] == [48, 16]
    assert f"\n{outer}\n{inner}\n" in str(report)
    assert "gave 80.0% mix(short" in report.to_html()


def test_a_report_tells_what_ordered_mixtures_gave():
    parts = {"a": numbered(1, 30), "b": numbered(2, 10)}
    ordered = {
        name: part.to_iter_dataset(ReadOptions(0, 0)) for name, part in parts.items()
    }
    mixture = IterDataset.mix(ordered, {"a": 3, "b": 1})

    with mixture.loader() as loader:
        elements = list(loader)
        (told,) = loader.report().mixtures

    assert len(elements) == 40
    assert str(told) == "mix(a: 3, b: 1) gave 75.0% a, 25.0% b"


# ---- Wrong arguments ----

HALVES = [numbered(1, 5), numbered(2, 5)]
NAMED = {"a": numbered(1, 5), "b": numbered(2, 5)}


@pytest.mark.parametrize(
    ("datasets", "arguments", "message"),
    [
        (
            HALVES,
            {"unit": "bytes"},
            "`unit` must be one of ('examples', 'tokens'), got 'bytes'.",
        ),
        (
            HALVES,
            {"unit": "tokens"},
            '`unit="tokens"` needs `lengths`, got none: the tokens of an example of '
            "each dataset, on average, or of all of its examples.",
        ),
        (
            HALVES,
            {"lengths": [1, 2]},
            '`lengths` are for weights by tokens, got them with `unit="examples"`. '
            'Pass `unit="tokens"`, or leave them out.',
        ),
        (
            HALVES,
            {"unit": "tokens", "lengths": [1]},
            "`lengths` must hold one number for each of the 2 datasets, got 1.",
        ),
        (
            HALVES,
            {"unit": "tokens", "lengths": [1, np.zeros(3)]},
            "`lengths` must hold the tokens of an example of each dataset, a positive "
            "number, or those of all of its examples, got float64[3] for dataset 1.",
        ),
        (
            HALVES,
            {"unit": "tokens", "lengths": ["many", 1]},
            "`lengths` must hold the tokens of an example of each dataset, a positive "
            "number, or those of all of its examples, got 'many' for dataset 0.",
        ),
        (
            HALVES,
            {"weights": [1, 1], "phases": [(0, [1, 1])]},
            "expected `weights` or `phases`, got both. The weights of the beginning "
            "are those of the phase from 0 on.",
        ),
        (
            HALVES,
            {"phases": [0.5, 0.5]},
            "`phases` must be pairs of an index and weights, such as [(0, [0.7, 0.3]), "
            "(50_000, [0.5, 0.5])], got [0.5, 0.5].",
        ),
        (
            HALVES,
            {"phases": []},
            "`phases` must be pairs of an index and weights, such as [(0, [0.7, 0.3]), "
            "(50_000, [0.5, 0.5])], got [].",
        ),
        (
            HALVES,
            {"phases": [(5, [1, 1]), (5, [1, 2])]},
            "`phases` must begin at 0 and follow one another, got phases from 5, 5 on.",
        ),
        (
            HALVES,
            {"phases": [(0, [1, 1]), (1.5, [1, 2])]},
            "`phases[1][0]` must be an integer, got float 1.5.",
        ),
        (
            HALVES,
            {"phases": [(0, [1, 1]), (7, [1, -2])]},
            "`phases[1][1]` must be finite and not negative, and one of them positive, "
            "got [1, -2].",
        ),
        (
            HALVES,
            {"phases": [(0, [1, 0]), (7, [2, 0])]},
            "every dataset must have a weight in one of the `phases`, dataset 1 has "
            "none. Leave it out.",
        ),
        (
            NAMED,
            {"phases": [(0, {"a": 1, "b": 0})]},
            "every dataset must have a weight in one of the `phases`, dataset 'b' has "
            "none. Leave it out.",
        ),
        (
            NAMED,
            {"phases": [(0, {"a": 1, "c": 0})]},
            "`phases[0][1]` must have the names of `datasets`, ['a', 'b'], got ['a', "
            "'c'].",
        ),
        (
            HALVES,
            {"weights": {"a": 1, "b": 2}},
            "`weights` has names, but `datasets` has none. Give both in the same form.",
        ),
    ],
)
def test_wrong_proportions_are_told(datasets, arguments, message):
    assert message_of(mix, datasets, **arguments) == f"MapDataset.mix: {message}"


def test_a_weight_of_zero_stays_zero_beside_odd_ones():
    assert shares_of([0, 1, 3]) == (0, 1, 3)
    assert shares_of([0, 0.123456789, 1e-12])[0] == 0
