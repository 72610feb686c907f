"""Pipelines as Grain's users write them: only the import tells the sides apart.

Orders and random numbers differ by design, so that of what is random only what both
promise is compared: which elements there are, and that they can be made again.
"""

import functools

import numpy as np


def programs(api):
    grain = api.data
    for group in (indexed, combined, ordered, customized, resumed, wrong):
        for program in group(grain):
            yield program.__name__.replace("_", " "), program


def double(x):
    return 2 * x


def is_odd(x):
    return x % 2 == 1


def add_index(index, x):
    return 100 * index + x


def spread(x, rng):
    return x + rng.normal(size=3)


def indexed(grain):
    MapDataset = grain.MapDataset

    def elements_by_index():
        ds = MapDataset.source([10, 11, 12, 13, 14]).map(double)
        return ds[0], ds[-1], ds[7], len(ds), list(ds)

    def ranges():
        return [list(MapDataset.range(*args)) for args in ((5,), (2, 5), (1, 9, 3))]

    def slices():
        ds = MapDataset.range(10)
        parts = ds[3:7], ds[::3], ds[-4:], ds.slice(slice(1, 8, 2)), ds[2:][1::4]
        return [list(part) for part in parts]

    def batches():
        ds = MapDataset.range(7).map(lambda x: {"x": x, "y": (np.full(2, x), x / 2)})
        return list(ds.batch(3)), list(ds.batch(3, drop_remainder=True))

    def batches_by_a_function():
        ds = MapDataset.range(5).batch(2, batch_fn=lambda xs: np.array(xs[::-1]))
        return len(ds), list(ds)

    def epochs():
        ds = MapDataset.range(3)
        return (
            list(ds.repeat(2)),
            list(ds.batch(2).repeat(2)),
            list(ds.repeat(2).batch(4)),
            len(ds.repeat(5)),
        )

    def filters_leave_gaps():
        ds = MapDataset.range(6).filter(is_odd).map(double)
        return len(ds), [ds[i] for i in range(6)], list(ds)

    def indices_are_given():
        ds = MapDataset.range(4).map_with_index(add_index)
        return list(ds), list(ds.repeat(2).map_with_index(add_index))

    def several_of_one():
        class Split(grain.experimental.FlatMapTransform):
            max_fan_out = 3

            def flat_map(self, element):
                return [element] * (element % 4)

        ds = MapDataset.range(4)
        return list(grain.experimental.FlatMapMapDataset(ds, Split()))

    def transforms_as_classes():
        class Double(grain.transforms.Map):
            def map(self, element):
                return 2 * element

        class Odd(grain.transforms.Filter):
            def filter(self, element):
                return element % 2 == 1

        class Numbered(grain.transforms.MapWithIndex):
            def map_with_index(self, index, element):
                return 100 * index + element

        ds = MapDataset.range(6).filter(Odd()).map(Double())
        return list(ds.map_with_index(Numbered()))

    def functions_in_pipes():
        def every(ds, n, *, start):
            return ds[start::n]

        return list(MapDataset.range(10).pipe(every, 4, start=1))

    def shuffles_are_permutations():
        ds = MapDataset.range(20).seed(3).shuffle()
        again = MapDataset.range(20).shuffle(seed=3)
        two = list(ds.repeat(2))
        return sorted(ds), sorted(again), two[:20] == list(ds), two[:20] == two[20:]

    def window_shuffles_stay_in_their_windows():
        ds = grain.experimental.WindowShuffleMapDataset(
            MapDataset.range(12), window_size=4, seed=0
        )
        elements = list(ds)
        return [sorted(elements[i : i + 4]) for i in (0, 4, 8)]

    def random_maps_can_be_made_again():
        ds = MapDataset.range(4).seed(1).random_map(spread)
        first, second = ds[2], ds[3]
        same = np.array_equal(ds[2], first), np.array_equal(first - 2, second - 3)
        return first.shape, first.dtype, same

    return [
        elements_by_index,
        ranges,
        slices,
        batches,
        batches_by_a_function,
        epochs,
        filters_leave_gaps,
        indices_are_given,
        several_of_one,
        transforms_as_classes,
        functions_in_pipes,
        shuffles_are_permutations,
        window_shuffles_stay_in_their_windows,
        random_maps_can_be_made_again,
    ]


