import numpy as np
import pytest
from numpy.testing import assert_allclose

from dolmen.core import grad, jit, numpy as jnp
from dolmen.core.scipy.sparse.linalg import bicgstab, cg, gmres

SOLVERS = pytest.mark.parametrize("solver", [cg, bicgstab, gmres])
MATRIX = np.array([[4.0, 1.0], [1.0, 3.0]], np.float32)
VECTOR = np.array([1.0, 2.0], np.float32)


def raised(error, function, *args, **options):
    with pytest.raises(error) as info:
        function(*args, **options)
    lines = str(info.value).splitlines()
    return "\n".join(line for line in lines if not line.startswith("  at "))


@SOLVERS
def test_trees_of_several_dtypes_are_one_vector(solver):
    def matvec(tree):
        return {"a": 2 * tree["a"], "b": 4 * tree["b"] + 2 * tree["b"][::-1]}

    right = {"a": jnp.ones(()), "b": jnp.ones(2, jnp.bfloat16)}

    x, _ = solver(matvec, right, tol=1e-3)

    assert x["b"].dtype == jnp.bfloat16
    assert_allclose(x["a"], 0.5, rtol=1e-2)
    assert_allclose(x["b"].astype(float), [1 / 6, 1 / 6], rtol=1e-2)


@SOLVERS
def test_objects_that_multiply_are_matrices(solver):
    class Doubling:
        def __matmul__(self, x):
            return 2 * x

    x, _ = solver(Doubling(), VECTOR)

    assert_allclose(x, VECTOR / 2, rtol=1e-6)


@SOLVERS
def test_what_is_there_already_is_not_iterated(solver):
    guess = np.linalg.solve(MATRIX, VECTOR).astype(np.float32)

    x, _ = solver(MATRIX, VECTOR, guess, maxiter=0)

    assert_allclose(x, guess)


@SOLVERS
def test_nothing_is_the_solution_for_nothing(solver):
    zero, _ = solver(MATRIX, 0 * VECTOR)
    empty, _ = solver(np.zeros((0, 0)), np.zeros(0))

    assert_allclose(zero, [0, 0])
    assert empty.shape == (0,)


@SOLVERS
def test_matrices_in_closures_have_derivatives(solver):
    def loss(scale):
        return solver(lambda x: scale * (MATRIX @ x), VECTOR, tol=1e-7)[0].sum()

    slope = jit(grad(loss))(2.0)

    assert_allclose(slope, -np.linalg.solve(MATRIX, VECTOR).sum() / 4, rtol=1e-5)


def test_gmres_says_whether_the_solution_has_a_nan():
    _, good = gmres(MATRIX, VECTOR)
    _, bad = gmres(MATRIX, VECTOR * np.nan)

    assert (int(good), int(bad)) == (0, 1)


def test_a_matrix_as_preconditioner_is_transposed_with_the_equation():
    A = np.array([[1.0, 50.0], [0.0, 1.0]], np.float32)
    inverse = np.array([[1.0, -50.0], [0.0, 1.0]], np.float32)

    def loss(b):
        return bicgstab(A, b, M=inverse, maxiter=1)[0].sum()

    assert_allclose(grad(loss)(VECTOR), [1.0, -49.0], rtol=1e-4)


@SOLVERS
def test_errors_tell_what_is_no_linear_equation(solver):
    name = solver.__name__

    assert raised(TypeError, solver, MATRIX, np.array([1, 2])) == (
        f"{name}: expected floating-point or complex arrays in `b`, got\n  b: i32[2]"
    )
    assert raised(TypeError, solver, MATRIX, "b") == (
        f"{name}: expected floating-point or complex arrays in `b`, got\n  b: str"
    )
    assert raised(TypeError, solver, lambda x: x, (VECTOR, 1j * VECTOR)) == (
        f"{name}: expected arrays in `b` that are all real or all complex, got f32[2], "
        "c64[2].\nConvert the real ones with `.astype(...)`."
    )
    assert raised(TypeError, solver, MATRIX.tolist(), VECTOR) == (
        f"{name}: `A` must be a function or a square matrix, got list."
    )
    assert raised(TypeError, solver, MATRIX, [VECTOR]) == (
        f"{name}: `b` must be one array where `A` is a matrix, got list.\n"
        "Pass `A` as a function of such trees."
    )
    assert raised(TypeError, solver, MATRIX + 0j, VECTOR) == (
        f"{name}: products of `A` c64[2,2] and `b` f32[2] are c64, which solutions, "
        "like `b`, cannot be.\nConvert `b` with `.astype('complex64')`."
    )
    assert raised(ValueError, solver, MATRIX, VECTOR, M=MATRIX[:1]) == (
        f"{name}: `M` must be a function or a square matrix, got f32[1,2]."
    )
    assert raised(ValueError, solver, MATRIX, VECTOR, np.zeros(3)) == (
        f"{name}: `x0` must have the shapes of `b`, but\n  b is f32[2], x0 is f32[3]"
    )
    assert raised(TypeError, solver, MATRIX, VECTOR, np.zeros(2, int)) == (
        f"{name}: `x0` must have the dtypes of `b`, but\n  b is f32[2], x0 is i32[2]"
    )
    assert raised(ValueError, solver, MATRIX, VECTOR, (VECTOR,)) == (
        f"{name}: `x0` must be a tree like `b`, which has leaves at [(root)], got "
        "leaves at [[0]]."
    )


def test_errors_tell_gmres_options():
    assert raised(ValueError, gmres, MATRIX, VECTOR, restart=0) == (
        "gmres: `restart` must be positive, got 0."
    )
    assert raised(ValueError, gmres, MATRIX, VECTOR, solve_method="fast") == (
        "gmres: `solve_method` must be 'batched' or 'incremental', got 'fast'."
    )
