"""Programs that read pipelines, saving their state after each batch.

A program appends a line for every batch to ``log`` and replaces ``state`` after it, so
that a kill between the two makes the next one repeat the batch. It tells by letters
where it is.

Run by itself, with the descriptor of a socket, this starts such programs on request.
It forks them, so that none has to import anything. Each leads a session of its own, by
which its family is known.
"""

import functools
import hashlib
import json
import os
import socket
import sys
from pathlib import Path

import numpy as np
from killed_pipelines import KINDS, Speed

from dolmen.data import WorkerDiedError
from dolmen.data.multiprocessing import SharedMemoryArray

# Where a program is, and the letter that tells.
MOMENTS = {
    "begun": b"b",
    "made iterators": b"m",
    "restored": b"r",
    "asked": b"a",  # for a batch: the first time, workers start
    "logged": b"l",
    "wrote half": b"w",
    "saved": b"s",
}
# Exit status of a program whose worker was killed.
WORKER_DIED = 3


# ---- Batches ----


def joined(parts):
    """The batch of all hosts, of the parts that each has made."""
    if len(parts) == 1:
        return parts[0]
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def digest(batch):
    """Of all bits of a batch."""
    hashed = hashlib.sha1()
    for key, array in sorted(batch.items()):
        hashed.update(f"{key} {array.dtype} {array.shape}\n".encode())
        hashed.update(np.ascontiguousarray(array).tobytes())
    return hashed.hexdigest()


def identities(batch):
    """The records in a batch, each as often as it is there."""
    if "id" in batch:
        return batch["id"].tolist()
    tokens = batch["tokens"]
    return (tokens[tokens != 0] - 1).tolist()


def batches(iterators, tell=lambda moment: None):
    """What each step gives: number, digest and identities."""
    step = json.loads(state_of(iterators))["step"]
    while True:
        tell("asked")
        try:
            parts = [next(iterator) for iterator in iterators]
        except StopIteration:
            return
        batch = joined(parts)
        yield [step, digest(batch), identities(batch)]
        for array in batch.values():
            if isinstance(array, SharedMemoryArray):
                array.unlink_on_del()
        step += 1


# ---- States ----


def state_of(iterators):
    """The state of all hosts, as JSON."""
    states = [iterator.get_state() for iterator in iterators]
    texts = {x.decode() if isinstance(x, bytes) else json.dumps(x) for x in states}
    (text,) = texts
    return text


def restore(iterators, text):
    for iterator in iterators:
        takes_bytes = isinstance(iterator.get_state(), bytes)
        iterator.set_state(text.encode() if takes_bytes else json.loads(text))


def save(text, path, tell):
    partial = path.with_suffix(".part")
    with open(partial, "w") as file:
        file.write(text[: len(text) // 2])
        file.flush()
        tell("wrote half")
        file.write(text[len(text) // 2 :])
    os.replace(partial, path)


# ---- The program ----


def read(kind, speed, directory, files, output):
    """Reads on from the state in a directory; returns the exit status."""

    def tell(moment):
        os.write(output, MOMENTS[moment])

    tell("begun")
    iterators = KINDS[kind].iterators(Speed(**speed), Path(files))
    tell("made iterators")
    try:
        read_on(iterators, Path(directory), tell)
    except WorkerDiedError:
        return WORKER_DIED
    finally:
        for iterator in iterators:
            iterator.close()
    return 0


def read_on(iterators, directory, tell):
    state = directory / "state"
    if state.exists():
        restore(iterators, state.read_text())
    tell("restored")
    log = os.open(directory / "log", os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    for line in batches(iterators, tell):
        os.write(log, json.dumps(line).encode() + b"\n")
        tell("logged")
        save(state_of(iterators), state, tell)
        tell("saved")


# ---- Starting programs ----


def serve(channel):
    """Starts programs, one after another; returns in them, with what they do.

    Of each its process id is told and, when asked, its exit status. Until then nobody
    else can get that id.
    """
    while True:
        request, descriptors, *_ = socket.recv_fds(channel, 65536, 2)
        if not request:
            return lambda: 0
        output, errors = descriptors
        process = os.fork()
        if process == 0:
            channel.close()
            os.setsid()
            os.dup2(errors, 2)
            # Closed when the program ends, whatever becomes of its workers.
            os.set_inheritable(output, False)
            return functools.partial(read, output=output, **json.loads(request))
        os.close(output)
        os.close(errors)
        tell_number(channel, process)
        channel.recv(1)
        _, status = os.waitpid(process, 0)
        tell_number(channel, os.waitstatus_to_exitcode(status))


def tell_number(channel, number):
    channel.send(b"%d" % number)


if __name__ == "__main__":
    run = serve(socket.socket(fileno=int(sys.argv[1])))
    sys.exit(run())
