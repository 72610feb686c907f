"""A primitive of one's own, every rule in one class, under every transformation."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import extend, lax


class AddScaled(extend.Primitive):
    """`x + scale * y`, elementwise."""

    scale: float

    def infer_type(self, arg_types):
        x, y = arg_types
        if x.shape != y.shape:
            raise ValueError(
                extend.error_message(
                    f"add_scaled: shapes must be equal, got {x!r} and {y!r}.",
                    "Broadcast one of them first.",
                )
            )
        return x

    def jvp(self, primals, tangents):
        (x, y), (dx, dy) = primals, tangents
        out = extend.bind(self, x, y)
        if dy is None:
            return out, dx
        zero = jnp.zeros_like(x) if dx is None else dx
        return out, extend.bind(self, zero, dy)

    def transpose(self, cotangents, args):
        (ct,) = cotangents
        x, y = args
        return [
            ct if isinstance(x, extend.Linear) else None,
            ct * self.scale if isinstance(y, extend.Linear) else None,
        ]

    def batch(self, args, axes):
        size = next(
            arg.shape[axis]
            for arg, axis in zip(args, axes, strict=True)
            if axis is not None
        )
        x, y = (
            jnp.broadcast_to(arg, (size, *arg.shape))
            if axis is None
            else jnp.moveaxis(arg, axis, 0)
            for arg, axis in zip(args, axes, strict=True)
        )
        return extend.bind(self, x, y), 0

    def lower(self, builder, args):
        x, y = args
        (out,) = builder.out_types
        scale = builder.constant(self.scale, out)
        return builder.emit("add", (x, builder.emit("multiply", (y, scale))))


def add_scaled(x, y, scale=3.0):
    return extend.bind(AddScaled(scale), x, y)


def plain(x, y, scale=3.0):
    return x + scale * y


X = np.linspace(0.1, 1.0, 4).astype(np.float32)
Y = np.linspace(-1.0, 0.5, 4).astype(np.float32)

TRANSFORMS = {
    "eager": lambda f: f,
    "jit": dc.jit,
    "grad": lambda f: dc.grad(lambda x, y: (f(x, y) ** 2).sum(), (0, 1)),
    "grad of the second": lambda f: dc.grad(lambda x, y: (f(x, y) ** 2).sum(), 1),
    "jvp": lambda f: lambda x, y: dc.jvp(f, (x, y), (y, x)),
    "jvp of the first": lambda f: lambda x, y: dc.jvp(lambda x: f(x, y), (x,), (y,)),
    "vjp": lambda f: lambda x, y: dc.vjp(f, x, y)[1](x),
    "linearize": lambda f: lambda x, y: dc.linearize(f, x, y)[1](y, x),
    "linear_transpose": lambda f: lambda x, y: dc.linear_transpose(f, x, y)(x),
    "hessian": lambda f: dc.hessian(lambda x, y: (f(x, y) ** 3).sum(), 1),
    "vmap": dc.vmap,
    "vmap of one": lambda f: (
        lambda x, y: dc.vmap(f, (None, 0), 1)(x, jnp.stack([y, x]))
    ),
    "vmap of grad": lambda f: lambda x, y: dc.vmap(dc.grad(lambda a: f(a, a)))(x),
    "checkpoint": lambda f: dc.grad(lambda x, y: (dc.checkpoint(f)(x, y) ** 2).sum()),
    "scan": lambda f: dc.grad(
        lambda x, y: lax.scan(lambda c, a: (f(c, c * a), c), x[0], y)[0]
    ),
    "while": lambda f: lambda x, y: lax.fori_loop(0, 3, lambda i, c: f(c, y), x),
    "cond": lambda f: dc.grad(
        lambda x, y: lax.cond(x[0] > 0, f, lambda x, y: y, x, y).sum()
    ),
    "jit of grad of vmap": lambda f: dc.jit(
        dc.grad(lambda x, y: dc.vmap(f)(x, y).sum())
    ),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_it_does_what_plain_operations_do(transform):
    apply = TRANSFORMS[transform]

    got, wanted = apply(add_scaled)(X, Y), apply(plain)(X, Y)

    assert dc.tree.structure(got) == dc.tree.structure(wanted)
    for a, b in zip(dc.tree.leaves(got), dc.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_it_prints_with_its_parameters():
    assert repr(dc.make_jaxpr(lambda x: add_scaled(x, x))(1.0)) == (
        "{ lambda a:~f32[] .\n  let b:~f32[] = add_scaled[scale=3.0] a a\n  in (b,) }"
    )


def test_equal_parameters_make_one_object():
    assert AddScaled(2.0) is AddScaled(scale=2.0)
    assert AddScaled(2.0) is not AddScaled(3.0)


def test_its_own_errors_name_the_users_line():
    with pytest.raises(ValueError) as caught:
        dc.jit(add_scaled)(X, Y[:2])

    assert str(caught.value).startswith(
        f"add_scaled: shapes must be equal, got f32[4] and f32[2].\n  at {__file__}:"
    )
    assert str(caught.value).endswith("\nBroadcast one of them first.")


def test_a_missing_rule_is_named():
    class Opaque(extend.Primitive):
        def infer_type(self, arg_types):
            (x,) = arg_types
            return x

    with pytest.raises(NotImplementedError) as caught:
        dc.jit(lambda x: extend.bind(Opaque(), x))(1.0)

    assert str(caught.value) == (
        "primitive 'opaque' has no 'lower' rule. Define "
        f"`{Opaque.__qualname__}.lower` in module {__name__}."
    )
