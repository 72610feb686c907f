"""Rows of the schedules, with their formulas in NumPy for one count at a time."""

import numpy as np

from .rows import Row

COUNTS = np.array([0, 1, 3, 4, 5, 8, 9, 10, 13, 19, 20, 21, 50], np.int32)


def at_counts(*args, **options):
    """A call of a schedule's maker, then of the schedule at every count."""
    return lambda make, counts: make(*args, **options)(counts)


def oracle(formula):
    """A maker of schedules in NumPy: `formula(count, **options)`."""

    def make(*args, **options):
        return np.vectorize(lambda count: formula(float(count), *args, **options))

    return make


def straight(count, start, end, steps, begin=0, power=1):
    done = np.clip((count - begin) / steps, 0, 1)
    return (start - end) * (1 - done) ** power + end


def cosine(count, init, steps, alpha=0.0, exponent=1.0):
    wave = (1 + np.cos(np.pi * min(count, steps) / steps)) / 2
    return init * ((1 - alpha) * wave**exponent + alpha)


def exponential(count, init, steps, rate, begin=0, staircase=False, end=None):
    periods = max(count - begin, 0) / steps
    value = init * rate ** (np.floor(periods) if staircase else periods)
    if end is None:
        return value
    return max(value, end) if rate < 1 else min(value, end)


def piecewise(count, kind, init, pieces):
    ends = [0, *sorted(pieces)]
    values = np.cumprod([init, *(pieces[end] for end in ends[1:])])
    if kind == "constant":
        return values[sum(end <= count for end in ends) - 1]
    if kind == "linear":
        return np.interp(count, ends, values)
    k = max(k for k, end in enumerate(ends) if end <= count)
    if k == len(values) - 1:
        return values[-1]
    done = (count - ends[k]) / (ends[k + 1] - ends[k])
    return values[k] + (values[k + 1] - values[k]) * (1 - np.cos(np.pi * done)) / 2


def after_warmup(count, init, peak, warmup, down):
    if count < warmup:
        return init + (peak - init) * count / warmup
    return down(count - warmup)


def warm_cosine(count, init, peak, warmup, decay, end=0.0):
    down = lambda rest: cosine(rest, peak, decay - warmup, end / peak)  # noqa: E731
    return after_warmup(count, init, peak, warmup, down)


def stable(count, init, peak, warmup, plateau, decay, end, shape):
    done = np.clip((count - warmup - plateau) / decay, 0, 1)
    left = {
        "linear": 1 - done,
        "sqrt": 1 - np.sqrt(done),
        "cosine": (1 + np.cos(np.pi * done)) / 2,
        "exponential": (peak * (end / peak) ** done - end) / (peak - end),
    }[shape]
    down = lambda rest: end + (peak - end) * left  # noqa: E731
    return after_warmup(count, init, peak, warmup, down)


CYCLES = [(0.1, 1.0, 2, 5, 0.2), (0.2, 0.5, 0, 10, 0.0)]
NAMES = ("init_value", "peak_value", "warmup_steps", "decay_steps", "end_value")


def restarts(count, cycles):
    first, second = ([c[name] for name in NAMES] for c in cycles)
    if count < first[3]:
        return warm_cosine(count, *first)
    return warm_cosine(count - first[3], *second)


PIECES = {4: 3.0, 9: 0.5, 20: 0.1}


def wsd(shape, end):
    return Row(
        "warmup_stable_decay_schedule",
        (COUNTS,),
        oracle(stable),
        at_counts(0.1, 2.0, 4, 5, 11, end, shape),
        label=shape,
    )


