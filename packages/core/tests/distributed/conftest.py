"""Programs that several processes run together."""

import os
import socket
import subprocess
import sys
import textwrap

import pytest

# What each of them begins with: two devices of its own, and its place among the others.
PREAMBLE = """
import sys
import numpy as np
import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import P, lax
from dolmen.core.experimental import multihost_utils as mu

rank, count, address = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
dc.config.update("num_cpu_devices", 2)


def join(**changes):
    dc.distributed.initialize(
        address, count, rank, initialization_timeout=60, **changes
    )

"""


def free_port():
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return found.getsockname()[1]


@pytest.fixture
def together(tmp_path):
    """Runs a program in several processes; gives what each printed.

    The program finds `rank`, `count`, `address` and `join()` defined. It must end well
    in all of them; or in none, without `ends_well`, and then what they said on standard
    error is given.
    """

    def run(program, count=2, *, ends_well=True, **variables):
        path = tmp_path / "program.py"
        path.write_text(PREAMBLE + textwrap.dedent(program), encoding="utf-8")
        address = f"localhost:{free_port()}"
        inherited = {k: v for k, v in os.environ.items() if "SLURM" not in k}
        running = [
            subprocess.Popen(
                [sys.executable, str(path), str(rank), str(count), address],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=inherited | {k: v.format(rank=rank) for k, v in variables.items()},
            )
            for rank in range(count)
        ]
        try:
            results = [process.communicate(timeout=120) for process in running]
        finally:
            for process in running:
                process.kill()
        for process, (_, errors) in zip(running, results, strict=True):
            assert (process.returncode == 0) is ends_well, errors
        if not ends_well:
            return [errors.splitlines() for _, errors in results]
        return [
            # The library that CPUs exchange values by reports on the same stream.
            [line for line in out.splitlines() if "[Gloo]" not in line]
            for out, _ in results
        ]

    return run
