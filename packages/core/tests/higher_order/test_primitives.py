"""Every primitive that carries programs has the rules that transformations ask for."""

import pytest

import dolmen.core.debug
import dolmen.core.experimental.checkify
import dolmen.core.lax  # noqa: F401  (defines the primitives)
from dolmen.core.extend import Primitive


def classes(root):
    for cls in root.__subclasses__():
        yield cls
        yield from classes(cls)


HIGHER_ORDER = sorted(
    (
        cls
        for cls in classes(Primitive)
        if "._higher_order." in cls.__module__ and not cls.__subclasses__()
    ),
    key=lambda cls: cls.__name__,
)
# What tests/transforms and tests/higher_order compose, by primitive.
COVERED = {
    "Check",
    "Checkpoint",
    "Composite",
    "Cond",
    "CustomJvp",
    "CustomVmap",
    "CustomVjp",
    "DebugCallback",
    "FfiCall",
    "IoCallback",
    "ForwardRule",
    "Jit",
    "LinearCall",
    "LinearSolve",
    "PureCallback",
    "Reduce",
    "Scan",
    "ShardMap",
    "While",
}


def test_every_higher_order_primitive_is_covered():
    assert {cls.__name__ for cls in HIGHER_ORDER} == COVERED


@pytest.mark.parametrize("cls", HIGHER_ORDER, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("rule", ["infer_type", "jvp", "batch", "lower"])
def test_no_rule_is_missing(cls, rule):
    assert getattr(cls, rule) is not getattr(Primitive, rule)


@pytest.mark.parametrize("cls", HIGHER_ORDER, ids=lambda cls: cls.__name__)
def test_programs_are_parameters_by_identity(cls):
    assert cls.interned is False
