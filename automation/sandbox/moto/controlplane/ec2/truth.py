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

# As much as EC2 keeps.
CONSOLE_BYTES = 64 * 1024
BUNDLE_TAG = "bascule:bundle"

_terminate = Instance.terminate


def check_status(world: World, instance: Any) -> str:
    """'initializing', 'ok' or 'impaired'."""
    truth = world.instance_truth(instance.id)
    if truth is None:
        # Without a release in its image there is no process to wait for.
        has_release = BUNDLE_TAG in instance.ec2_backend.tags.get(instance.image_id, {})
        return "initializing" if has_release else "ok"
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
    path = world.log_files.get(instance_id)
    if path is None:
        return ""
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
