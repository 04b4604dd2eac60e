"""An Auto Scaling group that only records what is wanted; lifecycle.py brings it about."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import FakeAutoScalingGroup, InstanceState

from ..ec2 import addresses
from .activities import ScalingActivity, stamp

IN_GROUP = ("Pending", "InService")
PROCESSES = (
    "Launch",
    "Terminate",
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "ReplaceUnhealthy",
    "ScheduledActions",
)


class Member(InstanceState):
    """An instance of a group, and how far it has come."""

    def __init__(self, instance: Any, group: SandboxGroup, version: str | None) -> None:
        super().__init__(
            instance,
            lifecycle_state="Pending",
            protected_from_scale_in=group.new_instances_protected_from_scale_in,
            autoscaling_group=group,
        )
        template = group.ec2_launch_template
        self.launched_with = template and {
            "LaunchTemplateId": template.id,
            "LaunchTemplateName": template.name,
            "Version": version,
        }
        self.in_service_at: int | None = None
        self.drained_at: int | None = None
        self.unhealthy_cause: str | None = None
        self.unhealthy_at: int | None = None
        self.activity: ScalingActivity | None = None

    @property
    def launch_template(self) -> dict[str, Any] | None:
        """The version the instance was launched from, which an update of the group does not change."""
        return self.launched_with

    @property
    def counts(self) -> bool:
        return self.lifecycle_state in IN_GROUP


class SandboxGroup(FakeAutoScalingGroup):
    """Replaces moto's group, which launches at once and never fails, drains or heals."""

    def __init__(self, **fields: Any) -> None:
        self.activities: list[ScalingActivity] = []
        self.status: str | None = None
        self.force_deleted = False
        self.suspended: dict[str, str] = {}
        self.desired_capacity = 0
        self.capacity_cause = ""
        self.launch_retry_at = 0
        self.launch_failures = 0
        check_sizes(fields["min_size"], fields["max_size"], fields["desired_capacity"])
        super().__init__(**fields)
        # moto turns an absent grace period into 300 s; the API's own default is 0.
        self.health_check_grace_period = fields["health_check_period"] or 0

    @property
    def suspended_processes(self) -> list[dict[str, str]]:
        return [
            {"ProcessName": name, "SuspensionReason": why} for name, why in sorted(self.suspended.items())
        ]

    @suspended_processes.setter
    def suspended_processes(self, names: list[str]) -> None:
        self.suspended = {name: self.suspended.get(name, f"User suspended at {stamp()}") for name in names}

    def runs(self, process: str) -> bool:
        return process not in self.suspended

    def counted(self) -> list[Member]:
        """The instances that make up the group's capacity: neither terminating nor on standby."""
        return [member for member in self.instance_states if member.counts]

    def active_instances(self) -> list[Member]:
        return self.counted()

    def member(self, instance_id: str) -> Member | None:
        return next((m for m in self.instance_states if m.instance.id == instance_id), None)

    def set_desired_capacity(self, new_capacity: int | None) -> None:
        capacity = int(self.min_size or 0) if new_capacity is None else int(new_capacity)
        verb = "explicitly set group desired capacity" if self.activities else "created an AutoScalingGroup"
        self.change_capacity(capacity, f"a user request {verb}")

    def change_capacity(self, capacity: int, why: str) -> None:
        """Sets the desired capacity; `why` goes into the activities that follow from it."""
        if capacity != self.desired_capacity:
            change = f"from {self.desired_capacity} to {capacity}"
            self.capacity_cause = f"At {stamp()} {why} changing the desired capacity {change}.  "
        self.desired_capacity = capacity
        self.launch_retry_at = 0

    def update(self, **fields: Any) -> None:
        low = self.min_size if fields["min_size"] is None else fields["min_size"]
        high = self.max_size if fields["max_size"] is None else fields["max_size"]
        wanted = fields["desired_capacity"]
        check_sizes(low, high, wanted)
        # AWS moves the desired capacity only as far as the new limits require.
        capacity = wanted if wanted is not None else min(max(self.desired_capacity, low), high)
        self._set_azs_and_vpcs(fields["availability_zones"], fields["vpc_zone_identifier"], update=True)
        mixed = fields.get("mixed_instances_policy")
        if mixed or fields["launch_template"] or fields["launch_config_name"]:
            self.mixed_instances_policy = mixed
            if fields["launch_config_name"]:
                self.ec2_launch_template = None
        self._set_launch_configuration(fields["launch_config_name"], fields["launch_template"], mixed)
        self.min_size, self.max_size = low, high
        for name, value in (
            ("health_check_grace_period", fields["health_check_period"]),
            ("health_check_type", fields["health_check_type"]),
            ("new_instances_protected_from_scale_in", fields.get("new_instances_protected_from_scale_in")),
        ):
            if value is not None:
                setattr(self, name, value)
        limits = f"min: {low}, max: {high}, desired: {capacity}"
        self.change_capacity(capacity, f"a user request update of AutoScalingGroup constraints to {limits}")

    def template_version(self) -> Any:
        """The launch template's version in force: a number, $Latest or $Default resolved now."""
        return self.ec2_launch_template.get_version(self.launch_template_version)

    def subnet_for_next(self) -> tuple[str | None, str]:
        """Subnet and zone of the next instance: where the group has the fewest."""
        subnet_ids = self.vpc_zone_identifier.split(",") if self.vpc_zone_identifier else []
        counted = self.counted()
        if subnet_ids:
            in_subnet = {s: sum(m.instance.subnet_id == s for m in counted) for s in subnet_ids}
            chosen = min(subnet_ids, key=lambda s: (self.is_full(s), in_subnet[s]))
            return chosen, self.ec2_backend.get_subnet(chosen).availability_zone
        in_zone = {z: sum(m.instance.placement == z for m in counted) for z in self.availability_zones}
        return None, min(self.availability_zones, key=lambda zone: in_zone[zone])

    def is_full(self, subnet_id: str) -> bool:
        """Whether a subnet has no address left; Auto Scaling tries the others then."""
        return addresses.refusal(self.ec2_backend.get_subnet(subnet_id)) is not None

    def victims(self, count: int) -> list[Member]:
        """Which instances a scale-in ends: those AWS's termination policies would choose."""
        candidates = [m for m in self.counted() if not m.protected_from_scale_in]
        chosen: list[Member] = []
        while candidates and len(chosen) < count:
            zones = [m.instance.placement for m in candidates]
            victim = min(candidates, key=lambda m: (-zones.count(m.instance.placement), self.policy_key(m)))
            candidates.remove(victim)
            chosen.append(victim)
        return chosen

    def policy_key(self, member: Member) -> tuple[float, ...]:
        launched = member.instance.launch_time.timestamp()
        if "NewestInstance" in self.termination_policies:
            return (-launched,)
        if "OldestInstance" in self.termination_policies:
            return (launched,)
        version = (member.launched_with or {}).get("Version") or 0
        return (float(version), launched)


def check_sizes(low: int | None, high: int | None, desired: int | None) -> None:
    """Refuses limits and capacities that contradict each other, as AWS does."""
    if low is None or high is None:
        raise ValidationError("MinSize and MaxSize are required")
    if low > high:
        raise ValidationError(f"Max bound, {high}, must be greater than or equal to min bound, {low}")
    if desired is not None and not low <= desired <= high:
        raise ValidationError(
            f"Desired capacity:{desired} must be between the specified min size:{low} and max size:{high}"
        )
