"""Disks of images: a folder for each, filled by the sandbox's build machine, on which Packer provisions.

An instance that is launched with a key pair, as Packer does it, is that machine: it begins with an empty
disk, or a copy of its image's, and CreateImage keeps what was written to it. Instances of the image run it.
"""

from __future__ import annotations

import os
import shutil
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import ec2_backends
from moto.ec2.models.key_pairs import KeyPairBackend
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.responses.instances import InstanceResponse

from ..world import World

BUNDLE_TAG = "bascule:bundle"
# The key pair of the build machine; it exists in every region.
KEY_PAIR = "bascule-build-machine"
GONE = ("shutting-down", "terminated")

_describe_key_pairs = KeyPairBackend.describe_key_pairs
_run_instances = InstanceResponse.run_instances
_create_image = AmisResponse.create_image
_deregister_image = AmisResponse.deregister_image


class Disks:
    """Where the disks of one sandbox lie."""

    def __init__(self, state_folder: str) -> None:
        self.images = os.path.join(state_folder, "images")
        self.machine = os.path.join(state_folder, "build-machine", "disk")
        self.public_key = os.path.join(state_folder, "build-machine", "key.pub")
        self.authorized_keys = os.path.join(state_folder, "build-machine", "authorized_keys")

    def of_image(self, image_id: str | None) -> str | None:
        """The disk of an image; None where there is none, as of the base image."""
        path = os.path.join(self.images, str(image_id))
        return path if image_id and os.path.isdir(path) else None

    def of_instance(self, instance: Any) -> str | None:
        return self.machine if is_build_machine(instance) else self.of_image(instance.image_id)

    def machine_key(self) -> bytes | None:
        """The public key of the build machine; None where the sandbox has no such machine."""
        try:
            with open(self.public_key, "rb") as file:
                return file.read().strip()
        except OSError:
            return None

    def lay(self, image_id: str, source: str, copy: Any = shutil.copy2) -> None:
        """Makes the disk of an image; whole or not at all, also when it is killed on the way."""
        target = os.path.join(self.images, image_id)
        draft = f"{target}.new"
        try:
            remove(draft)
            shutil.copytree(source, draft, symlinks=True, copy_function=copy)
            os.rename(draft, target)
        except (OSError, shutil.Error) as error:
            remove(draft)
            raise EC2ClientError(
                "InternalError", f"The disk of {image_id} cannot be copied: {error}"
            ) from error

    def prepare_machine(self, image_id: str | None) -> None:
        """Gives the build machine the disk that a new instance of the image has."""
        # The folder itself stays: whoever is logged in may be in it.
        for entry in os.scandir(self.machine):
            if entry.is_dir(follow_symlinks=False):
                remove(entry.path)
            else:
                os.unlink(entry.path)
        disk = self.of_image(image_id)
        if disk is not None:
            shutil.copytree(disk, self.machine, symlinks=True, dirs_exist_ok=True)

    def admit(self, key: bytes) -> None:
        """Lets in whoever has this key, besides the sandbox's own."""
        keys = dict.fromkeys([self.machine_key() or b"", key.strip()])
        draft = f"{self.authorized_keys}.new"
        with open(draft, "wb") as file:
            file.write(b"\n".join(filter(None, keys)) + b"\n")
        os.replace(draft, self.authorized_keys)

    def tidy(self) -> None:
        """Deletes disks of images that are gone, and drafts; not those that an instance still runs from."""
        if not os.path.isdir(self.images):
            return
        needed: set[str] = set()
        for _, _, backend in ec2_backends.iter_backends():
            needed.update(backend.amis)
            needed.update(i.image_id for i in backend.all_instances() if i.state not in GONE)
        for name in os.listdir(self.images):
            if name not in needed:
                remove(os.path.join(self.images, name))


def remove(folder: str) -> None:
    """Deletes a folder, also one with folders in it that may not be written."""
    for inner, _, _ in os.walk(folder):
        os.chmod(inner, 0o700)
    shutil.rmtree(folder, ignore_errors=True)


def is_build_machine(instance: Any) -> bool:
    return getattr(instance, "build_machine", False) and instance.state not in GONE


def machine_wanted(disks: Disks, response: Any) -> bool:
    """Whether a RunInstances asks for the build machine: a base image, and a key pair to log in with."""
    key, image_id = response._get_param("KeyName"), response._get_param("ImageId")
    if not key or disks.machine_key() is None or BUNDLE_TAG in response.ec2_backend.tags.get(image_id, {}):
        return False
    # Of an image that has a disk others want to run the release; only this key says that it is built upon.
    return key == KEY_PAIR or disks.of_image(image_id) is None


def refuse_second() -> None:
    for _, _, backend in ec2_backends.iter_backends():
        for instance in backend.all_instances():
            if is_build_machine(instance):
                raise EC2ClientError(
                    "InsufficientInstanceCapacity",
                    f"The sandbox has one build machine, and {instance.id} is it already: "
                    "wait until that bake has ended, or terminate the instance.",
                )


def install(world: World) -> None:
    """Puts these operations in place of moto's and of images.py's, which has to be installed before."""
    disks = Disks(world.state_folder)
    copy = AmisResponse.copy_image

    def describe_key_pairs(backend: Any, key_names: list[str], filters: Any = None) -> Any:
        key, known = disks.machine_key(), backend.key_pairs.get(KEY_PAIR)
        if key is not None and (known is None or known.material_public != key):
            backend.delete_key_pair(KEY_PAIR)
            backend.import_key_pair(KEY_PAIR, key, {})
        return _describe_key_pairs(backend, key_names, filters)

    def run_instances(response: Any) -> ActionResult:
        if not machine_wanted(disks, response):
            return _run_instances(response)
        [key] = response.ec2_backend.describe_key_pairs([response._get_param("KeyName")])
        refuse_second()
        answer = _run_instances(response)
        instance = answer.result.instances[0]
        disks.prepare_machine(instance.image_id)
        disks.admit(key.material_public)
        instance.build_machine = True
        return answer

    def create_image(response: Any) -> ActionResult:
        answer = _create_image(response)
        instance = response.ec2_backend.get_instance(response._get_param("InstanceId"))
        keep(response, answer, disks.of_instance(instance))
        return answer

    def copy_image(response: Any) -> ActionResult:
        answer = copy(response)
        # What is on an image never changes, so that the copies can share it.
        keep(response, answer, disks.of_image(response._get_param("SourceImageId")), os.link)
        return answer

    def keep(response: Any, answer: Any, source: str | None, how: Any = shutil.copy2) -> None:
        image_id = answer.result["ImageId"]
        if source is None or disks.of_image(image_id) is not None:
            return
        try:
            disks.lay(image_id, source, how)
        except EC2ClientError:
            response.ec2_backend.deregister_image(image_id)
            raise

    def deregister_image(response: Any) -> ActionResult:
        answer = _deregister_image(response)
        disks.tidy()
        return answer

    KeyPairBackend.describe_key_pairs = describe_key_pairs
    InstanceResponse.run_instances = run_instances
    AmisResponse.create_image = create_image
    AmisResponse.copy_image = copy_image
    AmisResponse.deregister_image = deregister_image
