"""Programs that are wrong, and the class of their error."""

import numpy as np


def programs(api):
    core, jnp, lax, random = api.core, api.jnp, api.lax, api.random
    x, m = jnp.arange(3.0), jnp.ones((2, 3))
    held = []

    def leak(v):
        held.append(v)
        return v

    def leaked():
        held.clear()
        core.jit(leak)(x)
        return held[0] + 1

    wrong = {
        "bool of a tracer": lambda: core.jit(lambda v: 1 if v > 0 else 2)(1.0),
        "int of a tracer": lambda: core.jit(lambda v: int(v))(1),
        "float of a tracer": lambda: core.jit(lambda v: float(v))(1.0),
        "complex of a tracer": lambda: core.jit(lambda v: complex(v))(1.0),
        "range of a tracer": lambda: core.jit(lambda n: list(range(n)))(3),
        "a tracer as an index of a list": lambda: core.jit(lambda n: [1, 2][n])(0),
        "numpy of a tracer": lambda: core.jit(lambda v: np.sin(v))(1.0),
        "numpy array of a tracer": lambda: core.jit(lambda v: np.asarray(v))(x),
        "item of a tracer": lambda: core.jit(lambda v: v.item())(1.0),
        "tolist of a tracer": lambda: core.jit(lambda v: v.tolist())(x),
        "a tracer as a shape": lambda: core.jit(lambda n: jnp.zeros(n))(3),
        "a tracer in arange": lambda: core.jit(lambda n: jnp.arange(n))(3),
        "a tracer as an axis": lambda: core.jit(lambda a: jnp.sum(m, axis=a))(0),
        "a traced mask": lambda: core.jit(lambda v: v[v > 1])(x),
        "nonzero of a tracer": lambda: core.jit(jnp.nonzero)(x),
        "a leaked tracer": leaked,
        "a tracer in a format": lambda: core.jit(lambda v: f"{v:.2f}" and v)(1.0),
        "and of tracers": lambda: core.jit(lambda v: v > 0 and v < 1)(0.5),
        "hash of a static array": lambda: core.jit(lambda v: v, static_argnums=0)(x),
        "a list as a static argument": lambda: core.jit(lambda v: 1, static_argnums=0)(
            [1]
        ),
        "a string as an argument": lambda: core.jit(lambda v: v)("a"),
        "an object as an argument": lambda: core.jit(lambda v: v)(object()),
        "a string as a result": lambda: core.jit(lambda: "a")(),
        "jit of no function": lambda: core.jit(3),
        "too many arguments": lambda: core.jit(lambda v: v)(1, 2),
        "static number out of range": lambda: core.jit(lambda v: v, static_argnums=3)(
            1
        ),
        "grad of a vector": lambda: core.grad(lambda v: v)(x),
        "grad by an integer": lambda: core.grad(lambda v: v * 2.0)(3),
        "grad of an integer result": lambda: core.grad(lambda v: v.astype(int))(3.0),
        "grad of a complex result": lambda: core.grad(lambda v: v * 1j)(3.0),
        "grad by complex without holomorphic": lambda: core.grad(lambda z: z)(1j),
        "grad with holomorphic of real": lambda: core.grad(
            lambda z: z, holomorphic=True
        )(1.0),
        "grad by a missing argument": lambda: core.grad(lambda v: v, argnums=2)(1.0),
        "grad of a tree result": lambda: core.grad(lambda v: (v, v))(1.0),
        "grad by a string": lambda: core.grad(lambda v: 1.0)("a"),
        "grad with aux of one value": lambda: core.grad(lambda v: v, has_aux=True)(1.0),
        "jvp with another dtype": lambda: core.jvp(jnp.sin, (x,), (jnp.ones(3, int),)),
        "jvp with another shape": lambda: core.jvp(jnp.sin, (x,), (jnp.ones(2),)),
        "jvp with another tree": lambda: core.jvp(jnp.sin, (x,), (x, x)),
        "jvp with lists": lambda: core.jvp(jnp.sin, x, x),
        "vjp with another shape": lambda: core.vjp(jnp.sin, x)[1](jnp.ones(2)),
        "vjp with another tree": lambda: core.vjp(jnp.sin, x)[1]((x, x)),
        "linearize with another shape": lambda: core.linearize(jnp.sin, x)[1](
            jnp.ones(2)
        ),
        "linear transpose of nonlinear": lambda: core.linear_transpose(jnp.sin, 1.0)(
            1.0
        ),
        "jacfwd of an integer": lambda: core.jacfwd(lambda v: v)(3),
        "hessian of an integer": lambda: core.hessian(lambda v: v)(3),
        "vmap of different sizes": lambda: core.vmap(jnp.add)(x, jnp.ones(2)),
        "vmap of a scalar": lambda: core.vmap(jnp.sin)(1.0),
        "vmap over a missing axis": lambda: core.vmap(jnp.sin, in_axes=2)(m),
        "vmap with too many axes": lambda: core.vmap(jnp.sin, in_axes=(0, 0))(x),
        "vmap over nothing": lambda: core.vmap(lambda: 1.0)(),
        "vmap with None alone": lambda: core.vmap(jnp.sin, in_axes=None)(x),
        "vmap with out axis None of a mapped value": lambda: core.vmap(
            jnp.sin, out_axes=None
        )(x),
        "vmap with a string as an axis": lambda: core.vmap(jnp.sin, in_axes="a")(x),
        "vmap with an axis size that differs": lambda: core.vmap(jnp.sin, axis_size=5)(
            x
        ),
        "cond with different results": lambda: lax.cond(
            True, lambda: 1.0, lambda: (1.0,)
        ),
        "cond with different shapes": lambda: lax.cond(True, lambda: x, lambda: m),
        "cond with different dtypes": lambda: lax.cond(
            True, lambda: x, lambda: x.astype(int)
        ),
        "cond of a vector": lambda: lax.cond(x > 0, lambda: 1, lambda: 2),
        "cond of a string": lambda: lax.cond("a", lambda: 1, lambda: 2),
        "switch of nothing": lambda: lax.switch(0, []),
        "switch of a float": lambda: lax.switch(1.0, [lambda: 1, lambda: 2]),
        "while with another carry": lambda: lax.while_loop(
            lambda c: c < 3, lambda c: (c, c), 0
        ),
        "while with another dtype": lambda: lax.while_loop(
            lambda c: c < 3, lambda c: c + 0.5, jnp.int32(0)
        ),
        "while with a predicate of a vector": lambda: lax.while_loop(
            lambda c: c < 3, lambda c: c, x
        ),
        "while with a predicate of a float": lambda: lax.while_loop(
            lambda c: 1.0, lambda c: c, x
        ),
        "reverse through while": lambda: core.grad(
            lambda v: lax.while_loop(lambda c: c < 9, lambda c: c * v, v)
        )(2.0),
        "scan with another carry": lambda: lax.scan(lambda c, v: ((c, c), v), 0.0, x),
        "scan with another shape of carry": lambda: lax.scan(
            lambda c, v: (x, v), 0.0, x
        ),
        "scan without a pair": lambda: lax.scan(lambda c, v: c, 0.0, x),
        "scan over different lengths": lambda: lax.scan(
            lambda c, v: (c, v), 0.0, (x, jnp.ones(2))
        ),
        "scan with another length": lambda: lax.scan(
            lambda c, v: (c, v), 0.0, x, length=5
        ),
        "scan without values or length": lambda: lax.scan(
            lambda c, v: (c, v), 0.0, None
        ),
        "fori with float bounds": lambda: lax.fori_loop(0.0, 3.0, lambda i, c: c, 0),
        "custom jvp without a rule": lambda: core.grad(core.custom_jvp(lambda v: v))(
            1.0
        ),
        "custom vjp without a rule": lambda: core.grad(core.custom_vjp(lambda v: v))(
            1.0
        ),
        "shapes that do not broadcast": lambda: x + jnp.ones(2),
        "matmul of different sizes": lambda: m @ m,
        "matmul of a scalar": lambda: jnp.matmul(1.0, x),
        "reshape to another size": lambda: x.reshape(2, 2),
        "reshape with two unknown sizes": lambda: m.reshape(-1, -1),
        "a missing axis": lambda: jnp.sum(x, axis=1),
        "a repeated axis": lambda: jnp.sum(m, axis=(0, 0)),
        "transpose with a repeated axis": lambda: jnp.transpose(m, (0, 0)),
        "concatenate of different shapes": lambda: jnp.concatenate([x, m]),
        "concatenate of nothing": lambda: jnp.concatenate([]),
        "stack of different shapes": lambda: jnp.stack([x, jnp.ones(2)]),
        "a list as an operand": lambda: jnp.sin([1.0, 2.0]),
        "a list in an operator": lambda: x * [1, 2, 3],
        "a string as an operand": lambda: jnp.add("a", 1),
        "None as an operand": lambda: jnp.add(None, 1),
        "None in an operator": lambda: x + None,
        "ragged lists": lambda: jnp.array([[1, 2], [3]]),
        "an array of strings": lambda: jnp.array(["a"]),
        "an array of None": lambda: jnp.array(None),
        "a dtype that is none": lambda: jnp.zeros(3, "float33"),
        "a dtype of objects": lambda: jnp.zeros(3, object),
        "an integer that does not fit": lambda: jnp.int8(300),
        "a large integer": lambda: jnp.array(2**40),
        "a large integer as an operand": lambda: x + 2**70,
        "a negative shape": lambda: jnp.zeros((-1,)),
        "a float as a shape": lambda: jnp.zeros(2.5),
        "an index beyond the end": lambda: x[5],
        "too many indices": lambda: x[0, 0],
        "a float as an index": lambda: x[1.0],
        "a string as an index": lambda: x["a"],
        "a list as an index": lambda: x[[0, 1]],
        "a mask of another shape": lambda: x[jnp.array([True, False])],
        "item assignment": lambda: x.__setitem__(0, 1.0),
        "at without a method": lambda: x.at[0] + 1,
        "at set of another shape": lambda: x.at[0].set(jnp.ones(2)),
        "bool of a vector": lambda: bool(x),
        "float of a vector": lambda: float(x),
        "int of a float array as an index": lambda: [1, 2][x[0]],
        "len of a scalar": lambda: len(jnp.float32(1)),
        "iteration over a scalar": lambda: list(jnp.float32(1)),
        "hash of an array": lambda: hash(x),
        "bitwise and of floats": lambda: x & 1,
        "inversion of floats": lambda: ~x,
        "shift of floats": lambda: x << 1,
        "float8 with another float8": lambda: (
            jnp.ones(2, "float8_e4m3fn") + jnp.ones(2, "float8_e5m2")
        ),
        "max of nothing": lambda: jnp.max(jnp.zeros(0)),
        "argmax of nothing": lambda: jnp.argmax(jnp.zeros(0)),
        "einsum of other sizes": lambda: jnp.einsum("ij,jk", m, m),
        "einsum of too few operands": lambda: jnp.einsum("ij,jk", m),
        "einsum of a bad string": lambda: jnp.einsum("i->j", x),
        "lax add of different dtypes": lambda: lax.add(x, jnp.arange(3)),
        "lax add of different shapes": lambda: lax.add(x, m),
        "lax dot of different sizes": lambda: lax.dot(m, m),
        "lax select of different shapes": lambda: lax.select(x > 0, x, m),
        "lax concatenate of different dtypes": lambda: lax.concatenate(
            [x, jnp.arange(3)], 0
        ),
        "lax dynamic slice too large": lambda: lax.dynamic_slice(x, (0,), (5,)),
        "lax broadcast to a smaller shape": lambda: lax.broadcast_in_dim(x, (2,), (0,)),
        "lax sin of integers": lambda: lax.sin(1),
        "lax convolution of different channels": lambda: lax.conv(
            jnp.ones((1, 2, 4, 4)), jnp.ones((1, 3, 2, 2)), (1, 1), "SAME"
        ),
        "a key in arithmetic": lambda: random.key(0) + 1,
        "numpy of a key": lambda: np.asarray(random.key(0)),
        "a sampler without a key": lambda: random.normal(0, (3,)),
        "a sampler with many keys": lambda: random.normal(
            random.split(random.key(0)), (3,)
        ),
        "a key of a float": lambda: random.key(1.5),
        "a key of an unknown generator": lambda: random.key(0, impl="nothing"),
        "uniform of integers": lambda: random.uniform(random.key(0), (3,), "int32"),
        "randint of floats": lambda: random.randint(
            random.key(0), (3,), 0, 9, "float32"
        ),
        "bits of floats": lambda: random.bits(random.key(0), (3,), "float32"),
        "choice of too many": lambda: random.choice(
            random.key(0), 3, (5,), replace=False
        ),
        "an unknown setting": lambda: core.config.update("jax_nothing", True),
        "a deleted array": lambda: (x0 := jnp.ones(2), x0.delete(), x0 + 1),
        "eval_shape of a bad program": lambda: core.eval_shape(lambda a: a @ a, m),
        "a compiled call with another shape": lambda: (
            core.jit(lambda a: a).lower(x).compile()(m)
        ),
        "device_put of a string": lambda: core.device_put("a"),
    }
    yield from wrong.items()
