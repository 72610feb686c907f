"""Examples of many lengths in rows of one."""

import functools

import numpy as np

SIZES = (3, 7, 2, 5, 1, 8, 4, 4, 6, 2, 1, 3)


def programs(api):
    grain = api.data
    experimental = grain.experimental
    first = experimental.FirstFitPackIterDataset
    best = experimental.BestFitPackIterDataset
    concat = experimental.ConcatThenSplitIterDataset

    def examples(keys=("tokens", "mask")):
        def make(n):
            size = SIZES[n]
            example = {"tokens": np.full(size, n + 1), "mask": np.full(size // 2, -n)}
            return {key: example[key] for key in keys}

        return grain.MapDataset.range(len(SIZES)).map(make).to_iter_dataset()

    def by_name(row):
        return dict(sorted(row.items()))

    def packed(cls, lengths, **options):
        ds = cls(examples(lengths), length_struct=lengths, **options)
        return list(map(by_name, ds))

    def resumed(cls, **options):
        ds = cls(examples(), length_struct={"tokens": 8, "mask": 6}, **options)
        iterator = iter(ds)
        before = by_name(next(iterator))
        state = iterator.get_state()
        rest = list(map(by_name, iterator))
        again = iter(ds)
        again.set_state(state)
        return before, rest, list(map(by_name, again))

    lengths = {"tokens": 8, "mask": 6}
    for name, cls in (("first fit", first), ("best fit", best)):
        fit = functools.partial(packed, cls, shuffle_bins=False)
        for bins in (1, 2, 4):
            program = functools.partial(fit, lengths, num_packing_bins=bins)
            yield f"{name} into {bins}", program
        few = {"num_packing_bins": 3, "max_sequences_per_bin": 2}
        wide = {"tokens": 12, "mask": 12}
        yield f"{name}, few examples to a row", functools.partial(fit, wide, **few)
        again = {"num_packing_bins": 2, "shuffle_bins": False}
        yield f"{name} goes on where it was", functools.partial(resumed, cls, **again)

    cut = functools.partial(packed, concat)
    yield "one feature cut", functools.partial(cut, {"tokens": 5})
    yield "two features cut", functools.partial(cut, {"tokens": 8, "mask": 4})
    yield (
        "full rows whole",
        functools.partial(cut, lengths, split_full_length_features=False),
    )
    yield (
        "rows that begin anew",
        functools.partial(
            cut,
            {"tokens": 6},
            bos_handling=experimental.BOSHandling.REPLACE_FIRST_TOKEN_WITH_BOS,
            bos_features=["tokens"],
            bos_token_id=99,
        ),
    )
    yield "cutting goes on where it was", functools.partial(resumed, concat)
