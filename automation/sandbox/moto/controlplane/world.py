"""What the control plane knows apart from moto's own resources, and the one lock over all of it."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

CALLS_KEPT = 20_000
# A daemon that sends no revisions has seen any registration of this age, even if its report did not change.
SEEN_AFTER_MS = 3_000


def now_ms() -> int:
    """Unix time in milliseconds, as the contract counts it."""
    return int(time.time() * 1000)


class World:
    """Facts shared by every request thread. All fields are guarded by `lock`.

    moto's backends are not safe for parallel use, so each AWS call, each reconcile and each snapshot
    holds `lock` for its whole duration.
    """

    def __init__(self, state_folder: str) -> None:
        self.state_folder = state_folder
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        # Revisions start at the wall clock: a daemon that outlives a crash of this process still holds an
        # old revision, and the first one after the restart must be newer than that.
        self.revision = now_ms()
        self.instances: dict[str, dict[str, Any]] = {}
        self.targets: dict[str, dict[str, dict[str, Any]]] = {}
        self.truth_revision: int | None = None
        self.truth_received_at = 0
        self.truth_valid_until: int | None = None
        self.log_files: dict[str, str] = {}
        self.faults: list[dict[str, Any]] = []
        self.faults_changed_at = 0
        self.calls: deque[dict[str, Any]] = deque(maxlen=CALLS_KEPT)
        self.call_count = 0
        self.stopping = False
        self.dirty_services: set[str] = set()

    def bump(self) -> None:
        """Marks the shared state as changed and wakes every long poll."""
        with self.lock:
            self.revision += 1
            self.changed.notify_all()

    def touch(self, service: str) -> None:
        """Notes that resources of a moto service changed outside of an AWS call, so that they are saved."""
        with self.lock:
            self.dirty_services.add(service)

    def wait_for_change(self, since: int, seconds: float) -> None:
        """Returns once the revision is newer than `since`, at the latest after `seconds`."""
        deadline = time.monotonic() + seconds
        with self.lock:
            while self.revision <= since and not self.stopping:
                left = deadline - time.monotonic()
                if left <= 0:
                    return
                self.changed.wait(left)

    def stop(self) -> None:
        """Ends all long polls."""
        with self.lock:
            self.stopping = True
            self.changed.notify_all()

    def accept_truth(self, report: dict[str, Any]) -> None:
        """Replaces what was observed of instances and targets with the daemon's newest report."""
        with self.lock:
            self.instances = dict(report.get("instances") or {})
            self.targets = dict(report.get("targets") or {})
            self.truth_revision = report.get("revision")
            self.truth_received_at = now_ms()
            seconds = report.get("validSeconds")
            self.truth_valid_until = None if seconds is None else now_ms() + int(float(seconds) * 1000)
            for instance_id, truth in self.instances.items():
                if truth.get("logFile"):
                    self.log_files[instance_id] = str(truth["logFile"])

    def truth_expired(self) -> bool:
        """True when the daemon promised a newer report by now and none came."""
        return self.truth_valid_until is not None and now_ms() > self.truth_valid_until

    def instance_truth(self, instance_id: str) -> dict[str, Any] | None:
        """What the daemon last said of an instance's process, or None where it has said nothing."""
        return None if self.truth_expired() else self.instances.get(instance_id)

    def target_truth(self, group_arn: str, target: dict[str, Any]) -> dict[str, Any] | None:
        """What the daemon last said of a registered target; None where that is older than its registration.

        The health of an earlier registration of the same instance must never pass for that of this one.
        """
        if self.truth_revision is not None:
            stale = self.truth_revision < int(target.get("Revision", 0))
        else:
            registered_at = int(target.get("RegisteredAt", 0))
            stale = self.truth_received_at < registered_at and now_ms() < registered_at + SEEN_AFTER_MS
        return None if stale else self.targets.get(group_arn, {}).get(target["Id"])

    def set_faults(self, faults: list[dict[str, Any]]) -> None:
        """Replaces the injected faults."""
        with self.lock:
            self.faults = faults
            self.faults_changed_at = now_ms()

    def latency_seconds(self) -> float:
        """The delay to add to each AWS call."""
        added = [
            float(fault.get("milliseconds", 0)) for fault in self.faults if fault.get("kind") == "latency"
        ]
        return sum(added) / 1000

    def metrics_delay_seconds(self) -> float:
        """How long metrics are under way until CloudWatch shows them."""
        late = [fault for fault in self.faults if fault.get("kind") == "late-metrics"]
        return sum(float(fault.get("seconds", 0)) for fault in late)

    def minute_metrics(self) -> bool:
        """Whether metrics come once a minute and for whole minutes, as those of a real load balancer."""
        return any(fault.get("kind") == "minute-metrics" for fault in self.faults)

    def capacity_fault(self, group: str, region: str) -> dict[str, Any] | None:
        """The capacity error injected for this Auto Scaling group, if there is one."""
        for fault in self.faults:
            if fault.get("kind") != "capacity-error":
                continue
            if fault.get("autoScalingGroup") not in (None, group) or fault.get("region") not in (
                None,
                region,
            ):
                continue
            return fault
        return None

    def quota(self, code: str, region: str, value: float) -> float:
        """A quota or limit by its code or name: as a fault says, otherwise the given value."""
        for fault in self.faults:
            if fault.get("kind") == "quota" and fault.get("code") == code:
                if fault.get("region") in (None, region):
                    return float(fault.get("value", value))
        return value

    def addresses_taken(self, subnet: str) -> int:
        """How many more addresses of a subnet somebody else has."""
        taken = [fault for fault in self.faults if fault.get("kind") == "addresses-taken"]
        return sum(int(fault.get("count", 0)) for fault in taken if fault.get("subnet") in (None, subnet))

    def copy_state(self, region: str) -> str | None:
        """The state that copies of images are said to stay in, or None where they become available."""
        for fault in self.faults:
            if fault.get("kind") == "image-copies" and fault.get("region") in (None, region):
                return str(fault.get("state"))
        return None

    def denial(self, service: str, action: str) -> str | None:
        """What an AWS call that is not allowed is answered, or None where it is."""
        for fault in self.faults:
            if fault.get("kind") == "denied" and fault.get("action") == f"{service}:{action}":
                return str(fault.get("message") or f"You are not authorized to perform: {service}:{action}.")
        return None

    def record_call(self, call: dict[str, Any]) -> None:
        """Adds a served AWS call to the ring that /_bascule/calls answers from."""
        with self.lock:
            self.calls.append(call)
            self.call_count += 1

    def calls_since(self, since: int) -> tuple[int, list[dict[str, Any]]]:
        """The number to ask with next time, and the calls served since `since`."""
        with self.lock:
            first_kept = self.call_count - len(self.calls)
            skip = max(0, since - first_kept)
            return self.call_count, list(self.calls)[skip:]
