"""What the real load balancer refuses and moto would accept."""

from __future__ import annotations

import re
from typing import Any

from moto.elbv2.exceptions import ActionTargetGroupNotFoundError, ELBClientError

MOST_TARGET_GROUPS = 5
HIGHEST_WEIGHT = 999
LONGEST_NAME = 32
HIGHEST_PRIORITY = 50_000
LONGEST_STICKINESS_SECONDS = 604_800
STICKINESS_CLASH = (
    "You must enable group stickiness on a rule if you enabled target stickiness on one of its target groups"
)


def check_name(name: str) -> None:
    """Load balancer names: 1 to 32 alphanumeric characters or hyphens."""
    if len(name) > LONGEST_NAME:
        raise ELBClientError(
            "ValidationError",
            f"The load balancer name '{name}' cannot be longer than '{LONGEST_NAME}' characters",
        )
    if not re.fullmatch(r"[A-Za-z0-9-]+", name) or name.startswith("-") or name.endswith("-"):
        raise ELBClientError(
            "ValidationError",
            f"The load balancer name '{name}' can only contain characters that are alphanumeric characters "
            "or hyphens(-), and must not begin or end with a hyphen",
        )
    if name.startswith("internal-"):
        raise ELBClientError(
            "ValidationError", f"The load balancer name '{name}' cannot begin with 'internal-'"
        )


def check_zones(subnets: list[Any]) -> None:
    if len({subnet.availability_zone for subnet in subnets}) < 2:
        raise ELBClientError(
            "ValidationError", "At least two subnets in two different Availability Zones must be specified"
        )


def check_priority(priority: Any) -> None:
    if not 1 <= int(priority) <= HIGHEST_PRIORITY:
        raise ELBClientError(
            "ValidationError", f"Rule priority '{priority}' must be between 1 and {HIGHEST_PRIORITY}"
        )


def check_forwards(backend: Any, actions: list[dict[str, Any]]) -> None:
    """Every forward action of a list: number, weights and existence of its target groups, and stickiness."""
    for action in actions:
        if action.get("Type") == "forward":
            check_forward(backend, action)


def check_forward(backend: Any, action: dict[str, Any]) -> None:
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
    single = action.get("TargetGroupArn")
    if not groups and not single:
        raise ELBClientError("ValidationError", "A forward action must name at least one target group")
    if len(groups) > MOST_TARGET_GROUPS:
        raise ELBClientError(
            "InvalidLoadBalancerAction",
            f"A forward action can have at most {MOST_TARGET_GROUPS} target groups, not {len(groups)}",
        )
    arns = [group["TargetGroupArn"] for group in groups]
    if len(set(arns)) != len(arns):
        raise ELBClientError("ValidationError", "A target group may appear only once in a forward action")
    for arn in [*arns, *([single] if single else [])]:
        if arn not in backend.target_groups:
            raise ActionTargetGroupNotFoundError(arn)
    if single and arns and arns != [single]:
        raise ELBClientError(
            "InvalidLoadBalancerAction",
            "If both TargetGroupArn and ForwardConfig are given, they must name the same single target group",
        )
    for group in groups:
        check_weight(group)
    check_stickiness(backend, action, arns)


def check_weight(group: dict[str, Any]) -> None:
    weight = group.get("Weight")
    if weight is not None and not 0 <= int(weight) <= HIGHEST_WEIGHT:
        raise ELBClientError(
            "ValidationError",
            f"The weight '{weight}' of target group '{group['TargetGroupArn']}' must be between 0 and "
            f"{HIGHEST_WEIGHT} inclusive",
        )


def group_stickiness(action: dict[str, Any]) -> dict[str, Any]:
    return (action.get("ForwardConfig") or {}).get("TargetGroupStickinessConfig") or {}


def is_true(value: Any) -> bool:
    return str(value).lower() == "true"


def check_stickiness(backend: Any, action: dict[str, Any], arns: list[str]) -> None:
    stickiness = group_stickiness(action)
    enabled = is_true(stickiness.get("Enabled"))
    duration = stickiness.get("DurationSeconds")
    if enabled and not 1 <= int(duration or 0) <= LONGEST_STICKINESS_SECONDS:
        raise ELBClientError(
            "ValidationError",
            f"Target group stickiness duration must be between 1 and {LONGEST_STICKINESS_SECONDS} seconds",
        )
    sticky = [arn for arn in arns if is_true(backend.target_groups[arn].attributes.get("stickiness.enabled"))]
    if len(arns) > 1 and sticky and not enabled:
        raise ELBClientError("InvalidConfigurationRequest", STICKINESS_CLASH)


def check_target_stickiness(backend: Any, target_group_arn: str, attributes: dict[str, Any]) -> None:
    """Refuses to make a target group sticky that a forward without group stickiness shares with others."""
    if not is_true(attributes.get("stickiness.enabled")):
        return
    for balancer in backend.load_balancers.values():
        for listener in balancer.listeners.values():
            for action in (a.data for rule in listener.rules.values() for a in rule.actions):
                groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
                named = target_group_arn in [group["TargetGroupArn"] for group in groups]
                if named and len(groups) > 1 and not is_true(group_stickiness(action).get("Enabled")):
                    raise ELBClientError("InvalidConfigurationRequest", STICKINESS_CLASH)
