"""Parts of the Auto Scaling API that moto leaves out or cuts short."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult

from .activities import ScalingActivity

_create = AutoScalingResponse.create_auto_scaling_group
_update = AutoScalingResponse.update_auto_scaling_group

DEFAULT_PAGE = 100
# Fields that AWS stores and shows, and moto's operations do not take: API name -> attribute.
STORED = {
    "DefaultCooldown": "default_cooldown",
    "PlacementGroup": "placement_group",
    "TerminationPolicies": "termination_policies",
    "CapacityRebalance": "capacity_rebalance",
    "MaxInstanceLifetime": "max_instance_lifetime",
    "DefaultInstanceWarmup": "default_instance_warmup",
    "InstanceMaintenancePolicy": "instance_maintenance_policy",
    "DesiredCapacityType": "desired_capacity_type",
    "Context": "context",
}


def store_rest(response: Any) -> None:
    group = response.autoscaling_backend.autoscaling_groups[response._get_param("AutoScalingGroupName")]
    for name, attribute in STORED.items():
        value = response._get_param(name)
        if value is not None:
            setattr(group, attribute, value)


def create_auto_scaling_group(response: Any) -> ActionResult:
    result = _create(response)
    store_rest(response)
    return result


def update_auto_scaling_group(response: Any) -> ActionResult:
    group = response.autoscaling_backend.autoscaling_groups.get(response._get_param("AutoScalingGroupName"))
    if group is not None and group.status:
        raise AutoscalingClientError("ScalingActivityInProgress", "The group is being deleted.")
    result = _update(response)
    store_rest(response)
    return result


def delete_auto_scaling_group(response: Any) -> ActionResult:
    response.autoscaling_backend.delete_auto_scaling_group(
        response._get_param("AutoScalingGroupName"), force=response._get_bool_param("ForceDelete", False)
    )
    return EmptyResult()


def set_instance_health(response: Any) -> ActionResult:
    status = response._get_param("HealthStatus")
    if status not in ("Healthy", "Unhealthy"):
        raise ValidationError("Valid instance health states are: [Healthy, Unhealthy].")
    respect = response._get_bool_param("ShouldRespectGracePeriod", True)
    response.autoscaling_backend.set_instance_health(response._get_param("InstanceId"), status, respect)
    return EmptyResult()


def describe_scaling_activities(response: Any) -> ActionResult:
    """Activities of one group or all, newest first, in pages."""
    name = response._get_param("AutoScalingGroupName")
    wanted = response._get_param("ActivityIds", [])
    groups = response.autoscaling_backend.autoscaling_groups
    if name and name not in groups:
        raise ValidationError(f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
    chosen = [groups[name]] if name else list(groups.values())
    found: list[ScalingActivity] = [activity for group in chosen for activity in group.activities]
    if wanted:
        found = [activity for activity in found if activity.activity_id in wanted]
    found.sort(key=lambda activity: activity.start_time, reverse=True)
    start = after(found, response._get_param("NextToken"))
    size = min(int(response._get_param("MaxRecords", DEFAULT_PAGE)), DEFAULT_PAGE)
    page = found[start : start + size]
    more = len(found) > start + size
    return ActionResult({"Activities": page, "NextToken": page[-1].activity_id if more else None})


def after(found: list[ScalingActivity], token: Any) -> int:
    if not token:
        return 0
    for index, activity in enumerate(found):
        if activity.activity_id == token:
            return index + 1
    raise AutoscalingClientError("InvalidNextToken", "The NextToken value is not valid.")


def install() -> None:
    """Puts these operations in place of moto's."""
    AutoScalingResponse.create_auto_scaling_group = create_auto_scaling_group
    AutoScalingResponse.update_auto_scaling_group = update_auto_scaling_group
    AutoScalingResponse.delete_auto_scaling_group = delete_auto_scaling_group
    AutoScalingResponse.set_instance_health = set_instance_health
    AutoScalingResponse.describe_scaling_activities = describe_scaling_activities
