"""RegisterImage and CopyImage as AWS has them; moto's drop the tags, and most else but the name."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import ec2_backends
from moto.ec2.responses.amis import AmisResponse

# API name -> attribute of moto's image.
STORED = {
    "Architecture": "architecture",
    "RootDeviceName": "root_device_name",
    "VirtualizationType": "virtualization_type",
    "ImageLocation": "image_location",
    "BootMode": "boot_mode",
    "SriovNetSupport": "sriov",
}


def register_image(response: Any) -> ActionResult:
    backend = response.ec2_backend
    name = response._get_param("Name")
    response.error_on_dryrun()
    for image in backend.amis.values():
        if image.name == name and image.owner_id == backend.account_id:
            raise EC2ClientError(
                "InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI {image.id}"
            )
    image = backend.register_image(name, response._get_param("Description", ""))
    for parameter, attribute in STORED.items():
        value = response._get_param(parameter)
        if value:
            setattr(image, attribute, value)
    add_specified_tags(response, image)
    return ActionResult({"ImageId": image.id})


def copy_image(response: Any) -> ActionResult:
    """As on AWS: tags come along only when asked for; a client token seen before copies nothing."""
    backend = response.ec2_backend
    source_id, region = response._get_param("SourceImageId"), response._get_param("SourceRegion")
    response.error_on_dryrun()
    token = response._get_param("ClientToken")
    for image in backend.amis.values():
        if token and getattr(image, "client_token", None) == token:
            return ActionResult({"ImageId": image.id})
    name, description = response._get_param("Name"), response._get_param("Description")
    image = backend.copy_image(source_id, region, name, description)
    image.client_token = token
    if response._get_bool_param("CopyImageTags", False):
        image.add_tags(dict(ec2_backends[backend.account_id][region].tags.get(source_id, {})))
    add_specified_tags(response, image)
    return ActionResult({"ImageId": image.id})


def add_specified_tags(response: Any, image: Any) -> None:
    for specification in response._get_param("TagSpecifications", []):
        tags = {tag["Key"]: tag["Value"] for tag in specification.get("Tags", [])}
        resource = image if specification.get("ResourceType") == "image" else image.ebs_snapshot
        resource.add_tags(tags)


def install() -> None:
    """Puts these operations in place of moto's."""
    AmisResponse.register_image = register_image
    AmisResponse.copy_image = copy_image
