"""SIGKILL at random moments of real saves."""

import json
import subprocess
import sys

# Forks a child that saves for as long as it lives, kills it, and looks at what is left,
# again and again in one directory. Prints one line for each kill.
PROGRAM = """
import json, os, random, signal, sys, time
import numpy
import dolmen.ckpt as ck
from dolmen.ckpt import _format

_format.BLOCK_BYTES, _format.PACK_BYTES = 1 << 12, 1 << 14
LEAVES, SIZE = 24, 1500

def tree_of(step):
    return {"leaves": [numpy.full(SIZE, step, "int32") for _ in range(LEAVES)],
            "step": step}

def save_until_killed(run, first, acknowledge):
    checkpointer = ck.Checkpointer(run, max_to_keep=2)
    for step in range(first, 10**9):
        checkpointer.save(step, tree_of(step))
        checkpointer.wait()
        os.write(acknowledge, b"%d\\n" % step)
        if step % 5 == 0:
            checkpointer.save(step, tree_of(step), overwrite=True)

def look(run):
    checkpointer = ck.Checkpointer(run)
    steps = checkpointer.all_steps()
    whole = []
    for step in steps:
        tree = checkpointer.restore(step)
        values = {int(v) for leaf in tree["leaves"] for v in numpy.unique(leaf)}
        whole.append(values == {step} and tree["step"] == step)
    return steps, all(whole)

run, kills, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = random.Random(seed)
newest = 0
for _ in range(kills):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        save_until_killed(run, newest + 1, write)
    os.close(write)
    acknowledgements = os.read(read, 1)  # until it has saved one
    time.sleep(rng.uniform(0, 0.05))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    acknowledgements += os.read(read, 1 << 16)
    acknowledged = int(acknowledgements.split()[-1])
    os.close(read)
    steps, whole = look(run)
    unfinished = len(os.listdir(run)) - len(steps)
    print(json.dumps([acknowledged, steps, whole, unfinished]), flush=True)
    newest = max(steps)
"""


def test_killed_saves_lose_and_mix_nothing(tmp_path):
    program = [sys.executable, "-c", PROGRAM, str(tmp_path), "40", "1"]

    done = subprocess.run(program, capture_output=True, text=True, timeout=300)

    assert done.returncode == 0, done.stderr
    kills = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(kills) == 40
    assert all(whole for _, _, whole, _ in kills)
    assert all(max(steps) >= acknowledged > 0 for acknowledged, steps, _, _ in kills)
    # Some did interrupt a save.
    assert any(unfinished for _, _, _, unfinished in kills)
