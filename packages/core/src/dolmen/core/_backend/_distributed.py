"""Several processes as one system: where this one is, and the service they meet at."""

import atexit
import logging
import threading
import time
from collections.abc import Sequence
from typing import Any

import jaxlib._jax as _jax

_logger = logging.getLogger(__name__)
_SECONDS_IN_SILENCE = 10


class Membership:
    """This process among others.

    Attributes:
        client: the connection to the service; None in a process that is alone.
        service: the service itself, in the first process.
        process_id: the number of this process.
        num_processes: how many there are.
        local_device_ids: which of the machine's accelerators it takes, None for all.
    """

    def __init__(self) -> None:
        self.client: Any = None
        self.service: Any = None
        self.process_id = 0
        self.num_processes = 1
        self.local_device_ids: tuple[int, ...] | None = None


MEMBERSHIP = Membership()
_lock = threading.Lock()


def join(
    address: str,
    bind_address: str,
    num_processes: int,
    process_id: int,
    local_device_ids: Sequence[int] | None,
    *,
    initialization_timeout: int,
    heartbeat_timeout: int,
    shutdown_timeout: int,
) -> None:
    """Connect to the service, which the first process starts, and wait for the others.

    If some don't come in time, XLA ends the process and says on standard error which.

    Args:
        address: where the service is.
        bind_address: where the first process listens.
        initialization_timeout: how long to wait for the others, in seconds.
        heartbeat_timeout: after how many silent seconds a process counts as dead.
        shutdown_timeout: how long to wait for the others at the end, in seconds.

    Raises:
        TimeoutError: nothing listens at the address.
        JaxRuntimeError: the service refuses.
    """
    here = MEMBERSHIP
    with _lock:
        if process_id == 0:
            here.service = _jax.get_distributed_runtime_service(
                bind_address,
                num_processes,
                heartbeat_timeout=heartbeat_timeout,
                cluster_register_timeout=initialization_timeout,
                shutdown_timeout=shutdown_timeout,
            )
        client = _jax.get_distributed_runtime_client(
            address,
            process_id,
            init_timeout=initialization_timeout,
            heartbeat_timeout=heartbeat_timeout,
            shutdown_timeout=shutdown_timeout,
            use_compression=True,
        )
        if process_id:
            _wait_for_listener(address, initialization_timeout)
        patience = threading.Timer(
            _SECONDS_IN_SILENCE,
            _logger.warning,
            (
                "Process %d of %d still waits for the others at %s. It gives up %d s "
                "after it began.",
                process_id,
                num_processes,
                address,
                initialization_timeout,
            ),
        )
        patience.daemon = True
        patience.start()
        try:
            client.connect()
        except _jax.JaxRuntimeError:
            here.service = None
            raise
        finally:
            patience.cancel()
        here.client = client
        here.process_id, here.num_processes = process_id, num_processes
        if local_device_ids is not None:
            here.local_device_ids = tuple(local_device_ids)
        atexit.register(leave)


def _wait_for_listener(address: str, timeout: int) -> None:
    """Return when something listens at the address.

    Raises:
        TimeoutError: nothing does.
    """
    import socket  # here, since most processes are alone

    host, _, port = address.rpartition(":")
    end = time.monotonic() + timeout
    while True:
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=5):
                return
        except OSError as error:
            if time.monotonic() > end:
                raise TimeoutError(f"nothing listens there: {error}") from None
        time.sleep(0.1)


def leave() -> None:
    """Disconnect and wait until all processes have."""
    here = MEMBERSHIP
    with _lock:
        if here.client is not None:
            here.client.shutdown()
            here.client = None
        if here.service is not None:
            here.service.shutdown()
            here.service = None
        atexit.unregister(leave)


def collectives_of_cpu() -> Any:
    """How CPUs of several processes exchange values; None in one that is alone."""
    if MEMBERSHIP.client is None:
        return None
    return _jax.make_gloo_tcp_collectives(distributed_client=MEMBERSHIP.client)
