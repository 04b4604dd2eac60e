"""Free addresses of subnets, less those that a fault says somebody else has."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.subnets import Subnet

from ..world import World

_available = Subnet.available_ip_address_count


def refusal(subnet: Any) -> str | None:
    """What EC2 says to one more instance in a subnet without an address for it."""
    if subnet.available_ip_address_count > 0:
        return None
    return (
        f"There are not enough free addresses in subnet '{subnet.id}' to satisfy the requested number of "
        "instances. Launching EC2 instance failed."
    )


def install(world: World) -> None:
    """Puts this property in place of moto's."""

    def available(subnet: Any) -> int:
        return max(0, _available.fget(subnet) - world.addresses_taken(subnet.id))

    Subnet.available_ip_address_count = property(available)
