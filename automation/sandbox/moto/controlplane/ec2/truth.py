"""EC2's answers about instances, from what the daemon observed of their processes."""

from __future__ import annotations

import os
from typing import Any

from moto.core.responses import ActionResult
from moto.core.types import Base64EncodedString
from moto.core.utils import utcnow
from moto.ec2.models.instances import Instance
from moto.ec2.responses.general import General

from ..world import World, now_ms
from .disks import BUNDLE_TAG, Disks, is_build_machine

# As much as EC2 keeps.
CONSOLE_BYTES = 64 * 1024

_terminate = Instance.terminate


def check_status(world: World, instance: Any) -> str:
    """'initializing', 'ok' or 'impaired'."""
    truth = world.instance_truth(instance.id)
    if truth is None:
        # Without a release in its image there is no process to wait for.
        has_bundle = BUNDLE_TAG in instance.ec2_backend.tags.get(instance.image_id, {})
        has_disk = Disks(world.state_folder).of_image(instance.image_id) is not None
        waits = (has_bundle or has_disk) and not is_build_machine(instance)
        return "initializing" if waits else "ok"
    return {"starting": "initializing", "running": "ok"}.get(str(truth.get("process")), "impaired")


def instance_status(world: World, instance: Any) -> dict[str, Any]:
    if instance.state != "running":
        return {"Status": "not-applicable"}
    status = check_status(world, instance)
    reachability = {"initializing": "initializing", "ok": "passed"}.get(status, "failed")
    detail: dict[str, Any] = {"Name": "reachability", "Status": reachability}
    if status == "impaired":
        instance.impaired_since = getattr(instance, "impaired_since", None) or utcnow()
        detail["ImpairedSince"] = instance.impaired_since
    return {"Details": [detail], "Status": status}


def console_output(world: World, instance_id: str) -> str:
    """The end of what the instance's process wrote; empty when it wrote nothing."""
    # Where the daemon writes it, also of an instance that it reported to a control plane before this one.
    usual = os.path.join(world.state_folder, "instances", instance_id, "output.log")
    path = world.log_files.get(instance_id, usual)
    try:
        with open(path, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - CONSOLE_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def terminate(instance: Any) -> Any:
    previous = _terminate(instance)
    instance.terminated_at = getattr(instance, "terminated_at", None) or now_ms()
    return previous


def install(world: World) -> None:
    """Makes moto's instances report status checks and console output that are true."""

    def get_console_output(response: Any) -> ActionResult:
        instance = response.ec2_backend.get_instance(response._get_param("InstanceId"))
        output = Base64EncodedString.from_raw_string(console_output(world, instance.id))
        return ActionResult({"InstanceId": instance.id, "Timestamp": utcnow(), "Output": output})

    Instance.instance_status = property(lambda instance: instance_status(world, instance))
    Instance.terminate = terminate
    General.get_console_output = get_console_output
