"""A loopback address for each load balancer, and whether a listener's port can be bound on it."""

from __future__ import annotations

import errno
import hashlib
import socket
from typing import Any

from moto.elbv2.models import elbv2_backends

from ..world import World, now_ms

SHARED_ADDRESS = "127.0.0.1"
UNPRIVILEGED_FILE = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
DEFAULT_UNPRIVILEGED = 1024
SUGGESTED_PORT = 8080
# A listener that was just deleted may still be open in the daemon, which closes it on the next state.
RELEASE_MS = 10_000

_released: dict[tuple[str, int], int] = {}


def bind_error(address: str, port: int) -> OSError | None:
    """Why `address:port` cannot be bound, or None when it can."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError as error:
            return error
    return None


def all_load_balancers() -> list[Any]:
    return [lb for _, _, backend in elbv2_backends.iter_backends() for lb in backend.load_balancers.values()]


def choose_address(world: World, arn: str) -> str:
    """An address of its own for a load balancer, where the machine has more than one loopback address.

    It follows from the state folder and the ARN, so that two sandboxes hardly ever choose the same.
    """
    taken = {balancer.dns_name for balancer in all_load_balancers()}
    for attempt in range(64):
        digest = hashlib.sha256(f"{world.state_folder}|{arn}|{attempt}".encode()).digest()
        address = f"127.{16 + digest[0] % 224}.{digest[1]}.{1 + digest[2] % 254}"
        error = bind_error(address, 0)
        if error is not None and error.errno == errno.EADDRNOTAVAIL:
            return SHARED_ADDRESS
        if error is None and address not in taken:
            return address
    return SHARED_ADDRESS


def release(address: str, port: int) -> None:
    """Notes that a listener was deleted; see RELEASE_MS."""
    _released[(address, port)] = now_ms()


def refusal(balancer: Any, port: int) -> str | None:
    """Why no listener can be had on this port, with a port that can; None when it can be had."""
    address = balancer.dns_name
    for other in all_load_balancers():
        ports = {int(listener.port) for listener in other.listeners.values()}
        if other is not balancer and other.dns_name == address and port in ports:
            return explain(address, port, f"load balancer {other.name} listens there already")
    error = bind_error(address, port)
    if error is None:
        return None
    if error.errno == errno.EADDRINUSE and now_ms() - _released.get((address, port), 0) < RELEASE_MS:
        return None
    if error.errno in (errno.EACCES, errno.EPERM):
        return explain(address, port, f"this user may only listen on ports from {lowest_port()} upwards")
    return explain(address, port, error.strerror or str(error))


def explain(address: str, port: int, why: str) -> str:
    return (
        f"The sandbox cannot listen on {address}:{port}: {why}. "
        f"Choose another port, for example {free_port(address)}."
    )


def lowest_port() -> int:
    try:
        with open(UNPRIVILEGED_FILE, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return DEFAULT_UNPRIVILEGED


def free_port(address: str) -> int:
    for port in range(SUGGESTED_PORT, SUGGESTED_PORT + 200):
        if bind_error(address, port) is None:
            return port
    return SUGGESTED_PORT
