"""The Auto Scaling API's operations on sandbox groups; replaces those of moto's backend."""

from __future__ import annotations

from typing import Any

from moto.autoscaling import models
from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.models import AutoScalingBackend

from ..elbv2 import targets
from ..world import World, now_ms
from . import activities
from .group import PROCESSES, Member, SandboxGroup
from .lifecycle import attached, begin_termination

_world: World | None = None
_create = AutoScalingBackend.create_auto_scaling_group
_put_policy = AutoScalingBackend.put_scaling_policy


def group_named(backend: Any, name: str) -> SandboxGroup:
    group = backend.autoscaling_groups.get(name)
    if group is None or group.status:
        raise ValidationError("AutoScalingGroup name not found - null")
    return group


def member_with(backend: Any, instance_id: str) -> tuple[SandboxGroup, Member]:
    for group in backend.autoscaling_groups.values():
        member = group.member(instance_id)
        if member is not None:
            return group, member
    raise ValidationError(f"Instance Id not found - No managed instance found for instance ID: {instance_id}")


def create_auto_scaling_group(backend: Any, **fields: Any) -> SandboxGroup:
    name = fields["name"]
    if name in backend.autoscaling_groups:
        raise AutoscalingClientError(
            "AlreadyExists",
            f"AutoScalingGroup by this name already exists - A group with the name {name} already exists",
        )
    for arn in fields.get("target_group_arns") or []:
        if arn not in backend.elbv2_backend.target_groups:
            raise ValidationError(
                "Provided Target Groups may not be valid. Please ensure they exist and try again."
            )
    group: SandboxGroup = _create(backend, **fields)
    # moto turns an absent grace period into 300 s; the API's own default is 0.
    group.health_check_grace_period = int(fields.get("health_check_period") or 0)
    return refuse_missing_image(backend, group)


def refuse_missing_image(backend: Any, group: SandboxGroup) -> SandboxGroup:
    if group.image_id in backend.ec2_backend.amis:
        return group
    backend.autoscaling_groups.pop(group.name, None)
    raise ValidationError(
        f"You must use a valid fully-formed launch template. The image id '[{group.image_id}]' does not exist"
    )


def delete_auto_scaling_group(backend: Any, group_name: str, force: bool = False) -> None:
    group = backend.autoscaling_groups.get(group_name)
    if group is None:
        raise ValidationError(f"AutoScalingGroup name not found - AutoScalingGroup '{group_name}' not found")
    if group.instance_states and not force:
        raise AutoscalingClientError(
            "ResourceInUse",
            "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance "
            "request(s) still in the group.",
        )
    group.status, group.force_deleted = "Delete in progress", True
    group.desired_capacity = group.min_size = 0
    for member in list(group.instance_states):
        if member.lifecycle_state == "Terminating":
            member.drained_at = now_ms()
        else:
            begin_termination(group, member, "was taken out of service in response to a user request.")


def set_desired_capacity(backend: Any, group_name: str, desired_capacity: int | None) -> None:
    group = group_named(backend, group_name)
    wanted = int(desired_capacity or 0)
    if wanted > group.max_size:
        limit = f"above max value {group.max_size}"
    elif wanted < group.min_size:
        limit = f"below min value {group.min_size}"
    else:
        group.change_capacity(wanted, "a user request explicitly set group desired capacity")
        return
    raise ValidationError(f"New SetDesiredCapacity value {wanted} is {limit} for the AutoScalingGroup.")


def set_instance_health(
    backend: Any, instance_id: str, health_status: str, respect_grace: bool = True
) -> None:
    group, member = member_with(backend, instance_id)
    grace_ms = int(group.health_check_grace_period or 0) * 1000
    in_grace = member.in_service_at is None or now_ms() < member.in_service_at + grace_ms
    if health_status == "Unhealthy" and respect_grace and in_grace and grace_ms:
        return
    member.health_status, member.unhealthy_cause = health_status, None


def terminate_instance(backend: Any, instance_id: str, should_decrement: bool) -> activities.ScalingActivity:
    group, member = member_with(backend, instance_id)
    lead = ""
    if should_decrement:
        lower_capacity(group, 1)
        lead = f", shrinking the capacity from {group.desired_capacity + 1} to {group.desired_capacity}"
    return begin_termination(group, member, f"was taken out of service in response to a user request{lead}.")


def lower_capacity(group: SandboxGroup, count: int) -> None:
    if group.desired_capacity - count < group.min_size:
        raise ValidationError(
            f"Currently, desiredSize equals minSize ({group.min_size}). Terminating instance without "
            "replacement will violate group's min size constraint. Either set "
            "shouldDecrementDesiredCapacity flag to false or lower group's min size."
        )
    group.desired_capacity -= count


def detach_instances(
    backend: Any, group_name: str, instance_ids: list[str], should_decrement: bool
) -> list[activities.ScalingActivity]:
    group = group_named(backend, group_name)
    if should_decrement:
        lower_capacity(group, len(instance_ids))
    done = []
    for instance_id in instance_ids:
        _, member = member_with(backend, instance_id)
        leave_target_groups(group, instance_id)
        backend.ec2_backend.delete_tags([instance_id], {models.ASG_NAME_TAG: group.name})
        group.instance_states.remove(member)
        done.append(finished(group, f"Detaching EC2 instance: {instance_id}", "was detached", instance_id))
    return done


