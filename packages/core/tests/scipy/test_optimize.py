import numpy as np
import pytest
import scipy.optimize
from numpy.testing import assert_allclose

from dolmen.core import enable_x64, grad, jacfwd, jit, numpy as jnp, vmap
from dolmen.core.scipy.optimize import OptimizeResults, minimize

LBFGS = "l-bfgs-experimental-do-not-rely-on-this"
METHODS = pytest.mark.parametrize("method", ["BFGS", LBFGS])


def rosenbrock(x):
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def himmelblau(x):
    return (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2


def matyas(x):
    return 0.26 * (x @ x) - 0.48 * x[0] * x[1]


def eggholder(x):
    far = x[1] + 47
    return -far * jnp.sin(jnp.sqrt(jnp.abs(x[0] / 2 + far))) - x[0] * jnp.sin(
        jnp.sqrt(jnp.abs(x[0] - far))
    )


FUNCTIONS = [
    (rosenbrock, [0.5, 0.5]),
    (rosenbrock, [0.5, 0.3, 0.4, 0.6]),
    (himmelblau, [0.5, 0.5]),
    (matyas, [1.0, -1.5]),
    (eggholder, [100.0, 100.0]),
]


@METHODS
@pytest.mark.parametrize(("function", "start"), FUNCTIONS)
def test_minima_are_those_of_scipy(function, start, method):
    with enable_x64(True):
        slope = jit(grad(function))
        expected = scipy.optimize.minimize(
            lambda x: float(function(jnp.asarray(x))),
            start,
            jac=lambda x: np.asarray(slope(x)),
            method="BFGS",
        )

        made = jit(lambda x: minimize(function, x, method=method))(jnp.array(start))

    assert (bool(made.success), int(made.status)) == (True, 0)
    assert_allclose(made.x, expected.x, atol=1e-5)
    assert_allclose(made.fun, expected.fun, atol=1e-9)
    assert np.abs(made.jac).max() < 1e-5
    assert int(made.nfev) < 2 * expected.nfev


@METHODS
def test_single_precision_converges(method):
    made = minimize(rosenbrock, jnp.array([0.5, 0.5]), method=method)

    assert made.success
    assert_allclose(made.x, [1.0, 1.0], atol=1e-4)


def test_inverse_hessian_of_a_quadratic_is_found():
    A = np.array([[4.0, 1.0], [1.0, 3.0]])

    made = minimize(lambda x, a: x @ a @ x, jnp.ones(2), (A,), method="BFGS")

    assert_allclose(made.hess_inv, np.linalg.inv(2 * A), rtol=1e-4)
    assert minimize(matyas, jnp.ones(2), method=LBFGS).hess_inv is None


@METHODS
def test_lanes_are_independent(method):
    starts = jnp.array([[0.5, 0.5], [-4.0, 3.0]])

    made = vmap(lambda x: minimize(himmelblau, x, method=method).x)(starts)

    assert_allclose(made, [[3.0, 2.0], [-2.805118, 3.131313]], rtol=1e-4)


@METHODS
def test_minima_have_derivatives_in_forward_mode(method):
    def minimum(a):
        return minimize(lambda x: jnp.sum((x - a) ** 2), jnp.zeros(2), method=method).x

    assert_allclose(jacfwd(minimum)(3.0), [1.0, 1.0], rtol=1e-4)


@METHODS
def test_results_are_pytrees_of_counts_and_arrays(method):
    made = jit(lambda: minimize(jnp.sum, jnp.zeros(0), method=method))()

    assert isinstance(made, OptimizeResults)
    assert made.success
    assert (made.x.shape, int(made.nit), int(made.nfev)) == ((0,), 0, 1)


@METHODS
def test_step_limit_is_told(method):
    made = minimize(rosenbrock, jnp.zeros(2), method=method, options={"maxiter": 2})

    assert (bool(made.success), int(made.status), int(made.nit)) == (False, 1, 2)


def test_call_limits_are_told():
    ends = [
        minimize(rosenbrock, jnp.zeros(2), method=LBFGS, options={limit: 3}).status
        for limit in ("maxfun", "maxgrad")
    ]

    assert list(map(int, ends)) == [2, 3]


def test_little_decrease_is_told():
    made = minimize(rosenbrock, jnp.zeros(2), method=LBFGS, options={"ftol": 1e6})

    assert (bool(made.success), int(made.status)) == (False, 4)


@METHODS
def test_functions_without_minimum_end_in_the_line_search(method):
    made = minimize(lambda x: -jnp.sum(x), jnp.zeros(2), method=method)

    assert (bool(made.success), int(made.status), int(made.nit)) == (False, 5, 1)


@METHODS
def test_tolerance_is_that_of_the_gradient(method):
    loose = minimize(rosenbrock, jnp.zeros(2), method=method, tol=3.0)
    looser = minimize(
        rosenbrock, jnp.zeros(2), method=method, tol=1e-9, options={"gtol": 3.0}
    )

    assert loose.success
    assert (int(loose.nit), int(looser.nit)) == (0, 0)


def raised(error, *args, **options):
    with pytest.raises(error) as info:
        minimize(*args, **options)
    lines = str(info.value).splitlines()
    return "\n".join(line for line in lines if not line.startswith("  at "))


def test_errors_tell_the_argument():
    x = jnp.zeros(2)

    assert raised(ValueError, matyas, x, method="Newton") == (
        "minimize: `method` must be 'BFGS' or "
        "'l-bfgs-experimental-do-not-rely-on-this', got 'Newton'."
    )
    assert raised(TypeError, matyas, x, 3.0, method="BFGS") == (
        "minimize: `args` must be a tuple, got float.\nWrite `args=(value,)`."
    )
    assert raised(TypeError, matyas, x, method="BFGS", options={"maxcor": 3}) == (
        "minimize: BFGS has no option ['maxcor']; its options are ['gtol', "
        "'line_search_maxiter', 'maxiter', 'norm']."
    )
    assert raised(TypeError, matyas, [0.0], method="BFGS") == (
        "minimize: `x0` must be a floating-point array, got list."
    )
    assert raised(TypeError, matyas, jnp.arange(2), method="BFGS") == (
        "minimize: `x0` must be floating point, got i32[2]."
    )
    assert raised(ValueError, matyas, jnp.zeros((1, 2)), method="BFGS") == (
        "minimize: `x0` must have one axis, got f32[1,2].\n"
        "Pass `flatten_util.ravel_pytree(x0)[0]`, and undo that in `fun`."
    )
    assert raised(TypeError, 3, x, method="BFGS") == (
        "minimize: expected a function as `fun`, got int: 3."
    )
    assert raised(TypeError, lambda x: x, x, method="BFGS").startswith(
        "grad of <lambda>: expected the function to return a real floating-point "
        "scalar, got f32[2]."
    )
