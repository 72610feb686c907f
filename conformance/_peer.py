"""The peer's process: runs the programs it is told to and sends back what they gave.

Run by the peer's Python as ``-m conformance._peer``; names arrive pickled on standard
input, results leave pickled on standard output, in the same order.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ._api import EIGHT_DEVICES, Api, all_programs
from ._results import outcome

ROOT = Path(__file__).parent.parent


class Peer:
    """A running peer that was told which programs to run."""

    def __init__(self, python: str, names: Iterable[str]) -> None:
        environment = {**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
        environment["XLA_FLAGS"] = EIGHT_DEVICES
        self._process = subprocess.Popen(
            [python, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=environment,
        )
        self._results: dict[str, Any] = {}
        assert self._process.stdin is not None
        with self._process.stdin as pipe:
            pickle.dump(list(names), pipe)

    def result(self, name: str) -> Any:
        """What the program of this name gave there."""
        assert self._process.stdout is not None
        while name not in self._results:
            try:
                found, result = pickle.load(self._process.stdout)
            except EOFError:
                status = self._process.wait()
                raise RuntimeError(
                    f"the peer ended with status {status} before {name!r} had a "
                    "result; what it said stands above"
                ) from None
            self._results[found] = result
        return self._results.pop(name)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdout is not None
        self._process.kill()
        self._process.stdout.close()
        self._process.wait()


def _parse_flags() -> None:
    """Reads no flags, which Grain wants done before it starts processes."""
    from absl import flags

    flags.FLAGS(sys.argv[:1])


def _serve() -> None:
    names = pickle.load(sys.stdin.buffer)
    # Programs print: only results may leave through the pipe.
    with os.fdopen(os.dup(1), "wb") as pipe:
        os.dup2(2, 1)
        programs, api = all_programs("jax"), Api("jax")
        _parse_flags()
        for name in names:
            result = outcome(programs[name], api.random, api.errors)
            pickle.dump((name, result), pipe)
            pipe.flush()


if __name__ == "__main__":
    _serve()
