"""Optimizers of 400 leaves, the same code for Dolmen and Optax.

python optim_workloads.py dolmen.core|jax
"""

import importlib
import os
import sys
import time

# SciPy's small products are slower by far if threads have to be woken up for them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import lbfgs_workload
import numpy as np
from measure import best_cpu, best_wall, best_wall_in_turn, report

ROOT = sys.argv[1]
core = importlib.import_module(ROOT)
jnp = importlib.import_module(f"{ROOT}.numpy")
optim = importlib.import_module("optax" if ROOT == "jax" else "dolmen.optim")

LEAVES = 400
schedule = optim.warmup_cosine_decay_schedule(0.0, 1e-3, 10, 1000)
adamw = optim.adamw(1e-3)
DECAYED = [i % 2 == 0 for i in range(LEAVES)]
OPTIMIZERS = {
    "adamw": adamw,
    "clip + schedule + adamw": optim.chain(
        optim.clip_by_global_norm(1.0), optim.adamw(schedule)
    ),
    "clip + schedule + adamw with groups": optim.chain(
        optim.clip_by_global_norm(1.0), optim.adamw(schedule, mask=DECAYED)
    ),
    "injected adamw": optim.inject_hyperparams(optim.adamw)(1e-3),
}


def trees(size):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(LEAVES, size)).astype("float32")
    return [jnp.asarray(row) for row in rows]


# Optax has no packed trees: its figures beside ours of packed ones are of plain ones.
PLAIN = lambda params, groups=None: params  # noqa: E731
FORMS = {"": PLAIN, ", packed": getattr(optim, "pack", PLAIN)}


def groups_of(name):
    return DECAYED if "groups" in name else None


def jitted(optimizer):
    # A new function each time, or the trace would be found in the cache.
    return core.jit(lambda grads, state, params: optimizer.update(grads, state, params))


def small_leaves(name, optimizer, form):
    params = form(trees(256), groups_of(name))
    state = optimizer.init(params)
    args = params, state, params
    report(
        f"{name}: trace and lower",
        best_cpu(lambda: jitted(optimizer).trace(*args).lower(), 3),
        "ms",
    )
    lowered = jitted(optimizer).trace(*args).lower()
    began = time.process_time()  # the compiler has threads of its own
    lowered.compile()
    report(f"{name}: compile", (time.process_time() - began) * 1e3, "ms")
    optimizer.update(*args)
    report(f"{name}: eager", best_cpu(lambda: optimizer.update(*args)), "ms")
    step = jitted(optimizer)
    seconds = best_wall(lambda: core.block_until_ready(step(*args)))
    report(f"{name}: jitted", seconds * 1e3, "ms")


def large_leaves(optimizers, form, suffix):
    """How long steps take that read and write far more than caches hold."""
    steps = {}
    for name, optimizer in optimizers.items():
        grads, params = (form(trees(65_536), groups_of(name)) for _ in range(2))
        steps[f"{name}{suffix}, 65,536 each: step in place"] = in_place(
            stepping(optimizer), (params, optimizer.init(params)), grads
        )
    # In turn, since they are compared with each other.
    for name, seconds in best_wall_in_turn(steps, budget=3.0).items():
        report(name, seconds * 1e3, "ms")


def stepping(optimizer):
    def step(carry, grads):
        params, state = carry
        updates, state = optimizer.update(grads, state, params)
        return optim.apply_updates(params, updates), state

    return step


def copying():
    """What a step would take if memory were all that counts."""
    # A step reads g, p, m, v and writes p, m, v: as much as 3.5 arrays copied.
    whole = jnp.zeros(LEAVES * 65_536 * 7 // 2)
    once = in_place(lambda x, one: x + one, whole, jnp.float32(1.0))
    report(
        "adamw, 65,536 each: as much memory copied",
        best_wall(once, budget=3.0) * 1e3,
        "ms",
    )


def in_place(step, carry, argument):
    """A function that does a step, which may write its results where the carry was."""
    donating = core.jit(step, donate_argnums=0)

    def once():
        nonlocal carry
        carry = core.block_until_ready(donating(carry, argument))

    return once


if __name__ == "__main__":
    for suffix, form in FORMS.items():
        for name, optimizer in OPTIMIZERS.items():
            small_leaves(name + suffix, optimizer, form)
        large_leaves(dict(list(OPTIMIZERS.items())[:3]), form, suffix)
    copying()
    lbfgs_workload.minimizations(core, optim, is_peer=ROOT == "jax")
    if ROOT == "jax":
        lbfgs_workload.minimizations_by_scipy()
