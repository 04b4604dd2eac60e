"""Launches one instance of an Auto Scaling group from its launch template or configuration."""

from __future__ import annotations

from typing import Any

from moto.core.exceptions import ServiceException

from ..ec2 import addresses
from ..quotas import vcpus
from ..world import World
from . import activities
from .group import Member, SandboxGroup

GROUP_TAG = "aws:autoscaling:groupName"


class LaunchFailed(ServiceException):
    """EC2 would not launch the instance; the message is what the scaling activity says."""

    code = "LaunchFailed"


def launch(world: World, group: SandboxGroup, cause: str) -> Member:
    """Adds one pending instance. Raises a ServiceException with EC2's reason when there can be none."""
    subnet_id, zone = group.subnet_for_next()
    fault = world.capacity_fault(group.name, group.region)
    if fault is not None:
        zones = list(dict.fromkeys(group.availability_zones))
        message = fault.get("message") or activities.capacity_message(instance_type_of(group), zone, zones)
        raise LaunchFailed(str(message))
    check_limits(world, group, subnet_id)
    version = group.template_version() if group.ec2_launch_template else None
    check_image(group)
    instance = run_instance(group, version, subnet_id, zone)
    member = Member(instance, group, str(version.number) if version else None)
    group.instance_states.append(member)
    member.activity = activities.launching(group, instance.id, cause)
    return member


def check_limits(world: World, group: SandboxGroup, subnet_id: str | None) -> None:
    why = vcpus.refusal(world, group.ec2_backend, instance_type_of(group))
    if why is None and subnet_id is not None:
        why = addresses.refusal(group.ec2_backend.get_subnet(subnet_id))
    if why is not None:
        raise LaunchFailed(why)


def check_image(group: SandboxGroup) -> None:
    if group.image_id not in group.ec2_backend.amis:
        raise LaunchFailed(f"The image id '[{group.image_id}]' does not exist.")


def instance_type_of(group: SandboxGroup) -> str:
    overrides = ((group.mixed_instances_policy or {}).get("LaunchTemplate") or {}).get("Overrides") or []
    first = overrides[0].get("InstanceType") if overrides else None
    return str(first or group.instance_type)


def run_instance(group: SandboxGroup, version: Any, subnet_id: str | None, zone: str) -> Any:
    data: dict[str, Any] = version.data if version else {}
    interface = next(iter(data.get("NetworkInterfaces") or []), {})
    arguments: dict[str, Any] = {
        "instance_type": instance_type_of(group),
        "is_instance_type_default": False,
        "tags": {"instance": {**group.get_propagated_tags(), GROUP_TAG: group.name}},
        "placement": zone,
        "subnet_id": subnet_id,
        "region_name": group.region,
        "metadata_options": data.get("MetadataOptions") or {},
        "ebs_optimized": data.get("EbsOptimized", False),
        "monitoring_state": "enabled" if (data.get("Monitoring") or {}).get("Enabled") else "disabled",
        "associate_public_ip": interface.get("AssociatePublicIpAddress"),
        "security_group_ids": list(data.get("SecurityGroupIds") or interface.get("Groups") or []),
    }
    if version:
        template = {"LaunchTemplateId": group.ec2_launch_template.id, "Version": str(version.number)}
        arguments["launch_template"] = template
    else:
        arguments["launch_config"] = group.launch_config
        arguments["associate_public_ip"] = group.launch_config.associate_public_ip_address
    reservation = group.ec2_backend.run_instances(
        group.image_id, 1, group.user_data, list(group.security_groups), **arguments
    )
    instance = reservation.instances[0]
    instance.autoscaling_group = group
    profile = data.get("IamInstanceProfile") or {}
    if profile:
        attach_profile(group, instance, profile)
    return instance


def attach_profile(group: SandboxGroup, instance: Any, profile: dict[str, str]) -> None:
    try:
        group.ec2_backend.associate_iam_instance_profile(
            instance_id=instance.id,
            iam_instance_profile_name=profile.get("Name"),
            iam_instance_profile_arn=profile.get("Arn"),
        )
    except ServiceException as error:
        group.ec2_backend.terminate_instances([instance.id])
        named = profile.get("Name") or profile.get("Arn")
        raise LaunchFailed(f"Invalid IAM Instance Profile: {named} ({error.message}).") from error
