"""One pass over an Auto Scaling group: launch, put into service, judge, take out of service, terminate."""

from __future__ import annotations

from typing import Any

from moto.core.exceptions import ServiceException
from moto.elbv2.models import elbv2_backends

from ..elbv2 import targets
from ..world import World, now_ms
from . import activities
from .group import Member, SandboxGroup
from .launch import launch

FIRST_RETRY_MS = 5_000
LONGEST_RETRY_MS = 60_000
# Auto Scaling looks at health from time to time: what is wrong with a target can be read before it leaves.
REPLACEMENT_DELAY_MS = 2_000

EC2_GONE = "an EC2 health check indicating it has been terminated or stopped"
EC2_IMPAIRED = "EC2 instance status checks failure"
ELB_UNHEALTHY = "an ELB system health check failure"
USER_UNHEALTHY = "a user health-check"


def reconcile_group(world: World, group: SandboxGroup) -> bool:
    """Takes each step that is due now; true when something changed. Needs the world's lock."""
    steps = (put_into_service, judge_health, replace_unhealthy, scale_in, scale_out, finish_terminations)
    changed = False
    for step in steps:
        changed = step(world, group) or changed
    if len(group.counted()) == group.desired_capacity:
        # What is launched from now on replaces something, and has a cause of its own.
        group.capacity_cause = ""
    if group.status and not group.instance_states:
        group.autoscaling_backend.autoscaling_groups.pop(group.name, None)
        changed = True
    return changed


def put_into_service(world: World, group: SandboxGroup) -> bool:
    """Pending instances whose process was started are in service, and targets from then on."""
    changed = False
    for member in group.instance_states:
        if member.lifecycle_state != "Pending" or not started(world, member):
            continue
        member.lifecycle_state = "InService"
        member.in_service_at = now_ms()
        if member.activity is not None:
            member.activity.succeed()
        if group.runs("AddToLoadBalancer"):
            for target_group in attached(group):
                targets.register(world, target_group, [{"Id": member.instance.id}])
        changed = True
    return changed


def started(world: World, member: Member) -> bool:
    truth = world.instance_truth(member.instance.id)
    if truth is None:
        return False
    # A process that exited had been started: the instance boots, and its health is judged afterwards.
    return truth.get("process") in ("running", "exited") or truth.get("pid") is not None


def judge_health(world: World, group: SandboxGroup) -> bool:
    """Marks instances that a health check found unhealthy."""
    if not group.runs("HealthCheck"):
        return False
    changed = False
    for member in group.counted():
        if member.health_status != "Healthy":
            continue
        cause = health_failure(world, group, member)
        if cause is not None:
            member.health_status, member.unhealthy_cause = "Unhealthy", cause
            member.unhealthy_at = None if cause == EC2_GONE else now_ms()
            changed = True
    return changed


def health_failure(world: World, group: SandboxGroup, member: Member) -> str | None:
    if member.instance.state != "running":
        return EC2_GONE
    grace_ms = int(group.health_check_grace_period or 0) * 1000
    if member.in_service_at is None or now_ms() < member.in_service_at + grace_ms:
        return None
    truth = world.instance_truth(member.instance.id)
    if truth is not None and truth.get("process") == "exited":
        return EC2_IMPAIRED
    if "ELB" in (group.health_check_type or ""):
        for target_group in attached(group):
            if targets.state_of(world, target_group, member.instance.id) == "unhealthy":
                return ELB_UNHEALTHY
    return None


def replace_unhealthy(world: World, group: SandboxGroup) -> bool:
    if not (group.runs("ReplaceUnhealthy") and group.runs("Terminate")):
        return False
    unhealthy = [member for member in group.counted() if replacement_due(member)]
    for member in unhealthy:
        why = member.unhealthy_cause or USER_UNHEALTHY
        begin_termination(group, member, f"was taken out of service in response to {why}.")
    return bool(unhealthy)


