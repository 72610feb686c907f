"""Run every workload with Dolmen and with its peer, in turn, and print the ratios.

    python -m benchmarks --peer-python PATH [--write FILE] [--only NAME] [--rounds N]

Each library runs in processes of its own (two on one jaxlib can't share one), one after
the other, several times; the best figure of each counts.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The gates of the design: the largest ratio to the peer that is acceptable.
GATES = {
    "import": 0.6,
    "eager x + y": 1.0,
    "eager x + 1.0": 1.0,
    "eager sin": 1.0,
    "eager sum": 1.0,
    "eager x[1]": 0.6,
    "eager x[1:3]": 0.6,
    "eager zeros": 0.6,
    "eager reshape": 0.6,
    "eager x.at[1].set": 0.3,
    "jit dispatch, 2 arguments": 1.05,
    "jit dispatch, 200 leaves": 1.05,
    "GPT trace": 0.33,
    "GPT lower": 0.33,
    "trace small": 0.33,
    "trace grad": 0.33,
    "trace vmap": 0.33,
    "trace hessian": 0.33,
    "trace scan": 0.33,
    "trace grad of scan": 0.33,
    "eager grad": 0.33,
    "GPT-48: peak memory of trace and lower": 0.7,
    "24 jitted blocks: compile": 0.5,
    "24 jitted blocks: step": 1.02,
    "GPT step": 1.02,
    "run scan of 1000 steps": 1.02,
    **dict.fromkeys(
        [
            *("eager: x + y", "eager: add", "eager: x * y", "eager: multiply"),
            *("eager: sin", "eager: sum", "eager: matmul 8x8"),
        ],
        1.0,
    ),
    **dict.fromkeys(
        [
            *("eager: x[1]", "eager: x[1:3]", "eager: zeros", "eager: ones"),
            *("eager: arange", "eager: asarray of ndarray", "eager: where"),
            *("eager: concatenate", "eager: reshape"),
        ],
        0.5,
    ),
    "eager: x.at[1].set": 0.15,
    **{
        f"{name}{form}: {what}": gate
        for name in ("adamw", "clip + schedule + adamw", "injected adamw")
        for form in ("", ", packed")
        for what, gate in {
            "trace and lower": 0.1,
            "compile": 0.15,
            "eager": 0.05,
            "jitted": 0.1,
        }.items()
    },
    **{f"L-BFGS, Rosenbrock of {size}, peer SciPy: run": 1.0 for size in (2, 10, 100)},
    "data: ArrayRecord": 0.286,
    "data: ArrayRecord, 2 threads, 16 batches ahead": 0.286,
    "data: arrays in memory": 0.1,
    "data: flat file (peer: ArrayRecord)": 0.05,
    "data: packing, of a token": 0.2,
    "data: packing in order, of a token": 0.2,
    "data: memory": 0.4,
    "data: 2 processes: first batch": 0.5,
    "data: 2 processes: memory": 0.4,
}
# The largest ratios of two figures of Dolmen that are acceptable.
LIMITS = {
    (
        "adamw, packed, 65,536 each: step in place",
        "adamw, 65,536 each: as much memory copied",
    ): 1.18,
    (
        "clip + schedule + adamw with groups, packed, 65,536 each: step in place",
        "adamw, packed, 65,536 each: step in place",
    ): 1.1,
    ("data: ArrayRecord", "data: ArrayRecord, nothing but reading"): 1.15,
    ("data: packing, left empty", "data: packing, all places"): 0.005,
    ("data: restored at batch 1,000,000", "data: restored at batch 100"): 1.5,
    ("data: restored at batch 1,000,000", "data: first batch"): 1.5,
    ("data: busy map, 2 processes", "data: busy map, 1 process"): 0.556,
    ("data: 32 MiB from a process", "data: 32 MiB copied"): 1.2,
}
PAIRS = {
    "core": (["core_workloads.py", "dolmen.core"], ["core_workloads.py", "jax"]),
    "depth": (["depth_workloads.py", "dolmen.core"], ["depth_workloads.py", "jax"]),
    "lm": (["lm_dolmen.py"], ["lm_peer.py"]),
    "optim": (["optim_workloads.py", "dolmen.core"], ["optim_workloads.py", "jax"]),
    "arrays": (["array_workloads.py", "dolmen.core"], ["array_workloads.py", "jax"]),
    "data": (["data_workloads.py", "dolmen.data"], ["data_workloads.py", "grain"]),
}
# Workloads that NumPy can do too.
NUMPY = {"arrays": ["array_workloads.py", "numpy"]}

Figures = dict[str, tuple[float, str]]


def run(python: str, arguments: list[str], cache: str) -> Figures:
    """The figures that one process prints."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT) if "peer" not in arguments[0] else "",
        # Nothing compiled before may help, in either library.
        "DOLMEN_COMPILATION_CACHE_DIR": cache,
        "JAX_PLATFORMS": "cpu",
    }
    script = str(ROOT / "benchmarks" / arguments[0])
    done = subprocess.run(
        [python, script, *arguments[1:]],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    lines = [json.loads(x) for x in done.stdout.splitlines() if x.startswith("{")]
    return {line["name"]: (line["value"], line["unit"]) for line in lines}


def better(old: Figures, new: Figures) -> Figures:
    """The better of two runs, figure by figure: less, but more of a rate."""
    merged = dict(old)
    for name, (value, unit) in new.items():
        if name in old:
            value = (max if unit == "1/s" else min)(value, old[name][0])
        merged[name] = (value, unit)
    return merged


def table(ours: Figures, theirs: Figures, numpy: Figures) -> list[str]:
    """Markdown rows: figure, both values, ratio, gate, NumPy's value if any."""
    rows = [
        "| what | unit | Dolmen | peer | ratio | gate | | NumPy |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, (value, unit) in ours.items():
        beside = f"{numpy[name][0]:,.4g}" if name in numpy else ""
        if name not in theirs:  # what the peer takes too long for
            rows.append(f"| {name} | {unit} | {value:,.4g} | | | | | {beside} |")
            continue
        peer = theirs[name][0]
        # Of a rate more is better: the ratio is that of the times.
        ratio = peer / value if unit == "1/s" else value / peer
        gate = GATES.get(name)
        verdict = "" if gate is None else "met" if ratio <= gate else "**missed**"
        rows.append(
            f"| {name} | {unit} | {value:,.4g} | {peer:,.4g} | {ratio:.2f} | "
            f"{gate or ''} | {verdict} | {beside} |"
        )
    return rows


def limits(ours: Figures) -> list[str]:
    """Markdown rows: a figure of Dolmen, what it is measured by, ratio, gate."""
    rows = []
    for (name, by), gate in LIMITS.items():
        if name in ours:
            ratio = ours[name][0] / ours[by][0]
            verdict = "met" if ratio <= gate else "**missed**"
            rows.append(f"| {name} | {by} | {ratio:.3f} | {gate} | {verdict} |")
    if not rows:
        return []
    return ["", "| what | beside | ratio | gate | |", "|---|---|---|---|---|", *rows]


def versions(python: str, names: list[str]) -> str:
    """Versions of the installed packages, as one line."""
    code = (
        "import importlib.metadata as m\n"
        f"print(', '.join(f'{{n}} {{m.version(n)}}' for n in {names!r}))"
    )
    done = subprocess.run(
        [python, "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(
            x.split(":")[1].strip() for x in lines if x.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main() -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--peer-python", required=True, help="a Python with the peers")
    parser.add_argument("--write", type=Path, help="also write the table here")
    parser.add_argument("--only", choices=PAIRS, help="one of the workloads")
    parser.add_argument("--rounds", type=int, default=3, help="processes per library")
    options = parser.parse_args()
    ours: Figures = {}
    theirs: Figures = {}
    numpy: Figures = {}
    with tempfile.TemporaryDirectory() as files:
        os.environ["DOLMEN_BENCHMARK_FILES"] = files  # made once, for all processes
        for name, (own, peer) in PAIRS.items():
            if options.only in (None, name):
                for _ in range(options.rounds):
                    with tempfile.TemporaryDirectory() as cache:
                        ours = better(ours, run(sys.executable, own, cache))
                    theirs = better(theirs, run(options.peer_python, peer, ""))
                    if name in NUMPY:
                        numpy = better(numpy, run(sys.executable, NUMPY[name], ""))
    peers = versions(options.peer_python, ["jax", "jaxlib", "flax", "optax", "grain"])
    text = "\n".join(
        [
            f"# Benchmarks, {datetime.date.today():%Y-%m-%d}",
            "",
            f"{processor()}, {os.cpu_count()} cores, Python "
            f"{platform.python_version()}, {versions(sys.executable, ['jaxlib'])}; "
            f"peer: {peers}. The best of {options.rounds} processes each, run in turn. "
            "A ratio below 1 means that Dolmen is faster; gates are those of the "
            "design.",
            "",
            *table(ours, theirs, numpy),
            *limits(ours),
            "",
        ]
    )
    print(text)
    if options.write:
        options.write.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
