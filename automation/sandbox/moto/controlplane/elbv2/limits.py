"""The account's limits as Elastic Load Balancing answers them."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.elbv2.responses import ELBV2Response

from ..world import World

# Defaults of the user guide, "Quotas for your Application Load Balancers".
LIMITS = {
    "application-load-balancers": 50,
    "target-groups": 3000,
    "targets-per-application-load-balancer": 1000,
    "targets-per-target-group": 1000,
    "target-groups-per-application-load-balancer": 100,
    "target-groups-per-action-on-application-load-balancer": 5,
    "listeners-per-application-load-balancer": 50,
    "rules-per-application-load-balancer": 100,
    "certificates-per-application-load-balancer": 25,
    "condition-values-per-alb-rule": 5,
    "condition-wildcards-per-alb-rule": 5,
}


def install(world: World) -> None:
    """Puts this operation in place of moto's."""

    def describe_account_limits(response: Any) -> ActionResult:
        limits = [
            {"Name": name, "Max": str(int(world.quota(name, response.region, value)))}
            for name, value in LIMITS.items()
        ]
        return ActionResult({"Limits": limits})

    ELBV2Response.describe_account_limits = describe_account_limits
