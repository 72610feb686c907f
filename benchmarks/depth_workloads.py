"""How cost grows with a program: equations, layers, memory.

python benchmarks/depth_workloads.py dolmen.core
"""

import gc
import importlib
import os
import resource
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
core = importlib.import_module(library)
jnp = importlib.import_module(f"{library}.numpy")


def peak():
    """Largest memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# ---- memory of tracing and lowering, before anything has been compiled ----

model = Model(core, jnp, layers=48)
params, tokens = model.parameters(), model.batch()
gc.collect()
before = peak()
lowered = model.jitted().trace(params, tokens).lower()
report("GPT-48: peak memory of trace and lower", peak() - before, "MB")
report("GPT-48: peak memory of the process", peak(), "MB")
del lowered
gc.collect()

# ---- cost per equation ----


def chain(length):
    def function(x):
        for _ in range(length):
            x = jnp.sin(x)
        return x

    return function


def best_lowering(trace, repeats):
    """Milliseconds of lowering what was traced anew each time."""
    return min(best_cpu(trace().lower, 1) for _ in range(repeats))


x = jnp.ones(4)
for length, repeats in ((1_000, 10), (10_000, 3), (100_000, 1)):

    def traced(length=length):
        return core.jit(chain(length)).trace(x)

    def differentiated(length=length):
        function = chain(length)
        return core.jit(core.grad(lambda x: function(x).sum())).trace(x)

    per_equation = best_cpu(traced, repeats) * 1e3 / length
    report(f"trace, per equation of {length:,}", per_equation, "µs")
    per_equation = best_cpu(differentiated, repeats) * 1e3 / length
    report(f"trace of grad, per equation of {length:,}", per_equation, "µs")
    per_equation = best_lowering(traced, repeats) * 1e3 / length
    report(f"lower, per equation of {length:,}", per_equation, "µs")

# ---- repeated blocks ----


def measure_blocks(layers):
    model = Model(core, jnp, layers, jitted_block=True)
    params, tokens = model.parameters(), model.batch()

    def trace():
        return model.jitted().trace(params, tokens)

    report(f"{layers} jitted blocks: trace", best_cpu(trace, 3), "ms")
    report(f"{layers} jitted blocks: lower", best_lowering(trace, 3), "ms")
    if layers == 48 and library == "jax":
        return  # it takes minutes
    began = time.process_time()
    executable = trace().lower().compile()
    report(f"{layers} jitted blocks: compile", time.process_time() - began, "CPU s")
    step = best_call(lambda: executable(params, tokens)[1].block_until_ready(), 30)
    report(f"{layers} jitted blocks: step", step / 1e3, "ms")


for layers in (4, 24, 48):
    measure_blocks(layers)

# ---- pieces of one array ----


def measure_compiled(name, lowered, *args):
    """Report how long compilation and a call take."""
    began = time.process_time()
    executable = lowered.compile()
    report(f"{name}: compile", time.process_time() - began, "CPU s")
    call = best_call(lambda: core.block_until_ready(executable(*args)), 30)
    report(f"{name}: call", call / 1e3, "ms")


def stacked_gradient(layers):
    """Of a plain loop that takes each layer's parameters from stacked ones."""
    model = Model(core, jnp, layers)
    params, tokens = model.parameters(), model.batch()
    blocks = params.pop("blocks")
    params["stacked"] = core.tree.map(lambda *each: jnp.stack(each), *blocks)

    def loss(params, tokens):
        def layer(i):
            return core.tree.map(lambda w: w[i], params["stacked"])

        return model.loss({**params, "blocks": map(layer, range(layers))}, tokens)

    return core.jit(core.value_and_grad(loss)), params, tokens


gradient, params, tokens = stacked_gradient(12)
lowered = gradient.lower(params, tokens)
measure_compiled("12 layers of stacked parameters", lowered, params, tokens)
rows = jnp.ones((400, 256))
measure_compiled("400 rows apart", core.jit(list).lower(rows), rows)
