"""vCPUs of running instances against the account's quota, as EC2 counts them."""

from __future__ import annotations

import re
from typing import Any

from moto.ec2.models.instance_types import INSTANCE_TYPES

from ..world import World

STANDARD = "L-1216C47A"
STANDARD_NAME = "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"
# Far beyond what one machine runs; a fault of kind `quota` makes it small.
STANDARD_VCPUS = 1_280
STANDARD_FAMILY = re.compile(r"(a|c|d|h|i|im|is|m|r|t|z)\d")


def vcpus_of(instance_type: str) -> int:
    described = INSTANCE_TYPES.get(instance_type) or {}
    return int((described.get("VCpuInfo") or {}).get("DefaultVCpus") or 1)


def is_standard(instance_type: str) -> bool:
    return STANDARD_FAMILY.match(instance_type) is not None


def in_use(ec2_backend: Any) -> int:
    """vCPUs of this region's pending and running standard instances."""
    return sum(
        vcpus_of(instance.instance_type)
        for reservation in ec2_backend.reservations.values()
        for instance in reservation.instances
        if instance.state in ("pending", "running") and is_standard(instance.instance_type)
    )


def refusal(world: World, ec2_backend: Any, instance_type: str) -> str | None:
    """What EC2 says to one more instance when the quota has no room for it."""
    limit = int(world.quota(STANDARD, ec2_backend.region_name, STANDARD_VCPUS))
    if not is_standard(instance_type) or in_use(ec2_backend) + vcpus_of(instance_type) <= limit:
        return None
    return (
        f"You have requested more vCPU capacity than your current vCPU limit of {limit} allows for the "
        "instance bucket that the specified instance type belongs to. Please visit "
        "http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit. "
        "Launching EC2 instance failed."
    )