def combined(grain):
    MapDataset, IterDataset = grain.MapDataset, grain.IterDataset
    short, long = MapDataset.range(4), MapDataset.range(100, 110)

    def zips():
        return list(grain.experimental.ZipMapDataset([long, long.map(double)]))

    def concatenations():
        ds = MapDataset.concatenate([short, long])
        return list(ds), [ds[i] for i in (14, 18, 27)], list(ds.repeat(2))

    def mixtures_of_equal_weights():
        ds = MapDataset.mix([short, long])
        return len(ds), list(ds)

    def mixtures_hold_their_weights():
        ds = MapDataset.mix([short.repeat(), long.repeat()], [0.75, 0.25])
        elements = [ds[i] for i in range(40)]
        ones = [sum(x >= 100 for x in elements[i : i + 4]) for i in range(0, 40, 4)]
        return ones, [x for x in elements if x >= 100]

    def mixtures_in_order():
        ds = IterDataset.mix([short.to_iter_dataset(), long.to_iter_dataset()])
        return list(ds)

    def selections():
        class Backwards(grain.transforms.DatasetSelectionMap):
            def __len__(self):
                return 6

            def __getitem__(self, index):
                return index % 2, 3 - index // 2

        ds = MapDataset.select_from_datasets([short, long], Backwards())
        return len(ds), list(ds)

    return [
        zips,
        concatenations,
        mixtures_of_equal_weights,
        mixtures_hold_their_weights,
        mixtures_in_order,
        selections,
    ]


def ordered(grain):
    experimental, options = grain.experimental, grain.ReadOptions(2, 4)

    def numbers(size=10):
        return grain.MapDataset.range(size).to_iter_dataset(options)

    def filters_before_batches():
        kept = numbers().filter(is_odd).map(double)
        return list(kept.batch(2)), list(kept.batch(2, drop_remainder=True))

    def gaps_that_are_kept():
        ds = grain.MapDataset.range(5).filter(is_odd)
        return list(ds.to_iter_dataset(options, allow_nones=True))

    def indices_are_counted():
        return list(numbers().filter(is_odd).map_with_index(add_index))

    def batches_of_another_size():
        batched = numbers().batch(3)
        rebatched = experimental.RebatchIterDataset(batched, batch_size=4)
        cut = experimental.RebatchIterDataset(batched, 4, drop_remainder=True)
        return list(rebatched), list(cut)

    def limits_and_repetition():
        ds = experimental.LimitIterDataset(numbers(), count=3)
        return list(experimental.RepeatIterDataset(ds, num_epochs=2))

    def caches():
        ds = experimental.CacheIterDataset(numbers(4).map(double))
        return list(ds), list(ds)

    def zips_in_order():
        pair = [numbers(4), numbers(6).map(double)]
        return list(experimental.ZipIterDataset(pair, strict=False))

    def interleaving():
        parts = [grain.MapDataset.range(10 * n, 11 * n) for n in (2, 1, 3, 4)]
        return [
            list(experimental.InterleaveIterDataset(parts, cycle_length=n))
            for n in (1, 2, 3, 5)
        ]

    def windows_keep_their_elements():
        ds = experimental.WindowShuffleIterDataset(numbers(), window_size=5, seed=1)
        elements = list(ds)
        return sorted(elements[:5]), sorted(elements[5:])

    def padded_batches():
        fill = functools.partial(experimental.batch_and_pad, batch_size=4, pad_value=7)
        return list(grain.MapDataset.range(6).batch(4, batch_fn=fill))

    def prefetching_threads():
        ahead = experimental.ThreadPrefetchIterDataset(
            numbers().map(double), prefetch_buffer_size=3
        )
        return list(ahead), list(experimental.multithread_prefetch(numbers(), 2, 3))

    def worker_processes():
        ds = grain.MapDataset.range(12).map(double).batch(3).to_iter_dataset()
        options = grain.MultiprocessingOptions(num_workers=2)
        with_workers = iter(ds.mp_prefetch(options))
        elements = list(with_workers)
        with_workers.close()
        return elements

    def watched_filters():
        watch = experimental.DatasetOptions(filter_raise_threshold_ratio=0.9)
        ds = numbers(2000).filter(is_odd)
        return sum(experimental.WithOptionsIterDataset(ds, watch))

    def transformations_in_a_list():
        class Double(grain.transforms.Map):
            def map(self, element):
                return 2 * element

        steps = [Double(), grain.transforms.Batch(4)]
        return list(experimental.apply_transformations(numbers(), steps))

    def picked_options():
        ds = grain.MapDataset.range(8).map(lambda _: np.zeros(2**21, np.uint8))
        picked = experimental.pick_performance_config(
            ds.to_iter_dataset(),
            ram_budget_mb=7,
            max_workers=16,
            max_buffer_size=None,
        )
        workers, reading = picked.multiprocessing_options, picked.read_options
        return workers.num_workers, reading.prefetch_buffer_size

    return [
        filters_before_batches,
        gaps_that_are_kept,
        indices_are_counted,
        batches_of_another_size,
        limits_and_repetition,
        caches,
        zips_in_order,
        interleaving,
        windows_keep_their_elements,
        padded_batches,
        prefetching_threads,
        worker_processes,
        watched_filters,
        transformations_in_a_list,
        picked_options,
    ]