SCHEDULES = [
    Row(
        "constant_schedule",
        (COUNTS,),
        oracle(lambda count, value: value),
        lambda f, counts: f(0.3)(counts) + 0.0 * counts,
    ),
    Row("linear_schedule", (COUNTS,), oracle(straight), at_counts(1.0, 0.25, 9, 3)),
    Row(
        "polynomial_schedule",
        (COUNTS,),
        oracle(lambda count, a, b, power, n, at: straight(count, a, b, n, at, power)),
        at_counts(1.0, 0.25, 2.5, 9, 3),
    ),
    Row("exponential_decay", (COUNTS,), oracle(exponential), at_counts(2.0, 4, 0.5, 3)),
    Row(
        "exponential_decay",
        (COUNTS,),
        oracle(exponential),
        at_counts(2.0, 4, 0.5, 3, True, 0.3),
        label="in stairs to a bound",
    ),
    Row(
        "exponential_decay",
        (COUNTS,),
        oracle(exponential),
        at_counts(2.0, 4, 1.5, 0, False, 7.0),
        label="growing",
    ),
    Row(
        "cosine_decay_schedule", (COUNTS,), oracle(cosine), at_counts(2.0, 9, 0.1, 1.5)
    ),
    Row(
        "piecewise_constant_schedule",
        (COUNTS,),
        oracle(lambda count, *args: piecewise(count, "constant", *args)),
        at_counts(2.0, PIECES),
    ),
    *[
        Row(
            "piecewise_interpolate_schedule",
            (COUNTS,),
            oracle(piecewise),
            at_counts(kind, 2.0, PIECES),
            label=kind,
        )
        for kind in ("linear", "cosine")
    ],
    Row(
        "piecewise_interpolate_schedule",
        (COUNTS,),
        oracle(lambda count, kind, init: init),
        lambda f, counts: f("linear", 2.0)(counts) + 0.0 * counts,
        label="without pieces",
    ),
    Row(
        "linear_onecycle_schedule",
        (COUNTS,),
        oracle(
            lambda count, steps, peak, *_: piecewise(
                count, "linear", peak / 25, {6: 25.0, 17: 1 / 25, 20: 1e-2}
            )
        ),
        at_counts(20, 2.0, 0.3, 0.85, 25.0, 1e2),
    ),
    Row(
        "linear_onecycle_schedule",
        (COUNTS,),
        oracle(
            lambda count, steps, peak, *_: np.interp(
                count, [0, 1, 2], [peak, peak / 25, peak / 25e4]
            )
        ),
        at_counts(2, 2.0),
        label="without a way up",
    ),
    Row(
        "cosine_onecycle_schedule",
        (COUNTS,),
        oracle(
            lambda count, steps, peak, *_: piecewise(
                count, "cosine", peak / 25, {6: 25.0, 20: 1 / 25e2}
            )
        ),
        at_counts(20, 2.0, 0.3, 25.0, 1e2),
    ),
    Row(
        "join_schedules",
        (COUNTS,),
        lambda schedules, starts: np.vectorize(
            lambda c: c if c < 4 else 10.0 * (c - 4) if c < 10 else -(c - 10.0)
        ),
        lambda f, counts: f(
            [lambda c: 1.0 * c, lambda c: 10.0 * c, lambda c: -1.0 * c], [4, 10]
        )(counts),
    ),
    Row(
        "warmup_constant_schedule",
        (COUNTS,),
        oracle(straight),
        at_counts(0.1, 2.0, 4),
    ),
    Row(
        "warmup_constant_schedule",
        (COUNTS,),
        oracle(lambda count, init, peak, steps: peak),
        lambda f, counts: f(0.1, 2.0, 0)(counts) + 0.0 * counts,
        label="without a way up",
    ),
    Row(
        "warmup_cosine_decay_schedule",
        (COUNTS,),
        oracle(warm_cosine),
        at_counts(0.1, 2.0, 4, 20, 0.3),
    ),
    Row(
        "warmup_exponential_decay_schedule",
        (COUNTS,),
        oracle(
            lambda count, init, peak, warmup, *decay: after_warmup(
                count, init, peak, warmup, lambda rest: exponential(rest, peak, *decay)
            )
        ),
        at_counts(0.1, 2.0, 4, 5, 0.5, 1, False, 0.2),
    ),
    Row(
        "sgdr_schedule",
        (COUNTS,),
        oracle(restarts),
        at_counts([dict(zip(NAMES, cycle, strict=True)) for cycle in CYCLES]),
    ),
    wsd("linear", 0.0),
    wsd("sqrt", 0.1),
    wsd("cosine", 0.1),
    wsd("exponential", 0.1),
]

ROWS = [Row(**{**vars(row), "name": f"schedules.{row.name}"}) for row in SCHEDULES]
