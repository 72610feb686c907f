"""Partial applications as trees."""

import functools
import pickle

import dolmen.core as dc
from dolmen.core import tree
from dolmen.core.tree_util import Partial


def affine(weight, x, *, bias):
    return weight * x + bias


def test_bound_arguments_are_children():
    made = Partial(affine, 2.0, bias=1.0)

    assert tree.leaves(made) == [2.0, 1.0]
    assert tree.map(lambda x: 10 * x, made)(3.0) == 70.0


def test_gradients_with_respect_to_what_is_bound():
    got = dc.grad(lambda f, x: f(x))(Partial(affine, 2.0, bias=1.0), 3.0)

    assert isinstance(got, Partial)
    assert (got.args, got.keywords) == ((3.0,), {"bias": 1.0})


def test_partials_of_the_same_function_share_a_trace():
    traced = []

    @dc.jit
    def apply(f, x):
        traced.append(f)
        return f(x)

    assert apply(Partial(affine, 2.0, bias=1.0), 3.0) == 7.0
    assert apply(Partial(affine, 3.0, bias=1.0), 3.0) == 10.0
    assert len(traced) == 1


def test_a_partial_inside_stays_whole():
    inner = functools.partial(affine, 2.0)

    made = Partial(inner, 3.0, bias=1.0)

    assert made() == 7.0
    assert made.args == (3.0,)
    assert tree.structure(made) == tree.structure(Partial(inner, 4.0, bias=0.0))


def test_partials_survive_pickling():
    made = pickle.loads(pickle.dumps(Partial(affine, 2.0, bias=1.0)))

    assert type(made) is Partial
    assert made(3.0) == 7.0