def replacement_due(member: Member) -> bool:
    if member.health_status == "Healthy":
        return False
    return member.unhealthy_at is None or now_ms() >= member.unhealthy_at + REPLACEMENT_DELAY_MS


def scale_in(world: World, group: SandboxGroup) -> bool:
    size = len(group.counted())
    surplus = size - group.desired_capacity
    if surplus <= 0 or not group.runs("Terminate"):
        return False
    victims = group.victims(surplus)
    for member in victims:
        begin_termination(
            group,
            member,
            "was taken out of service in response to a difference between desired and actual capacity, "
            f"shrinking the capacity from {size} to {size - len(victims)}.  "
            f"At {activities.stamp()} instance {member.instance.id} was selected for termination.",
            group.capacity_cause,
        )
    return bool(victims)


def scale_out(world: World, group: SandboxGroup) -> bool:
    size = len(group.counted())
    missing = group.desired_capacity - size
    if missing <= 0 or group.status or not group.runs("Launch"):
        return False
    if now_ms() < group.launch_retry_at and world.faults_changed_at < group.launch_retry_at - retry_ms(group):
        return False
    cause = launch_cause(group, size)
    for _ in range(missing):
        try:
            launch(world, group, cause)
        except ServiceException as error:
            group.launch_failures += 1
            group.launch_retry_at = now_ms() + retry_ms(group)
            activities.launch_failed(group, launch_error(error.message), cause)
            return True
    group.launch_failures = 0
    return True


def launch_cause(group: SandboxGroup, size: int) -> str:
    if not group.capacity_cause:
        why = "an unhealthy instance needing to be replaced."
        return f"At {activities.stamp()} an instance was launched in response to {why}"
    growth = f"increasing the capacity from {size} to {group.desired_capacity}."
    return (
        f"{group.capacity_cause}At {activities.stamp()} an instance was started in response to a difference "
        f"between desired and actual capacity, {growth}"
    )


def retry_ms(group: SandboxGroup) -> int:
    return min(FIRST_RETRY_MS * 2 ** max(0, group.launch_failures - 1), LONGEST_RETRY_MS)


def launch_error(message: str) -> str:
    suffix = "Launching EC2 instance failed."
    return message if message.endswith(suffix) else f"{message.rstrip('.')}. {suffix}"


def begin_termination(
    group: SandboxGroup, member: Member, sentence: str, lead: str = ""
) -> activities.ScalingActivity:
    """Takes an instance out of its target groups; it is terminated when these have let go of it."""
    if member.activity is not None and member.activity.end_time is None:
        member.activity.cancel(f"Instance {member.instance.id} was terminated before it was in service.")
    cause = f"{lead}At {activities.stamp()} an instance {sentence}"
    member.activity = activities.terminating(group, member.instance.id, cause)
    member.lifecycle_state = "Terminating"
    member.drained_at = now_ms()
    for target_group in attached(group):
        until = targets.deregister(target_group, member.instance.id)
        if member.instance.state == "running" and not group.force_deleted:
            member.drained_at = max(member.drained_at, until)
    if member.drained_at > now_ms():
        member.activity.to("WaitingForELBConnectionDraining", 50)
    return member.activity


def finish_terminations(world: World, group: SandboxGroup) -> bool:
    due = [
        m
        for m in group.instance_states
        if m.lifecycle_state == "Terminating" and (m.drained_at or 0) <= now_ms()
    ]
    for member in due:
        if member.instance.state != "terminated":
            group.ec2_backend.terminate_instances([member.instance.id])
        if member.activity is not None:
            member.activity.succeed()
        group.instance_states.remove(member)
    return bool(due)


def attached(group: SandboxGroup) -> list[Any]:
    """The group's target groups, without those that were deleted since."""
    backend = elbv2_backends[group.account_id][group.region]
    found = (backend.target_groups.get(arn) for arn in group.target_group_arns)
    return [target_group for target_group in found if target_group is not None]