def attach_instances(backend: Any, group_name: str, instance_ids: list[str]) -> None:
    group = group_named(backend, group_name)
    if len(group.counted()) + len(instance_ids) > group.max_size:
        raise ValidationError(
            f"AutoScalingGroup {group_name} cannot have more than {group.max_size} instances (its MaxSize)."
        )
    for instance_id in instance_ids:
        instance = backend.ec2_backend.get_instance(instance_id)
        instance.autoscaling_group = group
        backend.ec2_backend.create_tags([instance_id], {models.ASG_NAME_TAG: group.name})
        group.instance_states.append(Member(instance, group, None))
        group.desired_capacity += 1


def enter_standby(
    backend: Any, group_name: str, instance_ids: list[str], should_decrement: bool
) -> list[activities.ScalingActivity]:
    group = group_named(backend, group_name)
    if should_decrement:
        lower_capacity(group, len(instance_ids))
    done = []
    for instance_id in instance_ids:
        _, member = member_with(backend, instance_id)
        leave_target_groups(group, instance_id)
        member.lifecycle_state = "Standby"
        description = f"Moving EC2 instance to Standby: {instance_id}"
        done.append(finished(group, description, "was moved to standby", instance_id))
    return done


def exit_standby(backend: Any, group_name: str, instance_ids: list[str]) -> list[activities.ScalingActivity]:
    group = group_named(backend, group_name)
    done = []
    for instance_id in instance_ids:
        _, member = member_with(backend, instance_id)
        member.lifecycle_state = "Pending"
        group.desired_capacity += 1
        description = f"Moving EC2 instance out of Standby: {instance_id}"
        done.append(finished(group, description, "was moved out of standby", instance_id))
    return done


def finished(group: SandboxGroup, description: str, did: str, instance_id: str) -> activities.ScalingActivity:
    cause = f"At {activities.stamp()} instance {instance_id} {did} in response to a user request."
    activity = activities.record(group, activities.ScalingActivity(group, description, cause, instance_id))
    activity.succeed()
    return activity


def leave_target_groups(group: SandboxGroup, instance_id: str) -> None:
    for target_group in attached(group):
        targets.deregister(target_group, instance_id)


def attach_target_groups(backend: Any, group_name: str, target_group_arns: list[str]) -> None:
    assert _world is not None, "install() comes first"
    group = group_named(backend, group_name)
    for arn in target_group_arns:
        target_group = backend.elbv2_backend.target_groups.get(arn)
        if target_group is None:
            raise ValidationError(
                "Provided Target Groups may not be valid. Please ensure they exist and try again."
            )
        if arn in group.target_group_arns:
            continue
        group.target_group_arns.append(arn)
        if group.runs("AddToLoadBalancer"):
            serving = [
                {"Id": m.instance.id} for m in group.instance_states if m.lifecycle_state == "InService"
            ]
            targets.register(_world, target_group, serving)


def detach_target_groups(backend: Any, group_name: str, target_group_arns: list[str]) -> None:
    group = group_named(backend, group_name)
    for arn in target_group_arns:
        target_group = backend.elbv2_backend.target_groups.get(arn)
        if arn in group.target_group_arns:
            group.target_group_arns.remove(arn)
        for member in group.instance_states if target_group else []:
            targets.deregister(target_group, member.instance.id)


def check_processes(names: list[str]) -> list[str]:
    unknown = sorted(set(names) - set(PROCESSES))
    if unknown:
        raise ValidationError(
            f"'{unknown[0]}' is not a valid scaling process. Valid are: {', '.join(PROCESSES)}"
        )
    return list(names or PROCESSES)


def suspend_processes(backend: Any, group_name: str, scaling_processes: list[str]) -> None:
    group = group_named(backend, group_name)
    group.suspended_processes = [*group.suspended, *check_processes(scaling_processes)]


def resume_processes(backend: Any, group_name: str, scaling_processes: list[str]) -> None:
    group = group_named(backend, group_name)
    resumed = check_processes(scaling_processes)
    group.suspended_processes = [name for name in group.suspended if name not in resumed]


def put_scaling_policy(backend: Any, **fields: Any) -> Any:
    group_named(backend, fields["as_name"])
    return _put_policy(backend, **fields)


def nothing(*_: Any, **__: Any) -> None:
    """moto pushes instances into target groups and replaces them at once; the reconciler does that here."""


def install(world: World) -> None:
    """Makes moto's Auto Scaling use sandbox groups."""
    global _world
    _world = world
    models.FakeAutoScalingGroup = SandboxGroup
    for name, operation in {
        "create_auto_scaling_group": create_auto_scaling_group,
        "delete_auto_scaling_group": delete_auto_scaling_group,
        "set_desired_capacity": set_desired_capacity,
        "set_instance_health": set_instance_health,
        "terminate_instance": terminate_instance,
        "detach_instances": detach_instances,
        "attach_instances": attach_instances,
        "enter_standby_instances": enter_standby,
        "exit_standby_instances": exit_standby,
        "attach_load_balancer_target_groups": attach_target_groups,
        "detach_load_balancer_target_groups": detach_target_groups,
        "suspend_processes": suspend_processes,
        "resume_processes": resume_processes,
        "put_scaling_policy": put_scaling_policy,
        "update_attached_target_groups": nothing,
        "notify_terminate_instances": nothing,
    }.items():
        setattr(AutoScalingBackend, name, operation)
