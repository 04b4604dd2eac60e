"""What EC2 does with images beyond making them: encryption, sharing, snapshots that several have."""

from __future__ import annotations

import copy
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError, InvalidSnapshotInUse
from moto.ec2.models import ec2_backends
from moto.ec2.models.amis import Ami, AmiBackend
from moto.ec2.models.elastic_block_store import EBSBackend
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.responses.elastic_block_store import ElasticBlockStore

from ..world import World

# The key that AWS makes for EBS in each region of an account; what it encrypts cannot be shared.
AWS_KEY = "aws/ebs"


def key_arn(backend: Any, key: str) -> str:
    if key.startswith("arn:"):
        return key
    name = key if key.startswith("alias/") else f"key/{key}"
    return f"arn:aws:kms:{backend.region_name}:{backend.account_id}:{name}"


def encrypt(image: Any, key: str | None) -> None:
    snapshot = image.ebs_snapshot
    snapshot.encrypted = True
    snapshot.kms_key_id = key_arn(image.ec2_backend, key or AWS_KEY)


def refuse_unshareable(snapshot: Any) -> None:
    if snapshot.encrypted and snapshot.kms_key_id == key_arn(snapshot.ec2_backend, AWS_KEY):
        raise EC2ClientError(
            "InvalidParameter",
            "Snapshots encrypted with the AWS Managed CMK can't be shared. Specify another snapshot.",
        )


def shared_with(backend: Any) -> dict[str, Any]:
    """Other accounts' images that this one may launch; their tags are their owner's alone."""
    found = {}
    for account, region, other in ec2_backends.iter_backends():
        if region != backend.region_name or account == backend.account_id:
            continue
        for image in other.amis.values():
            if {"UserId": backend.account_id} in image.launch_permissions:
                found[image.id] = copy.copy(image)
                found[image.id].ec2_backend = backend
    return found


def users_of(backend: Any, snapshot_id: str) -> list[Any]:
    return [image for image in backend.amis.values() if image.ebs_snapshot.id == snapshot_id]


def install_copying(world: World) -> None:
    _copy = AmisResponse.copy_image
    _describe = AmiBackend.describe_images

    def copy_image(response: Any) -> ActionResult:
        answer = _copy(response)
        backend = response.ec2_backend
        image = backend.amis[answer.result["ImageId"]]
        source = ec2_backends[backend.account_id][response._get_param("SourceRegion")].amis.get(
            response._get_param("SourceImageId")
        )
        inherited = source is not None and source.ebs_snapshot.encrypted
        if response._get_bool_param("Encrypted", False) or inherited:
            encrypt(image, response._get_param("KmsKeyId"))
        image.state = world.copy_state(backend.region_name) or image.state
        return answer

    def describe_images(
        backend: Any,
        ami_ids: Any = None,
        filters: Any = None,
        exec_users: Any = None,
        owners: Any = None,
    ) -> list[Any]:
        own = backend.amis
        for image in own.values():
            if image.state == "pending" and world.copy_state(backend.region_name) != "pending":
                image.state = "available"
        # Each call holds the lock over all of this, so nobody else sees it.
        backend.amis = {**shared_with(backend), **own}
        try:
            return _describe(backend, ami_ids, filters, exec_users, owners)
        finally:
            backend.amis = own

    AmisResponse.copy_image = copy_image
    AmiBackend.describe_images = describe_images


def install_sharing() -> None:
    _share_image = AmisResponse.modify_image_attribute
    _share_snapshot = ElasticBlockStore.modify_snapshot_attribute

    def modify_image_attribute(response: Any) -> Any:
        image = response.ec2_backend.amis.get(response._get_param("ImageId"))
        if image is not None and response._get_param("LaunchPermission", {}).get("Add"):
            refuse_unshareable(image.ebs_snapshot)
        return _share_image(response)

    def modify_snapshot_attribute(response: Any) -> Any:
        if response._get_param("OperationType") == "add":
            refuse_unshareable(response.ec2_backend.get_snapshot(response._get_param("SnapshotId")))
        return _share_snapshot(response)

    AmisResponse.modify_image_attribute = modify_image_attribute
    ElasticBlockStore.modify_snapshot_attribute = modify_snapshot_attribute


def install_snapshots() -> None:
    _register = AmisResponse.register_image
    _deregister = AmisResponse.deregister_image
    _delete = EBSBackend.delete_snapshot
    _mappings = Ami.block_device_mappings.fget

    def register_image(response: Any) -> ActionResult:
        answer = _register(response)
        backend = response.ec2_backend
        image = backend.amis[answer.result["ImageId"]]
        for mapping in response._get_param("BlockDeviceMappings", []):
            snapshot_id = mapping.get("Ebs", {}).get("SnapshotId")
            if snapshot_id:
                backend.snapshots.pop(image.ebs_snapshot.id, None)
                image.ebs_snapshot = backend.get_snapshot(snapshot_id)
        return answer

    def deregister_image(response: Any) -> ActionResult:
        backend = response.ec2_backend
        image = backend.amis.get(response._get_param("ImageId"))
        answer = _deregister(response)
        # AWS keeps a snapshot that another image has, whatever is asked for.
        if image is not None and response._get_bool_param("DeleteAssociatedSnapshots", False):
            if not users_of(backend, image.ebs_snapshot.id):
                backend.snapshots.pop(image.ebs_snapshot.id, None)
        return answer

    def delete_snapshot(backend: Any, snapshot_id: str) -> Any:
        for image in users_of(backend, snapshot_id):
            raise InvalidSnapshotInUse(snapshot_id, image.id)
        return _delete(backend, snapshot_id)

    def block_device_mappings(image: Any) -> list[dict[str, Any]]:
        mappings: list[dict[str, Any]] = _mappings(image)
        for mapping in mappings:
            mapping["Ebs"]["Encrypted"] = image.ebs_snapshot.encrypted
        return mappings

    AmisResponse.register_image = register_image
    AmisResponse.deregister_image = deregister_image
    EBSBackend.delete_snapshot = delete_snapshot
    Ami.block_device_mappings = property(block_device_mappings)


def install(world: World) -> None:
    """Puts these operations in place of moto's, after those of images and disks."""
    install_copying(world)
    install_sharing()
    install_snapshots()
