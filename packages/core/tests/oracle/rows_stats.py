"""Rows of `scipy.stats`: for every function one of all sorts of numbers, shifted and
stretched, and one of numbers inside the support, where it has derivatives."""

import importlib

import numpy as np

from .rows import Row

LOC, SCALE = np.array(0.25), np.array(1.5)
NUMBERS = np.array([-35.0, -2.0, 0.25, 0.5, 1.75, 3.0, 45.0, np.nan])
INSIDE = np.array([0.3, 0.8, 1.4])
PROBABILITIES = np.array([-0.5, 0.0, 1e-6, 0.2, 0.5, 0.7, 1.0, 1.5, np.nan])
INNER_PROBABILITIES = np.array([0.1, 0.45, 0.8])
QUANTILES = ("ppf", "isf")


def rows(family, *shapes, numbers=NUMBERS, inside=INSIDE, slack=1.0, skip=()):
    module = f"scipy.stats.{family}"
    for name in importlib.import_module(f"dolmen.core.{module}").__all__:
        if name in skip:
            continue
        first = PROBABILITIES if name in QUANTILES else numbers
        inner = INNER_PROBABILITIES if name in QUANTILES else inside
        args = (*shapes, LOC, SCALE)
        yield Row(f"{module}.{name}", (first, *args), slack=slack)
        yield Row(
            f"{module}.{name}",
            (inner, *args),
            smooth=tuple(range(1 + len(args))),
            slack=slack,
            single=False,
            mapped=False,
            label="inside",
        )


ROWS = [
    *rows("norm"),
    *rows("logistic"),
    *rows("cauchy"),
    *rows("expon"),
    *rows("laplace"),
    *rows("uniform"),
    *rows("gumbel_r"),
    *rows("gumbel_l"),
]
