"""`numpy.linalg` against NumPy, under jit, vmap and differentiation."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp

RNG = np.random.default_rng(0)
SQUARE = RNG.normal(size=(2, 3, 3))
POSITIVE = SQUARE @ SQUARE.mT + np.eye(3)
COMPLEX = SQUARE + 1j * RNG.normal(size=(2, 3, 3))
TOLERANCE = {"float32": 1e-4, "float64": 1e-11, "complex64": 1e-4, "int32": 1e-4}

la = jnp.linalg


# Function, the same in NumPy, arguments.
ROWS = {
    "cholesky": (la.cholesky, np.linalg.cholesky, (POSITIVE,)),
    "cholesky upper": (
        lambda a: la.cholesky(a, upper=True, symmetrize_input=False),
        lambda a: np.linalg.cholesky(a, upper=True),
        (POSITIVE,),
    ),
    "eigvalsh": (la.eigvalsh, np.linalg.eigvalsh, (POSITIVE,)),
    "eigvalsh U": (
        lambda a: la.eigvalsh(a, "U", symmetrize_input=False),
        lambda a: np.linalg.eigvalsh(a, "U"),
        (SQUARE,),
    ),
    "eigh": (
        lambda a: abs(la.eigh(a).eigenvectors),
        lambda a: abs(np.linalg.eigh(a).eigenvectors),
        (POSITIVE,),
    ),
    "qr": (lambda a: la.qr(a).R, lambda a: np.linalg.qr(a).R, (SQUARE[:, :, :2],)),
    "qr complete": (
        lambda a: la.qr(a, "complete").Q,
        lambda a: np.linalg.qr(a, "complete").Q,
        (SQUARE[:, :, :2],),
    ),
    "qr r": (lambda a: la.qr(a, "r"), lambda a: np.linalg.qr(a, "r"), (SQUARE,)),
    "qr raw": (
        lambda a: la.qr(a, "raw")[0],
        lambda a: np.linalg.qr(a, "raw")[0],
        (SQUARE,),
    ),
    "svdvals": (la.svdvals, np.linalg.svdvals, (SQUARE,)),
    "svd": (lambda a: abs(la.svd(a).Vh), lambda a: abs(np.linalg.svd(a).Vh), (SQUARE,)),
    "solve": (la.solve, np.linalg.solve, (SQUARE, SQUARE[:, :, :2])),
    "solve one": (la.solve, np.linalg.solve, (SQUARE, SQUARE[0, 0])),
    "inv": (la.inv, np.linalg.inv, (SQUARE,)),
    "inv complex": (la.inv, np.linalg.inv, (COMPLEX.astype("complex64"),)),
    "inv integers": (la.inv, np.linalg.inv, (np.diag([1, 2, 4]).astype("int32"),)),
    "det": (la.det, np.linalg.det, (SQUARE,)),
    "det empty": (la.det, np.linalg.det, (np.zeros((2, 0, 0)),)),
    "det singular": (la.det, np.linalg.det, (np.ones((2, 2)),)),
    **{
        f"norm {ord}": (
            lambda a, ord=ord: la.norm(a, ord, (0, 2), keepdims=True),
            lambda a, ord=ord: np.linalg.norm(a, ord, (0, 2), keepdims=True),
            (SQUARE,),
        )
        for ord in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)
    },
    **{
        f"vector_norm {ord}": (
            lambda a, ord=ord: la.vector_norm(a, axis=1, ord=ord),
            lambda a, ord=ord: np.linalg.vector_norm(a, axis=1, ord=ord),
            (SQUARE,),
        )
        for ord in (0, 1, 2, 3, -2, np.inf, -np.inf)
    },
    **{
        f"matrix_power {n}": (
            lambda a, n=n: la.matrix_power(a, n),
            lambda a, n=n: np.linalg.matrix_power(a, n),
            (SQUARE,),
        )
        for n in (-2, 0, 1, 5)
    },
    "multi_dot": (
        lambda *xs: la.multi_dot(xs),
        lambda *xs: np.linalg.multi_dot(xs),
        (SQUARE[0, 0], SQUARE[1], SQUARE[0, :, :2]),
    ),
    "tensorinv": (
        lambda a: la.tensorinv(a.reshape(6, 2, 3)[:, :, :], 1),
        lambda a: np.linalg.tensorinv(a.reshape(6, 2, 3), 1),
        (RNG.normal(size=(6, 6)),),
    ),
    "tensorsolve": (
        lambda a, b: la.tensorsolve(a.reshape(2, 6, 3), b, (0, 2)),
        lambda a, b: np.linalg.tensorsolve(a.reshape(2, 6, 3), b, (0, 2)),
        (RNG.normal(size=(6, 6)), RNG.normal(size=6)),
    ),
    "cross": (la.cross, np.linalg.cross, (SQUARE, SQUARE[0])),
    "diagonal": (
        lambda a: la.diagonal(a, offset=1),
        lambda a: np.linalg.diagonal(a, offset=1),
        (SQUARE,),
    ),
    "trace": (la.trace, np.linalg.trace, (SQUARE,)),
    "outer": (la.outer, np.linalg.outer, (SQUARE[0, 0], SQUARE[0, 1])),
    "tensordot": (
        lambda a, b: la.tensordot(a, b, axes=1),
        lambda a, b: np.linalg.tensordot(a, b, axes=1),
        (SQUARE, SQUARE[0]),
    ),
    "norm": (la.norm, np.linalg.norm, (COMPLEX.astype("complex64"),)),
    "norm vector": (la.norm, np.linalg.norm, (np.arange(3, dtype="int32"),)),
    "matrix_norm": (la.matrix_norm, np.linalg.matrix_norm, (SQUARE,)),
    "cond": (la.cond, np.linalg.cond, (SQUARE,)),
    "cond 1": (lambda a: la.cond(a, 1), lambda a: np.linalg.cond(a, 1), (SQUARE,)),
    "matrix_rank": (
        la.matrix_rank,
        np.linalg.matrix_rank,
        (np.stack([np.eye(3), np.ones((3, 3)), np.zeros((3, 3))]),),
    ),
    "matrix_rank vector": (la.matrix_rank, np.linalg.matrix_rank, (np.ones(3),)),
    "pinv": (la.pinv, np.linalg.pinv, (SQUARE[:, :, :2],)),
    "pinv wide": (la.pinv, np.linalg.pinv, (SQUARE[:, :2],)),
    "pinv empty": (la.pinv, np.linalg.pinv, (np.zeros((0, 3)),)),
    "solve empty": (la.solve, np.linalg.solve, (np.eye(0), np.zeros((0, 2)))),
    "pinv rtol": (
        lambda a: la.pinv(a, np.array([0.5, 0.01])),
        lambda a: np.linalg.pinv(a, np.array([0.5, 0.01])),
        (SQUARE,),
    ),
    "pinv complex": (la.pinv, np.linalg.pinv, (COMPLEX[:, :2].astype("complex64"),)),
    "slogdet sign": (
        lambda a: la.slogdet(a).sign,
        lambda a: np.linalg.slogdet(a).sign,
        (COMPLEX.astype("complex64"),),
    ),
    "slogdet": (
        lambda a: la.slogdet(a).logabsdet,
        lambda a: np.linalg.slogdet(a).logabsdet,
        (SQUARE,),
    ),
}


@pytest.mark.parametrize("width", ["float32", "float64"])
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_value_agrees_with_numpy_in_and_out_of_jit(row, width):
    function, oracle, args = row
    args = [x.astype(width) if x.dtype == np.float64 else x for x in args]

    with dc.enable_x64(width == "float64"):
        eager, compiled = function(*args), dc.jit(function)(*args)

    limit = TOLERANCE[args[0].dtype.name]
    expected = oracle(*[x.astype("f8") if x.dtype == "f4" else x for x in args])
    np.testing.assert_allclose(eager, expected, rtol=limit, atol=limit)
    np.testing.assert_allclose(compiled, expected, rtol=limit, atol=limit)
    assert eager.dtype == compiled.dtype


SMOOTH = ["solve", "solve one", "inv", "det", "slogdet", "cholesky", "eigvalsh", "qr"]
SMOOTH += ["norm nuc", "norm 1", "norm -2", "vector_norm 2", "vector_norm 3"]
SMOOTH += ["pinv", "pinv wide"]


@pytest.mark.parametrize("name", SMOOTH)
def test_gradient_agrees_with_differences(name):
    function, oracle, args = ROWS[name]
    directions = [RNG.normal(size=x.shape) for x in args]
    if name in ("cholesky", "eigvalsh"):
        directions = [dx + dx.mT for dx in directions]
    ahead = oracle(*[x + 1e-6 * dx for x, dx in zip(args, directions, strict=True)])
    back = oracle(*[x - 1e-6 * dx for x, dx in zip(args, directions, strict=True)])
    numbers = tuple(range(len(args)))

    with dc.enable_x64(True):
        gradients = dc.grad(lambda *xs: function(*xs).sum(), numbers)(*args)
        got = sum(
            np.sum(np.asarray(g) * dx)
            for g, dx in zip(gradients, directions, strict=True)
        )

    np.testing.assert_allclose(got, np.sum(ahead - back) / 2e-6, rtol=1e-5)


@pytest.mark.parametrize("axes", [(0, 0), (0, None), (None, 0)])
def test_vmap_of_solve_is_a_loop(axes):
    args = [
        x if i == 0 else x[0] for x, i in zip((SQUARE, POSITIVE), axes, strict=True)
    ]

    with dc.enable_x64(True):
        got = dc.vmap(la.solve, axes)(*args)

    np.testing.assert_allclose(got, np.linalg.solve(*args), rtol=1e-10)


def test_singular_matrices_have_sign_zero():
    sign, log = la.slogdet(np.zeros((2, 2), np.float32))

    assert (sign, log) == (0, -np.inf)


MESSAGES = {
    "square": (
        lambda: la.inv(np.ones((2, 3))),
        "inv: expected square matrices, got f32[2,3].",
    ),
    "vector": (
        lambda: la.det(np.ones(2)),
        "det: expected `a` to have two axes, got f32[2].",
    ),
    "rows": (
        lambda: la.solve(np.eye(2), np.ones(3)),
        "solve: expected `b` with 2 rows, as `a` has, got f32[2,2] and f32[3].",
    ),
    "multi_dot": (
        lambda: la.multi_dot([np.eye(2)]),
        "multi_dot: expected at least two matrices, of which the first and the last "
        "may be vectors, got f32[2,2].",
    ),
    "tensorinv": (
        lambda: la.tensorinv(np.ones((2, 3)), 1),
        "tensorinv: the first ind=1 sizes of `a` must have the product of the others, "
        "and `ind` be positive, got f32[2,3].",
    ),
    "mode": (
        lambda: la.qr(np.eye(2), "full"),
        "qr: `mode` must be 'reduced', 'complete', 'r' or 'raw', got 'full'.",
    ),
    "UPLO": (
        lambda: la.eigh(np.eye(2), "x"),
        "eigh: `UPLO` must be None, 'L' or 'U', got 'x'.",
    ),
}


@pytest.mark.parametrize("case", MESSAGES.values(), ids=MESSAGES.keys())
def test_message_names_what_does_not_fit(case):
    function, expected = case

    with pytest.raises(ValueError) as error:
        function()

    lines = str(error.value).splitlines()
    assert [line for line in lines if not line.startswith("  at ")] == [expected]
