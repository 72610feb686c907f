"""Timing that survives a busy machine: the best of many short windows."""

import json
import time
from collections.abc import Callable
from typing import Any


def report(name: str, value: float, unit: str) -> None:
    """Print one figure as a JSON line, which the runner reads."""
    print(json.dumps({"name": name, "value": value, "unit": unit}), flush=True)


def best_call(function: Callable[[], Any], calls: int, windows: int = 60) -> float:
    """Microseconds of wall time per call: the best window of about two milliseconds."""
    for _ in range(max(10, calls // 20)):
        function()
    began = time.perf_counter()
    function()
    once = time.perf_counter() - began
    count = max(1, min(calls, int(2e-3 / max(once, 1e-7))))
    best = float("inf")
    for _ in range(windows):
        began = time.perf_counter()
        for _ in range(count):
            function()
        best = min(best, (time.perf_counter() - began) / count)
    return best * 1e6


def best_cpu(function: Callable[[], Any], repeats: int = 10) -> float:
    """Milliseconds of this thread's CPU time, best of `repeats`."""
    best = float("inf")
    for _ in range(repeats):
        began = time.thread_time()
        function()
        best = min(best, time.thread_time() - began)
    return best * 1e3


def best_wall(function: Callable[[], Any], budget: float = 0.5) -> float:
    """Seconds of wall time of one call: the best of at least three."""
    return best_wall_in_turn({"": function}, budget)[""]


def best_wall_in_turn(
    functions: dict[str, Callable[[], Any]], budget: float = 0.5
) -> dict[str, float]:
    """`best_wall` of several functions, called in turn so that all see the same load.

    Args:
        budget: seconds for each function.
    """
    best = dict.fromkeys(functions, float("inf"))
    for function in functions.values():
        function()
    rounds, began = 0, time.perf_counter()
    while rounds < 3 or time.perf_counter() - began < budget * len(functions):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            best[name] = min(best[name], time.perf_counter() - start)
        rounds += 1
    return best
