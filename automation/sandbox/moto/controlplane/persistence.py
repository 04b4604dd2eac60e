"""Keeps moto's resources on disk, so that a killed control plane comes back with all of them.

Each unit of services is pickled to a file of its own, replaced atomically. An AWS call that changed
something is answered only after a snapshot that holds its change was written (or SLOW_SAVE_SECONDS passed).
"""

from __future__ import annotations

import io
import os
import pickle
import sys
import threading
import time
from typing import Any

import moto
from moto.backends import get_backend
from moto.core.base_backend import BaseBackend
from moto.iam.models import AWSManagedPolicy

from .s3.journal import S3Journal
from .world import World

FORMAT = 1
# These hold references to each other's objects (an Auto Scaling group holds EC2 instances), so they must be
# pickled as one or an instance would come back as two.
FABRIC = ("ec2", "autoscaling", "elb", "elbv2")
ALSO_CHANGED = {"elbv2": ("acm",), "sts": ("iam",)}
SPACING_SECONDS = 0.005
# A save takes a few hundredths of a second, on a busy machine many times that: an answer that does not wait
# for it can be lost by a kill. Beyond this the disk is in trouble, and calls go on without it.
SLOW_SAVE_SECONDS = 2.0
# How late a change that came by itself, without a call, may be noticed.
POLL_SECONDS = 0.1
LAZY_SECONDS = 5.0


class StateUnreadable(Exception):
    """A file of saved state cannot be read; starting without it would lose resources silently."""


def unit_of(service: str) -> str:
    return "fabric" if service in FABRIC else service


class _Pickler(pickle.Pickler):
    """Writes references to what exists once, in moto's own tables: backends, and AWS's own policies."""

    def persistent_id(self, value: Any) -> tuple[str, str, str, str] | None:
        if isinstance(value, BaseBackend):
            return ("backend", type(value).__module__.split(".")[1], value.account_id, value.region_name)
        # There are over a thousand in each account, ten times as much as all else.
        if isinstance(value, AWSManagedPolicy) and value.attachment_count == 0:
            return ("policy", value.arn, value.account_id, value.partition)
        return None


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, key: Any) -> Any:
        kind, name, account, region = key
        if kind == "policy":
            return get_backend("iam")[account][region].managed_policies[name]
        return get_backend(name)[account][region]


def dump_unit(services: tuple[str, ...]) -> bytes:
    """The backends of some services, in all accounts and regions, as bytes."""
    state = {}
    for service in services:
        for account, region, backend in get_backend(service).iter_backends():
            state[(service, account, region)] = dict(backend.__dict__)
    buffer = io.BytesIO()
    _Pickler(buffer, protocol=5).dump({"format": FORMAT, "moto": moto.__version__, "state": state})
    return buffer.getvalue()


def load_unit(data: bytes) -> None:
    """Puts back what `dump_unit` wrote, into moto's own tables."""
    saved = _Unpickler(io.BytesIO(data)).load()
    if saved["format"] != FORMAT:
        raise ValueError(f"format {saved['format']}, expected {FORMAT}")
    for (service, account, region), fields in saved["state"].items():
        backend = get_backend(service)[account][region]
        backend.__dict__.clear()
        backend.__dict__.update(fields)


def write_atomically(path: str, data: bytes) -> None:
    temporary = f"{path}.new"
    with open(temporary, "wb") as file:
        file.write(data)
    os.replace(temporary, path)


class Persistence:
    """Saves dirty units from a thread of its own; see the module's docstring."""

    def __init__(self, world: World, folder: str) -> None:
        self.world = world
        self.folder = folder
        self.s3 = S3Journal(folder)
        self.dirty: set[str] = set()
        self.lazy: set[str] = set()
        self.lazy_since = 0.0
        self.unsavable: set[str] = set()
        self.marked = 0
        self.saved = 0
        self.progress = threading.Condition()
        self.wake = threading.Event()
        self.thread: threading.Thread | None = None
        os.makedirs(folder, mode=0o700, exist_ok=True)

    def load(self) -> None:
        """Restores every unit on disk. Raises StateUnreadable when one cannot be restored."""
        for name in sorted(os.listdir(self.folder)):
            if not name.endswith(".pickle"):
                continue
            path = os.path.join(self.folder, name)
            try:
                with open(path, "rb") as file:
                    load_unit(file.read())
            except Exception as error:
                raise StateUnreadable(f"{path} cannot be read: {error!r}") from error
        self.s3.load()

    def mark(self, service: str) -> None:
        """Notes, under the world's lock, that a service's resources changed."""
        for changed in (service, *ALSO_CHANGED.get(service, ())):
            self.dirty.add(unit_of(changed))
        self.marked += 1
        self.wake.set()

    def mark_lazily(self, service: str) -> None:
        """Like `mark`, for changes that may wait for seconds: nobody is told that they were saved."""
        if not self.lazy:
            self.lazy_since = time.monotonic()
        self.lazy.add(unit_of(service))

    def ticket(self) -> int:
        """What `wait_saved` has to be given to wait for all changes marked so far."""
        return self.marked

    def wait_saved(self, ticket: int) -> None:
        with self.progress:
            self.progress.wait_for(lambda: self.saved >= ticket, timeout=SLOW_SAVE_SECONDS)

    def start(self) -> None:
        self.thread = threading.Thread(target=self.run, name="persistence", daemon=True)
        self.thread.start()

    def run(self) -> None:
        while not self.world.stopping:
            self.wake.wait(timeout=POLL_SECONDS)
            self.wake.clear()
            started = time.monotonic()
            try:
                self.save_dirty()
            except OSError as error:
                print(f"sandbox control plane: state not saved: {error}", file=sys.stderr, flush=True)
            # A pause in proportion to the cost keeps saving from crowding out the calls it serves.
            time.sleep(max(SPACING_SECONDS, time.monotonic() - started))

    def save_dirty(self, everything: bool = False) -> None:
        """Writes every unit that changed since the last time."""
        if not (self.dirty or self.lazy or self.world.dirty_services):
            return
        with self.world.lock:
            if self.world.dirty_services:
                for service in self.world.dirty_services:
                    self.mark(service)
                self.world.dirty_services.clear()
            lazy_due = self.lazy and (everything or time.monotonic() - self.lazy_since > LAZY_SECONDS)
            units = sorted(self.dirty | (self.lazy if lazy_due else set()))
            self.dirty.clear()
            if lazy_due:
                self.lazy.clear()
            marked = self.marked
            snapshots = [(unit, self.snapshot(unit)) for unit in units]
        try:
            for unit, data in snapshots:
                if data is not None:
                    write_atomically(os.path.join(self.folder, f"{unit}.pickle"), data)
        except OSError:
            with self.world.lock:
                self.dirty.update(units)
            raise
        with self.progress:
            self.saved = max(self.saved, marked)
            self.progress.notify_all()

    def snapshot(self, unit: str) -> bytes | None:
        if unit in self.unsavable:
            return None
        try:
            return dump_unit(FABRIC if unit == "fabric" else (unit,))
        except Exception as error:
            self.unsavable.add(unit)
            print(
                f"sandbox control plane: resources of {unit} will not outlive this process: {error!r}",
                file=sys.stderr,
                flush=True,
            )
            return None

    def close(self) -> None:
        """Writes what is not written yet; call it when no request is served any more."""
        self.save_dirty(everything=True)
        self.s3.close()
