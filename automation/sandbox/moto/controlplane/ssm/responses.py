"""The actions of Run Command, in place of moto's, which say of every command that it succeeded at once."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timezone
from functools import partial
from typing import Any

from moto.core.responses import ActionResult
from moto.ssm.exceptions import SSMException
from moto.ssm.models import ParameterDict, SimpleSystemManagerBackend
from moto.ssm.responses import SimpleSystemManagerResponse

from . import commands
from .commands import DOCUMENT, PLUGIN, Invocation, RunCommand

PAGE = 50
_make_backend = SimpleSystemManagerBackend.__init__


def moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc)


def told(milliseconds: int | None) -> str:
    """A moment as GetCommandInvocation writes it: empty while there is none."""
    return "" if milliseconds is None else moment(milliseconds).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def command_shown(command: RunCommand) -> dict[str, Any]:
    ended = [one for one in command.invocations.values() if one.ended]
    return {
        "CommandId": command.id,
        "DocumentName": DOCUMENT,
        "Comment": command.comment,
        "ExpiresAfter": moment(command.requested_at + command.delivery_seconds * 1000),
        "Parameters": command.parameters,
        "InstanceIds": list(command.invocations),
        "RequestedDateTime": moment(command.requested_at),
        "Status": command.status,
        "StatusDetails": command.status,
        "TimeoutSeconds": command.delivery_seconds,
        "TargetCount": len(command.invocations),
        "CompletedCount": len(ended),
        "ErrorCount": len([one for one in ended if one.status != "Success"]),
    }


def invocation_shown(command: RunCommand, one: Invocation) -> dict[str, Any]:
    return {
        "CommandId": command.id,
        "InstanceId": one.instance_id,
        "Comment": command.comment,
        "DocumentName": DOCUMENT,
        "RequestedDateTime": moment(command.requested_at),
        "Status": one.status,
        "StatusDetails": one.details,
    }


def invocation_detailed(command: RunCommand, one: Invocation) -> dict[str, Any]:
    return {
        "CommandId": command.id,
        "InstanceId": one.instance_id,
        "Comment": command.comment,
        "DocumentName": DOCUMENT,
        "PluginName": PLUGIN,
        "ResponseCode": one.code,
        "ExecutionStartDateTime": told(one.started_at),
        "ExecutionEndDateTime": told(one.ended_at),
        "Status": one.status,
        "StatusDetails": one.details,
        "StandardOutputContent": one.stdout,
        "StandardErrorContent": one.stderr,
    }


def page(response: Any, found: list[Any]) -> tuple[list[Any], dict[str, str]]:
    """The part of a list that was asked for, and the token for the next where there is more."""
    start = int(response._get_param("NextToken") or 0)
    end = start + int(response._get_param("MaxResults") or PAGE)
    return found[start:end], ({"NextToken": str(end)} if end < len(found) else {})


def filtered(response: Any) -> list[RunCommand]:
    """The commands that the request's filters leave."""
    found = commands.commands(response.current_account, response.region)
    if response._get_param("CommandId"):
        found = [commands.find(response.current_account, response.region, response._get_param("CommandId"))]
    instance = response._get_param("InstanceId")
    if instance:
        found = [one for one in found if instance in one.invocations]
    for filter in response._get_param("Filters") or []:
        key, value = filter["key"], filter["value"]
        if key == "DocumentName":
            found = found if value == DOCUMENT else []
        elif key == "Status":
            found = [one for one in found if one.status == value]
        else:
            raise NotImplementedError(f"the filter {key}")
    return found


def send_command(self: Any) -> ActionResult:
    names = ("DocumentName", "InstanceIds", "Comment", "Parameters", "TimeoutSeconds")
    fields = {name: self._get_param(name) for name in names}
    command = commands.send(self.current_account, self.region, fields)
    return ActionResult({"Command": command_shown(command)})


def list_commands(self: Any) -> ActionResult:
    found, token = page(self, filtered(self))
    return ActionResult({"Commands": [command_shown(one) for one in found], **token})


def list_command_invocations(self: Any) -> ActionResult:
    instance = self._get_param("InstanceId")
    shown = [
        invocation_shown(command, one)
        for command in filtered(self)
        for one in command.invocations.values()
        if instance in (None, "", one.instance_id)
    ]
    found, token = page(self, shown)
    return ActionResult({"CommandInvocations": found, **token})


def get_command_invocation(self: Any) -> ActionResult:
    command = commands.find(self.current_account, self.region, self._get_param("CommandId"))
    one = command.invocations.get(self._get_param("InstanceId"))
    if one is None or self._get_param("PluginName") not in (None, "", PLUGIN):
        raise SSMException("InvocationDoesNotExist", "The command ID and instance ID have no invocation.")
    return ActionResult(invocation_detailed(command, one))


def cancel_command(self: Any) -> ActionResult:
    command = commands.find(self.current_account, self.region, self._get_param("CommandId"))
    command.cancel(self._get_param("InstanceIds") or [])
    return ActionResult({})


def restored(fields: dict[str, Any], items: dict[str, Any]) -> ParameterDict:
    parameters = ParameterDict.__new__(ParameterDict)
    defaultdict.__init__(parameters, list)
    parameters.__dict__.update(fields)
    dict.update(parameters, items)
    return parameters


def make_backend(self: Any, region_name: str, account_id: str) -> None:
    _make_backend(self, region_name, account_id)
    self._resource_tags = defaultdict(partial(defaultdict, dict))


def install() -> None:
    for action in (
        send_command,
        list_commands,
        list_command_invocations,
        get_command_invocation,
        cancel_command,
    ):
        setattr(SimpleSystemManagerResponse, action.__name__, action)
    # As moto makes them, neither of these two could be saved, nor any command beside them.
    ParameterDict.__reduce__ = lambda self: (restored, (dict(self.__dict__), dict(self)))
    SimpleSystemManagerBackend.__init__ = make_backend
