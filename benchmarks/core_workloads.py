"""Array workloads, written once against the API that Dolmen and JAX share.

python -m benchmarks.core_workloads dolmen.core
python benchmarks/core_workloads.py jax
"""

import importlib
import os
import sys
import time
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from gpt import Model
from measure import best_call, best_cpu, report

library = sys.argv[1]
# Tracing equal functions again and again is what is measured here.
warnings.simplefilter("ignore")
before = time.process_time()
core = importlib.import_module(library)
jnp = importlib.import_module(f"{library}.numpy")
lax = importlib.import_module(f"{library}.lax")
report("import", time.process_time() - before, "CPU s")

import numpy as np  # noqa: E402  (its import belongs to the figure above)

began = time.perf_counter()
x = jnp.ones((4,))
x.block_until_ready()
report("first operation", time.perf_counter() - began, "s")

# ---- eager operations ----

y, m = jnp.ones((4,)), jnp.ones((8, 8))
host = np.ones(4, np.float32)
for name, function in [
    ("eager x + y", lambda: x + y),
    ("eager x + 1.0", lambda: x + 1.0),
    ("eager sin", lambda: jnp.sin(x)),
    ("eager sum", lambda: jnp.sum(x)),
    ("eager matmul 8x8", lambda: m @ m),
    ("eager where", lambda: jnp.where(x > 0, x, y)),
    ("eager x[1]", lambda: x[1]),
    ("eager x[1:3]", lambda: x[1:3]),
    ("eager zeros", lambda: jnp.zeros((4,))),
    ("eager reshape", lambda: x.reshape(2, 2)),
    ("eager x.at[1].set", lambda: x.at[1].set(2.0)),
    ("eager asarray", lambda: jnp.asarray(host)),
]:
    report(name, best_call(function, 2000), "µs")

# ---- dispatch ----

add = core.jit(lambda a, b: a + b)
report("jit dispatch, 2 arguments", best_call(lambda: add(x, y), 5000), "µs")
tree = {f"p{i:03d}": x for i in range(200)}
bump = core.jit(lambda t: core.tree.map(lambda a: a + 1, t))
report("jit dispatch, 200 leaves", best_call(lambda: bump(tree), 300), "µs")

# ---- tracing ----


def small(w, v):
    h = jnp.tanh(w @ v)
    return jnp.sum(h * h + jnp.sin(h))


w, v = jnp.ones((4, 4)), jnp.ones((4,))


def trace(transform, *args):
    """Trace a function object made anew, so that nothing is cached by identity."""
    return lambda: core.make_jaxpr(transform(lambda *a: small(*a)))(*args)


def hessian(f):
    return core.jacfwd(core.grad(f))


def batched(f):
    return core.vmap(f, in_axes=(None, 0))


report("trace small", best_call(trace(lambda f: f, w, v), 50), "µs")
report("trace grad", best_call(trace(core.grad, w, v), 50), "µs")
report("trace vmap", best_call(trace(batched, w, w), 50), "µs")
report("trace hessian", best_call(trace(hessian, w, v), 20), "µs")
report("eager grad", best_call(lambda: core.grad(small)(w, v), 50), "µs")


def cell(carry, row):
    return jnp.tanh(carry @ w + row), jnp.sum(carry)


rows = jnp.ones((1000, 4))


def loop(carry, rows):
    return lax.scan(lambda c, r: cell(c, r), carry, rows)


def trace_scan():
    core.jit(lambda c, r: loop(c, r)).trace(v, rows)


def trace_scan_grad():
    core.jit(core.grad(lambda c, r: loop(c, r)[1].sum())).trace(v, rows)


report("trace scan", best_cpu(trace_scan), "ms")
report("trace grad of scan", best_cpu(trace_scan_grad), "ms")
compiled = core.jit(loop)
report(
    "run scan of 1000 steps",
    best_call(lambda: compiled(v, rows)[1].block_until_ready(), 50) / 1e3,
    "ms",
)

# ---- a 12-layer GPT train step in plain array code ----

model = Model(core, jnp, layers=12)
params, tokens = model.parameters(), model.batch()
report("GPT trace", best_cpu(lambda: model.jitted().trace(params, tokens)), "ms")


def forward():
    core.jit(lambda p, t: model.loss(p, t)).trace(params, tokens)


report("GPT trace, forward only", best_cpu(forward), "ms")
lowering = []
for _ in range(6):
    traced = model.jitted().trace(params, tokens)
    began = time.thread_time()
    lowered = traced.lower()
    lowering.append(time.thread_time() - began)
report("GPT lower", min(lowering) * 1e3, "ms")
began = time.process_time()
executable = lowered.compile()
report("GPT compile", time.process_time() - began, "CPU s")
report(
    "GPT step",
    best_call(lambda: executable(params, tokens)[1].block_until_ready(), 10) / 1e3,
    "ms",
)
