"""Run Command of Systems Manager: what was asked of instances, and what the daemon said became of it."""

from __future__ import annotations

import uuid
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ssm.exceptions import SSMException
from moto.ssm.models import ssm_backends

from ..world import World, now_ms

DOCUMENT = "AWS-RunShellScript"
PLUGIN = "aws:runShellScript"
# What SendCommand takes for TimeoutSeconds where it is not given, and the document for its executionTimeout.
DELIVERY_SECONDS = 3600
EXECUTION_SECONDS = 3600
# As much as GetCommandInvocation tells.
STDOUT_CHARACTERS = 24_000
STDERR_CHARACTERS = 8_000

PENDING = "Pending"
IN_PROGRESS = "InProgress"
ENDED = ("Success", "Failed", "TimedOut", "Cancelled")


class Invocation:
    """A command on one instance."""

    def __init__(self, instance_id: str) -> None:
        self.instance_id = instance_id
        self.status = PENDING
        self.details = PENDING
        self.code = -1
        self.started_at: int | None = None
        self.ended_at: int | None = None
        self.stdout = ""
        self.stderr = ""

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    def end(self, status: str, details: str) -> None:
        self.status, self.details, self.ended_at = status, details, now_ms()


class RunCommand:
    """A command as it was sent, to one instance or several."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.id = str(uuid.uuid4())
        self.comment = str(fields.get("Comment") or "")
        self.parameters: dict[str, list[str]] = fields.get("Parameters") or {}
        self.delivery_seconds = int(fields.get("TimeoutSeconds") or DELIVERY_SECONDS)
        self.requested_at = now_ms()
        self.cancelled = False
        self.invocations = {name: Invocation(name) for name in fields["InstanceIds"]}

    @property
    def execution_seconds(self) -> int:
        return int((self.parameters.get("executionTimeout") or [EXECUTION_SECONDS])[0])

    @property
    def status(self) -> str:
        statuses = [one.status for one in self.invocations.values()]
        for status in (IN_PROGRESS, PENDING, "Failed", "TimedOut", "Cancelled"):
            if status in statuses:
                return status
        return "Success"

    def expire(self) -> None:
        """Ends what never reached its instance, or whose instance was heard of no more."""
        age = (now_ms() - self.requested_at) / 1000
        for one in self.invocations.values():
            if one.status == PENDING and age > self.delivery_seconds:
                one.end("TimedOut", "DeliveryTimedOut")
            elif one.status == IN_PROGRESS and age > self.delivery_seconds + self.execution_seconds:
                one.end("TimedOut", "ExecutionTimedOut")

    def cancel(self, instances: list[str]) -> None:
        self.cancelled = True
        for one in self.invocations.values():
            # What has begun is ended by the daemon, which then says so.
            if one.status == PENDING and (not instances or one.instance_id in instances):
                one.end("Cancelled", "Cancelled")


def send(account: str, region: str, fields: dict[str, Any]) -> RunCommand:
    """Takes a command for instances that run; all others Systems Manager says not to know."""
    if fields.get("DocumentName") != DOCUMENT:
        raise SSMException("InvalidDocument", f"Document {fields.get('DocumentName')} does not exist.")
    wanted = fields.get("InstanceIds")
    if not wanted:
        raise NotImplementedError("targets other than InstanceIds")
    running = {
        instance.id
        for reservation in ec2_backends[account][region].reservations.values()
        for instance in reservation.instances
        if instance.state == "running"
    }
    unknown = [name for name in wanted if name not in running]
    if unknown:
        message = f"Instances [[{', '.join(unknown)}]] not in a valid state for account {account}"
        raise SSMException("InvalidInstanceId", message)
    command = RunCommand(fields)
    ssm_backends[account][region]._commands.append(command)
    return command


def commands(account: str, region: str) -> list[RunCommand]:
    """All commands, the newest first, with what time did to them."""
    found: list[RunCommand] = list(reversed(ssm_backends[account][region]._commands))
    for command in found:
        command.expire()
    return found


def find(account: str, region: str, command_id: str) -> RunCommand:
    for command in commands(account, region):
        if command.id == command_id:
            return command
    raise SSMException("InvalidCommandId", "The command ID is not valid.")


def observe(world: World, report: dict[str, dict[str, Any]]) -> bool:
    """Takes over what the daemon says of commands; true when one of them changed. Needs the world's lock."""
    changed = False
    if not report:
        return False
    for _, _, backend in ssm_backends.iter_backends():
        for command in backend._commands:
            for instance_id, truth in report.get(command.id, {}).items():
                one = command.invocations.get(instance_id)
                changed = (one is not None and not one.ended and accept(one, truth)) or changed
    if changed:
        world.touch("ssm")
    return changed


def accept(one: Invocation, truth: dict[str, Any]) -> bool:
    if one.status == truth["status"]:
        return False
    one.status, one.details = str(truth["status"]), str(truth["details"])
    one.code = int(truth["code"])
    one.started_at, one.ended_at = truth["startedAt"], truth["endedAt"]
    one.stdout = str(truth["stdout"])[:STDOUT_CHARACTERS]
    one.stderr = str(truth["stderr"])[:STDERR_CHARACTERS]
    return True


def wanted_commands() -> list[dict[str, Any]]:
    """CommandState of contract.ts: everything that has not ended."""
    return [
        {
            "id": command.id,
            "instanceId": one.instance_id,
            "script": "\n".join(command.parameters.get("commands") or []) + "\n",
            "timeoutSeconds": command.execution_seconds,
            "cancelled": command.cancelled,
        }
        for account, region, _ in ssm_backends.iter_backends()
        for command in commands(account, region)
        for one in command.invocations.values()
        if not one.ended
    ]
