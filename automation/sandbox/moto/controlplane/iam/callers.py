"""Who makes a call: found by the access key alone, since the sandbox checks no signatures."""

from __future__ import annotations

from dataclasses import dataclass

from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

PARTITION = "aws"
# Of whoever uses keys that the sandbox did not hand out, `sandbox` above all.
ANYBODY_ID = "AIDASANDBOXSANDBOXSA"
ANYBODY = "sandbox"


@dataclass(frozen=True)
class Caller:
    """An identity in the terms of IAM policies."""

    account: str
    arn: str
    """As STS GetCallerIdentity tells it: of a session, where a role was assumed."""
    principal_arn: str
    """aws:PrincipalArn: of the role itself, where one was assumed."""
    user_id: str
    """aws:userid: `<id of the role>:<name of the session>`, or the id of the user."""


def account_of_key(access_key: str) -> str:
    """The account whose credentials these are; the default one of keys that the sandbox does not know.

    moto's own creates the IAM of each partition there is, each with all of AWS's policies.
    """
    for account, regions in list(iam_backends.items()):
        for backend in list(regions.values()):
            if access_key in backend.access_keys:
                return account
    return DEFAULT_ACCOUNT_ID


def user_of_key(account: str, access_key: str) -> tuple[str, str]:
    """Id and ARN of the user whose key it is."""
    user = iam_backends[account][PARTITION].get_user_from_access_key_id(access_key)
    if user is None:
        return ANYBODY_ID, f"arn:aws:iam::{account}:user/{ANYBODY}"
    return user.id, user.arn


def caller_of(access_key: str) -> Caller:
    """The identity behind an access key."""
    account = account_of_key(access_key)
    role = sts_backends[account][PARTITION].get_assumed_role_from_access_key(access_key)
    if role is not None:
        return Caller(account, role.arn, role.role_arn, role.user_id)
    user_id, arn = user_of_key(account, access_key)
    return Caller(account, arn, arn, user_id)
