"""Refuses calls to S3 that a bucket's policy denies to whoever makes them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket, s3_backends

from ..aws_request import AwsRequest
from ..iam.callers import caller_of
from .policies import context_of, effect, permission_of, unknown_operators

RESULTS = {
    "Deny": PermissionResult.DENIED,
    "Allow": PermissionResult.PERMITTED,
    "Neutral": PermissionResult.NEUTRAL,
}


class PolicyGuard:
    """Knows the call under way, because moto asks for the permission to delete each of many objects."""

    def __init__(self) -> None:
        self.environ: dict[str, Any] = {}
        self.access_key = ""
        guard = self

        def get_permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
            return RESULTS[guard.effect_of(bucket, action, resource)]

        FakeBucket.get_permission = get_permission

    def refusal(self, request: AwsRequest, environ: dict[str, Any]) -> tuple[int, str, str] | None:
        """Status, code and words of AWS where a call is refused. Needs the world's lock."""
        self.environ, self.access_key = environ, request.access_key
        name, key = named_by(environ)
        if request.action == "PutBucketPolicy":
            problem = malformed(environ["wsgi.input"].getvalue())
            if problem is not None:
                return 400, "MalformedPolicy", problem
        bucket = bucket_named(name)
        # Of several objects each is asked for by itself; see get_permission.
        if bucket is None or bucket.policy is None or request.action == "DeleteObjects":
            return None
        query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        resource = f"arn:aws:s3:::{name}/{key}" if key else f"arn:aws:s3:::{name}"
        if self.effect_of(bucket, permission_of(request.action, query), resource) != "Deny":
            return None
        return 403, "AccessDenied", "Access Denied"

    def effect_of(self, bucket: FakeBucket, action: str, resource: str) -> str:
        if bucket.policy is None:
            return "Neutral"
        caller = caller_of(self.access_key) if self.access_key else None
        policy, context = json.loads(bucket.policy), context_of(caller, self.environ)
        found = effect(policy, caller, context, (action, resource))
        if action == "s3:DeleteObject" and b"<VersionId>" in self.environ["wsgi.input"].getvalue():
            of_version = effect(policy, caller, context, ("s3:DeleteObjectVersion", resource))
            return "Deny" if "Deny" in (found, of_version) else found
        return found


def named_by(environ: dict[str, Any]) -> tuple[str, str]:
    """The bucket and the key, each empty where a call names none."""
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    bucket, _, key = path.lstrip("/").partition("/")
    return bucket, key


def bucket_named(name: str) -> Any:
    """A bucket in whatever account it is; None where there is none."""
    located = s3_backends.bucket_accounts.get(name)
    if located is None:
        return None
    partition, account = located
    return s3_backends[account][partition].buckets.get(name)


def malformed(body: bytes) -> str | None:
    try:
        policy = json.loads(body)
        unknown = unknown_operators(policy)
    except (ValueError, AttributeError, TypeError):
        return "Policies must be valid JSON and the first byte must be '{'"
    if unknown:
        return f"The sandbox does not know the condition operators {', '.join(unknown)}"
    return None