def customized(grain):
    class Backwards(grain.MapDataset):
        def __len__(self):
            return len(self._parent)

        def __getitem__(self, index):
            return self._parent[len(self) - 1 - index % len(self)]

    class Sums(grain.IterDataset):
        def __iter__(self):
            return SumsIterator(iter(self._parent))

    class SumsIterator(grain.DatasetIterator):
        def __init__(self, parent):
            super().__init__(parent)
            self._sum = 0

        def __next__(self):
            self._sum += next(self._parent)
            return self._sum

        def get_state(self):
            return {"sum": self._sum, "parent": self._parent.get_state()}

        def set_state(self, state):
            self._sum = state["sum"]
            self._parent.set_state(state["parent"])

    def a_map_dataset_of_ones_own():
        ds = Backwards(grain.MapDataset.range(5))
        return list(ds.map(double)), list(ds.batch(2)), list(ds.to_iter_dataset())

    def an_iter_dataset_of_ones_own():
        ds = Sums(grain.MapDataset.range(6).to_iter_dataset()).map(double)
        iterator = iter(ds)
        first = next(iterator), next(iterator), next(iterator)
        state = iterator.get_state()
        rest = list(iterator)
        again = iter(ds)
        again.set_state(state)
        return first, rest, list(again)

    def an_iterator_in_a_thread():
        ds = Sums(grain.MapDataset.range(6).to_iter_dataset())
        ahead = grain.experimental.ThreadPrefetchDatasetIterator(iter(ds), 2)
        first, state = next(ahead), ahead.get_state()
        rest = list(ahead)
        ahead.set_state(state)
        again = list(ahead)
        ahead.close()
        return first, state["sum"], rest, again

    return [
        a_map_dataset_of_ones_own,
        an_iter_dataset_of_ones_own,
        an_iterator_in_a_thread,
    ]


def resumed(grain):
    def pipelines():
        ds = grain.MapDataset.range(30)
        yield ds.batch(4).to_iter_dataset()
        yield ds.to_iter_dataset().filter(is_odd).batch(4)
        yield ds.repeat(2).to_iter_dataset().map_with_index(add_index)
        yield grain.experimental.RebatchIterDataset(
            ds.batch(4).to_iter_dataset(), batch_size=3
        )

    def iterators_go_on_where_they_were():
        results = []
        for ds in pipelines():
            iterator = iter(ds)
            first = [next(iterator) for _ in range(3)]
            state = iterator.get_state()
            rest = list(iterator)
            again = iter(ds)
            again.set_state(state)
            results.append((first, rest, list(again)))
        return results

    def indices_to_go_to():
        ds = grain.MapDataset.range(10).to_iter_dataset()
        iterator = iter(ds)
        next(iterator)
        index = grain.experimental.get_next_index(iterator)
        grain.experimental.set_next_index(iterator, 7)
        return index, list(iterator)

    def random_pipelines_resume():
        ds = grain.MapDataset.range(8).seed(5).shuffle().random_map(spread).repeat(2)
        grain.experimental.assert_equal_output_after_checkpoint(
            ds.batch(3).to_iter_dataset()
        )

    return [
        iterators_go_on_where_they_were,
        indices_to_go_to,
        random_pipelines_resume,
    ]


def wrong(grain):
    ds = grain.MapDataset.range(4)

    def a_shuffle_without_a_seed():
        return ds.shuffle()

    def a_batch_of_nothing():
        return ds.batch(0)

    def a_negative_number_of_threads():
        return grain.ReadOptions(num_threads=-1)

    def threads_without_a_buffer():
        return grain.ReadOptions(num_threads=2, prefetch_buffer_size=0).num_threads

    def datasets_of_unequal_lengths_in_order():
        pair = [ds.to_iter_dataset(), ds[:2].to_iter_dataset()]
        return list(grain.experimental.ZipIterDataset(pair))

    def a_function_that_fails():
        return list(ds.map(lambda x: 1 // (x - 2)))

    return [
        a_shuffle_without_a_seed,
        a_batch_of_nothing,
        a_negative_number_of_threads,
        threads_without_a_buffer,
        datasets_of_unequal_lengths_in_order,
        a_function_that_fails,
    ]
