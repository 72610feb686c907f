"""Types, dtypes, primitives, the checker and the rewrites."""

import ml_dtypes
import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import extend
from dolmen.core._ir import (
    Equation,
    Program,
    Variable,
    array_type,
    check,
    dtypes,
    used_inputs,
    without_dead_code,
)

F32 = np.dtype(np.float32)


class Twice(extend.Primitive):
    """A primitive with one parameter and a type rule."""

    times: int = 2

    def infer_type(self, arg_types):
        (x,) = arg_types
        return x


def test_equal_types_are_the_same_object():
    assert array_type((2, 3), F32) is array_type((2, 3), np.dtype("float32"))
    assert array_type((2, 3), F32) is not array_type((2, 3), F32, weak_type=True)
    assert repr(array_type((2, 3), F32, True)) == "~f32[2,3]"


def test_primitives_with_equal_parameters_are_the_same_object():
    assert Twice(3) is Twice(times=3)
    assert Twice() is Twice(2)
    assert Twice(3) is not Twice(2)
    assert repr(Twice(3)) == "Twice(times=3)"
    assert Twice().name == "twice"


def test_a_missing_rule_names_primitive_rule_and_module():
    with pytest.raises(NotImplementedError) as caught:
        Twice().batch((1.0,), (0,))

    assert str(caught.value) == (
        "primitive 'twice' has no 'batch' rule. Define `Twice.batch` in module "
        f"{__name__}."
    )


def program_of(*, dead=False):
    x, y, z = (Variable(array_type((2,), F32)) for _ in range(3))
    equations = [Equation(Twice(), [x], [y], None)]
    if dead:
        equations.append(Equation(Twice(), [y], [z], None))
    return Program([x, Variable(x.type)], equations, [y])


def test_dead_code_goes_and_used_inputs_are_found():
    program = without_dead_code(program_of(dead=True))

    assert len(program.equations) == 1
    assert used_inputs(program) == [True, False]


def test_the_checker_refuses_ill_formed_programs():
    program = program_of()
    check(program)
    program.equations.append(
        Equation(Twice(), [Variable(program.inputs[0].type)], [], None)
    )

    with pytest.raises(AssertionError, match="undefined variable"):
        check(program)


def test_the_checker_compares_recorded_with_inferred_types():
    program = program_of()
    wrong = Variable(array_type((3,), F32))
    program.equations.append(Equation(Twice(), [program.inputs[0]], [wrong], None))

    with pytest.raises(AssertionError, match="twice infers"):
        check(program)


@pytest.mark.parametrize(
    ("a", "b", "want"),
    [
        ("int8", "uint8", "int16"),
        ("int32", "float16", "float16"),
        ("bfloat16", "float16", "float32"),
        ("int32", "uint32", "int32"),  # int64, narrowed without x64
        ("bool", "int8", "int8"),
        ("float32", "complex64", "complex64"),
    ],
)
def test_promotion_of_strong_dtypes(a, b, want):
    operands = [(dtypes.as_dtype(a), False), (dtypes.as_dtype(b), False)]

    assert dtypes.promote(operands) == (np.dtype(want), False)


@pytest.mark.parametrize(
    ("dtype", "scalar", "want"),
    [
        ("int8", "int32", ("int8", False)),
        ("int8", "float32", ("float32", True)),
        ("bfloat16", "float32", ("bfloat16", False)),
        ("bool", "int32", ("int32", True)),
        ("float16", "complex64", ("complex64", False)),
    ],
)
def test_promotion_with_a_python_scalar(dtype, scalar, want):
    operands = [(dtypes.as_dtype(dtype), False), (np.dtype(scalar), True)]

    got, weak = dtypes.promote(operands)

    assert (got, weak) == (dtypes.as_dtype(want[0]), want[1])


def test_eight_bit_floats_have_no_implicit_promotion():
    operands = [
        (np.dtype(ml_dtypes.float8_e4m3fn), False),
        (np.dtype(ml_dtypes.float8_e5m2), False),
    ]

    with pytest.raises(TypeError, match="no implicit promotion"):
        dtypes.promote(operands)


def test_unknown_dtypes_are_refused():
    with pytest.raises(TypeError, match="zeros: expected a dtype, got 'flaot32'"):
        dtypes.as_dtype("flaot32", function="zeros")
    with pytest.raises(TypeError, match="arrays can't hold dtype"):
        dtypes.as_dtype("datetime64[s]")


def test_a_program_tells_the_users_lines():
    def f(x):
        return jnp.sin(x)

    text = dc.make_jaxpr(f)(1.0).pretty_print(source_info=True)

    assert f"sin a  # {__file__}:{f.__code__.co_firstlineno + 1} in " in text
