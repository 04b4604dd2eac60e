"""Brings Auto Scaling groups and target groups to where they ought to be, from what was observed."""

from __future__ import annotations

import sys
import threading
import time
import traceback

from moto.autoscaling.models import autoscaling_backends
from moto.ec2.models import ec2_backends
from moto.elbv2.models import elbv2_backends

from .autoscaling.group import SandboxGroup
from .autoscaling.lifecycle import reconcile_group
from .cloudwatch.alarms import Alarms
from .elbv2.targets import forget_drained
from .world import World, now_ms

INTERVAL_SECONDS = 0.25
# EC2 shows a terminated instance for about an hour.
TERMINATED_KEPT_MS = 3600 * 1000


class Reconciler:
    """Runs after each call and report that may matter, and every INTERVAL_SECONDS for what time brings."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.alarms = Alarms(world)
        self.thread: threading.Thread | None = None

    def start(self) -> None:
        self.thread = threading.Thread(target=self.loop, name="reconcile", daemon=True)
        self.thread.start()

    def loop(self) -> None:
        while not self.world.stopping:
            time.sleep(INTERVAL_SECONDS)
            with self.world.lock:
                if self.run():
                    self.world.bump()
                self.alarms.run()

    def run(self) -> bool:
        """One pass over all accounts and regions; true when something changed. Needs the world's lock."""
        changed = False
        for _, _, backend in list(autoscaling_backends.iter_backends()):
            for group in list(backend.autoscaling_groups.values()):
                changed = self.reconcile(group) or changed
        for _, _, elbv2 in list(elbv2_backends.iter_backends()):
            for target_group in elbv2.target_groups.values():
                changed = forget_drained(target_group) or changed
        changed = forget_terminated() or changed
        if changed:
            self.world.touch("autoscaling")
        return changed

    def reconcile(self, group: SandboxGroup) -> bool:
        try:
            return reconcile_group(self.world, group)
        except Exception:
            print(f"sandbox control plane: Auto Scaling group {group.name}:", file=sys.stderr)
            traceback.print_exc(file=sys.stderr)
            return False


def forget_terminated() -> bool:
    """Drops instances that were terminated long ago, as EC2 does."""
    changed = False
    for _, _, backend in list(ec2_backends.iter_backends()):
        for reservation_id, reservation in list(backend.reservations.items()):
            old = [i for i in reservation.instances if _long_gone(i)]
            if not old:
                continue
            changed = True
            reservation.instances = [i for i in reservation.instances if i not in old]
            if not reservation.instances:
                del backend.reservations[reservation_id]
    return changed


def _long_gone(instance: object) -> bool:
    terminated_at = getattr(instance, "terminated_at", None)
    return terminated_at is not None and now_ms() - terminated_at > TERMINATED_KEPT_MS
