"""Volumes of an instance: a mapping without a size takes the image's, as in EC2; moto asks for one."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.instances import Instance

add_block_device = Instance.add_block_device


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


def install() -> None:
    """Puts this in place of moto's."""
    Instance.add_block_device = with_image_size
