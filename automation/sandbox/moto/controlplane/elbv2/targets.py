"""Targets: registration, draining, and health as the daemon observed it."""

from __future__ import annotations

from typing import Any

from moto.elbv2.exceptions import (
    ELBClientError,
    InvalidTargetError,
    TargetGroupNotFoundError,
    TargetNotRunning,
)
from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, FakeTargetGroup, elbv2_backends

from ..world import World, now_ms

NOT_IN_USE = "Target group is not configured to receive traffic from the load balancer"
DRAINING = "Target deregistration is in progress"
REGISTERING = "Target registration is in progress"
STOPPED = "Target is in the stopped state"
NOT_REGISTERED = "Target is not registered to the target group"
NO_REPORT = "Target health is unavailable due to an internal error"


def used_target_groups(backend: Any) -> set[str]:
    """ARNs of the target groups that a listener or rule of the region names."""
    used: set[str] = set()
    for balancer in backend.load_balancers.values():
        for listener in balancer.listeners.values():
            for rule in listener.rules.values():
                for action in rule.actions:
                    used.update(named_in(action.data))
    return used


def named_in(action: dict[str, Any]) -> list[str]:
    """ARNs of the target groups that an action forwards to."""
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
    single = [action["TargetGroupArn"]] if action.get("TargetGroupArn") else []
    return single + [group["TargetGroupArn"] for group in groups]


def region_of(group: Any) -> Any:
    return elbv2_backends[group.account_id][group.region_name]


def register(world: World, group: Any, targets: list[dict[str, Any]]) -> None:
    """Adds targets; one that is already registered keeps the time of its registration."""
    for target in targets:
        instance = group.ec2_backend.get_instance_by_id(target["Id"])
        if group.target_type == "instance" and instance is None:
            raise ELBClientError("InvalidTarget", f"The following targets are not valid: '{target['Id']}'")
        if instance is not None and instance.state != "running":
            raise TargetNotRunning(instance_id=target["Id"])
        port = int(target.get("Port") or group.port)
        known = group.targets.get(target["Id"])
        if known is None:
            # The state that the daemon reads next has this revision; what it reports of an older one is not
            # about this registration.
            known = {"Id": target["Id"], "RegisteredAt": now_ms(), "Revision": world.revision + 1}
            group.targets[target["Id"]] = known
        known["Port"] = port
        group.deregistered_targets.pop(target["Id"], None)


def deregister(group: Any, target_id: str) -> int:
    """Begins draining a target and returns when that is over (Unix ms); a stranger is over at once."""
    target = group.targets.pop(target_id, None)
    if target is None:
        draining = group.deregistered_targets.get(target_id)
        return int(draining["Until"]) if draining else now_ms()
    now = now_ms()
    delay = int(group.attributes.get("deregistration_delay.timeout_seconds", 300)) * 1000
    until = now + delay if group.arn in used_target_groups(region_of(group)) else now
    if until > now:
        group.deregistered_targets[target_id] = {**target, "DeregisteredAt": now, "Until": until}
    return until


def forget_drained(group: Any) -> bool:
    """Drops targets whose deregistration delay is over; true when there were any."""
    over = [key for key, target in group.deregistered_targets.items() if target.get("Until", 0) <= now_ms()]
    for key in over:
        del group.deregistered_targets[key]
    return bool(over)


def state_of(world: World, group: Any, target_id: str) -> str | None:
    """The health of a registered target by its AWS name; None when it is not registered."""
    target = group.targets.get(target_id)
    if target is None:
        return None
    if group.arn not in used_target_groups(region_of(group)):
        return "unused"
    truth = world.target_truth(group.arn, target)
    return "initial" if truth is None or world.truth_expired() else str(truth["state"])


def health(world: World, group: Any, target: dict[str, Any], used: bool) -> FakeHealthStatus:
    """What DescribeTargetHealth says of one target."""
    registered = group.targets.get(target["Id"])
    draining = group.deregistered_targets.get(target["Id"])
    known = registered or draining
    port = int((known or target).get("Port") or group.port)
    checked = group.health_check_port
    check_port = str(port) if checked in (None, "traffic-port") else str(checked)

    def status(state: str, reason: str | None = None, description: str | None = None) -> FakeHealthStatus:
        return FakeHealthStatus(target["Id"], str(port), check_port, state, reason, description)

    if registered is None:
        if draining is not None and draining["Until"] > now_ms():
            return status("draining", "Target.DeregistrationInProgress", DRAINING)
        return status("unused", "Target.NotRegistered", NOT_REGISTERED)
    instance = group.ec2_backend.get_instance_by_id(target["Id"])
    if instance is not None and instance.state != "running":
        return status("unused", "Target.InvalidState", STOPPED.replace("stopped", instance.state))
    if not used:
        return status("unused", "Target.NotInUse", NOT_IN_USE)
    if world.truth_expired():
        return status("unavailable", "Elb.InternalError", NO_REPORT)
    truth = world.target_truth(group.arn, registered)
    if truth is None:
        return status("initial", "Elb.RegistrationInProgress", REGISTERING)
    return status(truth["state"], truth.get("reason"), truth.get("description"))


def install(world: World) -> None:
    """Makes moto's target groups drain, and report the daemon's observations."""

    def describe_target_health(
        backend: Any, target_group_arn: str, targets: list[dict[str, Any]]
    ) -> list[FakeHealthStatus]:
        group = backend.target_groups.get(target_group_arn)
        if group is None:
            raise TargetGroupNotFoundError()
        forget_drained(group)
        asked = targets or [*group.targets.values(), *group.deregistered_targets.values()]
        used = group.arn in used_target_groups(backend)
        return [health(world, group, target, used) for target in asked]

    def deregister_all(group: Any, targets: list[dict[str, Any]]) -> None:
        for target in targets:
            if target["Id"] not in group.targets and target["Id"] not in group.deregistered_targets:
                raise InvalidTargetError()
        for target in targets:
            deregister(group, target["Id"])

    def deregister_terminated(group: Any, instance_ids: list[str]) -> None:
        for instance_id in instance_ids:
            deregister(group, instance_id)

    def load_balancer_arns(group: Any) -> list[str]:
        balancers = region_of(group).load_balancers.values()
        return [b.arn for b in balancers if group.arn in used_by(b)]

    FakeTargetGroup.register = lambda group, targets: register(world, group, targets)
    FakeTargetGroup.deregister = deregister_all
    FakeTargetGroup.deregister_terminated_instances = deregister_terminated
    # moto only ever adds to its own list, and a target group whose listener was deleted would seem used.
    FakeTargetGroup.load_balancer_arns = property(load_balancer_arns, lambda group, value: None)
    ELBv2Backend.describe_target_health = describe_target_health


def used_by(balancer: Any) -> set[str]:
    actions = (
        action.data
        for listener in balancer.listeners.values()
        for rule in listener.rules.values()
        for action in rule.actions
    )
    return {arn for action in actions for arn in named_in(action)}
