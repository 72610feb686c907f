"""Kills programs that read pipelines of every kind, and tells what they read.

    python3 noxfile.py -s kills -- [--kills N] [--only NAME] [--seed N] [--write FILE]

Ends with an error if there was any fault.
"""

import argparse
import datetime
import os
import platform
import sys
from pathlib import Path

import numpy
from killed_pipelines import KINDS
from killing import Launcher, Tally, kill_again_and_again

COLUMNS = {
    "kills": "kills",
    "workers killed": "workers_killed",
    "batches compared": "batches",
    "of these repeated": "repeated",
    "different": "different",
    "records miscounted": "miscounted",
    "processes left": "processes_left",
    "memory left": "memory_left",
    "last process ended after, s": "seconds",
    "state, bytes": "longest_state",
}
HEAD = """\
# Killed and resumed, {date}

{machine}, {cpus} cores, Python {python}, NumPy {numpy}; seed {seed}, load {load}.

Programs that read a pipeline are killed with SIGKILL at random moments: when they
begin, restore a state, start workers, read, or write a state. Each is followed by one
that reads on with other threads, workers or hosts. Sometimes a worker or the parent of
all workers is killed first. Every batch that any of them read is compared, bit by bit,
with what a program reads that nobody kills; the records of all batches are counted,
epoch by epoch; and one second after every death, processes of the family of the killed
program and its shared memory are looked for. Written by `python3 noxfile.py -s kills`.

"""


def total(tallies: list[Tally]) -> Tally:
    whole = Tally()
    for tally in tallies:
        whole.add(tally)
    return whole


def row(name: str, tally: Tally) -> str:
    values = [getattr(tally, attribute) for attribute in COLUMNS.values()]
    shown = [f"{x:.2f}" if isinstance(x, float) else f"{x:,}" for x in values]
    return f"| {' | '.join([name, *shown])} |\n"


def table(tallies: dict[str, Tally]) -> str:
    """As Markdown, with the sum of all."""
    return (
        f"| {' | '.join(['pipeline', *COLUMNS])} |\n"
        f"|{'---|' * (len(COLUMNS) + 1)}\n"
        + "".join(row(name, tally) for name, tally in tallies.items())
        + row("**together**", total([*tallies.values()]))
    )


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def head(seed: int, loads: list[float]) -> str:
    return HEAD.format(
        date=datetime.datetime.now(datetime.UTC).date(),
        machine=machine(),
        cpus=os.cpu_count(),
        python=platform.python_version(),
        numpy=numpy.__version__,
        seed=seed,
        load=f"{min(loads):.0f} to {max(loads):.0f}",
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="of all kinds together")
    parser.add_argument("--only", default="", help="kinds whose names contain this")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--write", type=Path, help="a file for the table")
    options = parser.parse_args()
    kinds = [name for name in KINDS if options.only in name]
    tallies: dict[str, Tally] = {}
    loads = [os.getloadavg()[0]]
    with Launcher() as launcher:
        for number, name in enumerate(kinds):
            kills = len(range(number, options.kills, len(kinds)))
            tally = kill_again_and_again(launcher, name, kills, options.seed)
            tallies[name] = tally
            loads.append(os.getloadavg()[0])
            print(row(name, tally), *tally.errors, sep="", end="", flush=True)
            if options.write is not None:  # also when the rest takes too long
                options.write.write_text(head(options.seed, loads) + table(tallies))
    print(head(options.seed, loads) + table(tallies))
    return 1 if any(tally.faults for tally in tallies.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
