"""Accounts of the sandbox: which there are, what each has from the start, and who may act in them.

A founded account has a bucket and the roles of ROLES, which anybody may assume, and a default VPC in every
region as soon as somebody looks there. Any other account springs up when a role of it is assumed.
"""

from __future__ import annotations

import json
import re
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2.models import EC2Backend
from moto.iam import models as iam_models
from moto.iam.models import iam_backends
from moto.s3.models import s3_backends
from moto.sts.models import STSBackend
from moto.sts.responses import TokenResponse

from ..aws_request import AwsRequest, error_response
from ..world import World
from .callers import PARTITION, account_of_key, caller_of

Response = tuple[int, dict[str, str], str]

BUCKET_PREFIX = "bascule-sandbox-"
ROLES = {
    "bascule-deploy": "Deploys: what `access.roleArn` of an environment in this account names.",
    "bascule-approve": "Approves or rejects deployments, and does nothing else.",
}
ACCOUNT = re.compile(r"\d{12}")
ROLE_ARN = re.compile(r"arn:aws:iam::(\d{12}):role(/(?:.*/)?)([^/]+)")
TRUST_ANYBODY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "*", "Federated": "*"}, "Action": "sts:AssumeRole*"}
        ],
    }
)


def found(account: str, region: str) -> bool:
    """Gives an account what each has from the start; true when something of it was missing."""
    iam, s3 = iam_backends[account][PARTITION], s3_backends[account][PARTITION]
    missing = [name for name in ROLES if role_named(iam, name) is None]
    for name in missing:
        create_role(iam, name, "/", ROLES[name])
    bucket = f"{BUCKET_PREFIX}{account}"
    # The default account's bucket has a name of its own, and is made by whoever starts the sandbox.
    without_bucket = account != DEFAULT_ACCOUNT_ID and bucket not in s3.buckets
    if without_bucket:
        s3.create_bucket(bucket, region)
    changed = bool(missing) or without_bucket or not is_founded(iam)
    iam.founded = True
    return changed


def is_founded(iam: Any) -> bool:
    return getattr(iam, "founded", False)


def founded_accounts() -> list[str]:
    """The accounts that were founded, in order."""
    founded = [
        account
        for account, regions in list(iam_backends.items())
        for backend in list(regions.values())
        if is_founded(backend)
    ]
    return sorted(founded)


def role_named(iam: Any, name: str, path: str | None = None) -> Any:
    matches = (role for role in iam.roles.values() if role.name == name and path in (None, role.path))
    return next(matches, None)


def create_role(iam: Any, name: str, path: str, description: str) -> None:
    iam.create_role(name, TRUST_ANYBODY, path, None, description, [], "3600")


def refused(caller_arn: str, action: str, role_arn: str) -> Response:
    message = f"User: {caller_arn} is not authorized to perform: {action} on resource: {role_arn}"
    request = AwsRequest("sts", action, "", "", "query")
    status, headers, body = error_response(request, 403, "AccessDenied", message)
    # moto reads the status from there.
    return status, {**dict(headers), "status": str(status)}, body.decode()


def admits(role_arn: str) -> bool:
    """Whether there is such a role; in an account that was not founded it springs up."""
    parts = ROLE_ARN.fullmatch(role_arn)
    if parts is None:
        return False
    account, path, name = parts.groups()
    iam = iam_backends[account][PARTITION]
    if role_named(iam, name, path) is not None:
        return True
    if is_founded(iam):
        return False
    # Its id is part of the identity of all who assume it, and must be the same each time.
    create_role(iam, name, path, "Was assumed before it was made.")
    return True


def install(world: World) -> None:
    """Puts these operations in place of moto's."""
    _assume = TokenResponse.assume_role
    _assume_with_token = TokenResponse.assume_role_with_web_identity
    _create = EC2Backend.__init__

    def assume_role(response: Any) -> Any:
        role = str(response._get_param("RoleArn"))
        if admits(role):
            return _assume(response)
        return refused(caller_of(response.get_access_key()).arn, "sts:AssumeRole", role)

    def assume_role_with_web_identity(response: Any) -> Any:
        role = str(response._get_param("RoleArn"))
        if not admits(role):
            return refused("anonymous", "sts:AssumeRoleWithWebIdentity", role)
        answer = _assume_with_token(response)
        answer.result["AssumedRoleUser"]["AssumedRoleId"] = answer.result["Credentials"].user_id
        return answer

    def get_caller_identity(_: STSBackend, access_key: str, region: str) -> tuple[str, str, str]:
        caller = caller_of(access_key)
        return caller.user_id, caller.arn, caller.account

    def create_ec2(backend: Any, *arguments: Any, **named: Any) -> None:
        _create(backend, *arguments, **named)
        # Its default VPC has ids from now on, which whoever only asked for them may keep.
        world.touch("ec2")

    TokenResponse.assume_role = assume_role
    TokenResponse.assume_role_with_web_identity = assume_role_with_web_identity
    STSBackend.get_caller_identity = get_caller_identity
    EC2Backend.__init__ = create_ec2
    iam_models.get_account_id_from = account_of_key
