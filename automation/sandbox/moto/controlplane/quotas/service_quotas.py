"""Service Quotas of EC2, which moto has none of."""

from __future__ import annotations

from typing import Any

from moto.servicequotas.models import ServiceQuotasBackend

from ..world import World
from . import vcpus

_get_service_quota = ServiceQuotasBackend.get_service_quota


def install(world: World) -> None:
    """Puts these operations in place of moto's."""

    def get_service_quota(backend: Any, service_code: str, quota_code: str) -> dict[str, Any]:
        if service_code != "ec2" or quota_code != vcpus.STANDARD:
            return _get_service_quota(backend, service_code, quota_code)
        return {
            "ServiceCode": "ec2",
            "ServiceName": "Amazon Elastic Compute Cloud (Amazon EC2)",
            "QuotaCode": quota_code,
            "QuotaName": vcpus.STANDARD_NAME,
            "Value": float(world.quota(quota_code, backend.region_name, vcpus.STANDARD_VCPUS)),
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }

    ServiceQuotasBackend.get_service_quota = get_service_quota
