"""The garbage collector runs more rarely while a program is built, and only then."""

import gc

import pytest

import dolmen.core as dc


@pytest.fixture(autouse=True)
def usual_threshold():
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*before)


def test_collections_are_rarer_inside_a_traced_function():
    seen = []

    @dc.jit
    def f(x):
        seen.append(gc.get_threshold())
        return dc.jit(lambda y: y + 1.0)(x)

    f(1.0)

    assert seen == [(100_000, 10, 10)]
    assert gc.get_threshold() == (700, 10, 10)


def test_the_threshold_comes_back_after_an_error():
    @dc.jit
    def f(x):
        raise KeyError("mine")

    with pytest.raises(KeyError):
        f(1.0)

    assert gc.get_threshold() == (700, 10, 10)


@pytest.mark.parametrize("chosen", [(0, 10, 10), (500_000, 5, 5)])
def test_a_collector_that_the_user_turned_down_further_stays_so(chosen):
    seen = []
    gc.set_threshold(*chosen)

    dc.make_jaxpr(lambda x: seen.append(gc.get_threshold()) or x)(1.0)

    assert seen == [chosen]
