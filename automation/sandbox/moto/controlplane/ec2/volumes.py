"""Volumes of an instance: a mapping without a size takes the image's, as in EC2; moto asks for one."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.instances import Instance
from moto.ec2.responses.instances import InstanceResponse

add_block_device = Instance.add_block_device
parse_block_device_mapping = InstanceResponse._parse_block_device_mapping


def with_image_size(
    instance: Any,
    size: int | None,
    device_path: str,
    snapshot_id: str | None = None,
    *more: Any,
    **named: Any,
) -> None:
    if size is None and snapshot_id is None:
        image = instance.ec2_backend.amis.get(instance.image_id)
        if image is not None:
            size = image.ebs_snapshot.volume.size
    add_block_device(instance, size, device_path, snapshot_id, *more, **named)


def with_image_snapshot(response: Any) -> list[dict[str, Any]]:
    """Of RunInstances: a mapping of the root device takes from the image what it does not say."""
    image = response.ec2_backend.amis.get(response._get_param("ImageId"))
    for mapping in response._get_param("BlockDeviceMappings", []):
        ebs = mapping.get("Ebs", {})
        if image is not None and mapping.get("DeviceName") == image.root_device_name:
            if not ebs.get("SnapshotId") and not ebs.get("VolumeSize"):
                ebs["SnapshotId"] = image.ebs_snapshot.id
    return parse_block_device_mapping(response)


def install() -> None:
    """Puts these in place of moto's."""
    Instance.add_block_device = with_image_size
    InstanceResponse._parse_block_device_mapping = with_image_snapshot
