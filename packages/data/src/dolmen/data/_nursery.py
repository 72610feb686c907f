"""The process that starts worker processes, and sees to it that none is left behind.

It is started afresh, so it has none of the locks, threads and devices of the program
that iterates. Workers are forked from it and so have NumPy imported already. It does
nothing but wait, in one thread. When the program is gone, whatever ended it, it ends
the workers and itself; should it be killed, the system ends the workers.
"""

import contextlib
import ctypes
import os
import selectors
import signal
import socket
import struct
import sys
import time

START = struct.Struct("<q")  # number of the worker; its socket comes along
REPORT = struct.Struct("<qqq")  # STARTED or ENDED, process, number or exit code
STARTED, ENDED = 0, 1

# So long a worker may take to finish what it is at when it is told to end.
_SECONDS_TO_END = 0.2
_PR_SET_PDEATHSIG = 1


def raise_workers(channel: socket.socket, program: int) -> tuple[int, socket.socket]:
    """Starts workers as the channel tells. Returns in the workers only.

    Args:
        channel: START messages come in, REPORT messages go out.
        program: process id of the program at its other end.

    Returns:
        In each worker its number and its socket.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # what it means, the program decides
    with contextlib.ExitStack() as ours:
        ours.enter_context(channel)
        children = _ends_of_children(ours)
        selector = ours.enter_context(selectors.DefaultSelector())
        for readable in (channel, children, *_end_of(program, ours)):
            selector.register(readable, selectors.EVENT_READ)
        signal.setitimer(signal.ITIMER_REAL, 0)  # until now it has watched the program
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        nursery, workers = os.getpid(), set[int]()
        # If the program ended before this process came to watch it, it has another
        # parent by now.
        while os.getppid() == program:
            ready = [key.fileobj for key, _ in selector.select()]
            if children in ready:
                children.recv(4096)
                _report_ended(channel, workers)
            if channel not in ready:
                continue
            try:
                message, descriptors, *_ = socket.recv_fds(channel, START.size, 1)
            except ConnectionResetError:  # closed, with reports that nobody has read
                break
            if not message:
                break
            number, descriptor = *START.unpack(message), *descriptors
            process = os.fork()
            if process == 0:
                _end_with(nursery)
                return number, socket.socket(fileno=descriptor)
            os.close(descriptor)
            workers.add(process)
            _tell(channel, STARTED, process, number)
    _end(workers)
    os._exit(0)  # at once: there is nothing to tidy up


def _ends_of_children(ours: contextlib.ExitStack) -> socket.socket:
    """A socket that can be read from when a child has ended."""
    woken, wakes = socket.socketpair()
    wakes.setblocking(False)
    ours.enter_context(woken)
    ours.enter_context(wakes)
    ours.callback(signal.set_wakeup_fd, signal.set_wakeup_fd(wakes.fileno()))
    ours.callback(signal.signal, signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # without one, nothing wakes
    return woken


def _end_of(process: int, ours: contextlib.ExitStack) -> list[int]:
    """A descriptor that can be read from when the process has ended.

    Without it, on systems other than Linux, the end of the channel has to do: it comes
    late if the program has forked a process that keeps the channel open.
    """
    if not hasattr(os, "pidfd_open"):
        return []
    try:
        descriptor = os.pidfd_open(process)
    except OSError:  # it has ended, or the system forbids
        return []
    ours.callback(os.close, descriptor)
    return [descriptor]


def _end_with(parent: int) -> None:
    """Ends this process when its parent ends, where the system can do that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before
        os._exit(1)


def _report_ended(channel: socket.socket, workers: set[int]) -> None:
    while workers:
        process, status = os.waitpid(-1, os.WNOHANG)
        if not process:
            return
        workers.remove(process)
        _tell(channel, ENDED, process, os.waitstatus_to_exitcode(status))


def receive(source: socket.socket, size: int) -> bytes:
    """A message of so many bytes; none when the other end is gone."""
    try:
        return source.recv(size, socket.MSG_WAITALL)
    except ConnectionResetError:  # gone, with messages that it had not read
        return b""


def _tell(channel: socket.socket, *report: int) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        channel.send(REPORT.pack(*report))


def _end(workers: set[int]) -> None:
    """Workers end by themselves when their sockets do, unless they are busy."""
    deadline = time.monotonic() + _SECONDS_TO_END
    while workers and time.monotonic() < deadline:
        process, _ = os.waitpid(-1, os.WNOHANG)
        workers.discard(process)
        if not process:
            time.sleep(0.002)
    for process in workers:
        os.kill(process, signal.SIGKILL)
