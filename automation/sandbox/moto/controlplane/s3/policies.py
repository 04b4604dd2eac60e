"""Bucket policies: what a policy says of a call, by who makes it.

An explicit Deny is enforced; everything else is allowed, as identities have no policies of their own here.
The rules are those of "IAM JSON policy elements" and "Policy evaluation logic" in the IAM User Guide.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Optional
from urllib.parse import parse_qsl

from ..iam.callers import Caller

# Upper and lower case are one in names of condition keys, so all are kept in lower case.
Context = Mapping[str, str]
Pattern = Optional[re.Pattern[str]]

TOKENS = re.compile(r"(\$\{[^}]*\}|\*|\?)")
LITERALS = {"*": "*", "?": "?", "$": "$"}
# What S3 calls the permission for an operation, where it is not the operation's own name.
PERMISSIONS = {
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "HeadObject": "GetObject",
    "CopyObject": "PutObject",
    "PostObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
}
VERSIONED = ("GetObject", "DeleteObject", "GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging")


def permission_of(operation: str, query: Mapping[str, Any]) -> str:
    """The action that a policy names for an S3 operation."""
    name = PERMISSIONS.get(operation, operation)
    if "versionId" in query and name in VERSIONED:
        name = name.replace("Object", "ObjectVersion")
    return f"s3:{name}"


def context_of(caller: Caller | None, environ: Mapping[str, Any]) -> dict[str, str]:
    """The condition keys of a call; those of S3 that repeat a header are read from it."""
    # The sandbox listens on loopback without TLS, in the place of an endpoint that has it.
    context = {"aws:securetransport": "true", "aws:principaltype": "Anonymous"}
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            context["s3:" + name[len("HTTP_") :].lower().replace("_", "-")] = str(value)
    for key, value in parse_qsl(str(environ.get("HTTP_X_AMZ_TAGGING", "")), keep_blank_values=True):
        context[f"s3:requestobjecttag/{key.lower()}"] = value
    if caller is not None:
        assumed = ":assumed-role/" in caller.arn
        context["aws:principalarn"] = caller.principal_arn
        context["aws:principalaccount"] = caller.account
        context["aws:userid"] = caller.user_id
        context["aws:principaltype"] = "AssumedRole" if assumed else "User"
        if not assumed:
            context["aws:username"] = caller.arn.rsplit("/", 1)[-1]
    return context


def effect(policy: Mapping[str, Any], caller: Caller | None, context: Context, call: tuple[str, str]) -> str:
    """'Deny', 'Allow' or 'Neutral': what a policy says of a call, which is an action and a resource."""
    found = {
        statement.get("Effect")
        for statement in listed(policy.get("Statement"))
        if applies(statement, caller, context, call)
    }
    return next((one for one in ("Deny", "Allow") if one in found), "Neutral")


def applies(
    statement: Mapping[str, Any], caller: Caller | None, context: Context, call: tuple[str, str]
) -> bool:
    action, resource = call
    return (
        named(statement, "Action", lambda value: matches(value.lower(), action.lower(), context))
        and named(statement, "Resource", lambda value: matches(value, resource, context))
        and concerns(statement, caller)
        and all(
            holds(operator, key, listed(values), context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def named(statement: Mapping[str, Any], element: str, fits: Callable[[str], bool]) -> bool:
    if f"Not{element}" in statement:
        return not any(fits(str(value)) for value in listed(statement[f"Not{element}"]))
    return any(fits(str(value)) for value in listed(statement.get(element)))


def concerns(statement: Mapping[str, Any], caller: Caller | None) -> bool:
    if "NotPrincipal" in statement:
        wanted = principals(statement["NotPrincipal"])
        # A session is left out only where its account, its role and itself are all named.
        return "*" not in wanted and not (caller and all(wanted & one for one in names_of(caller)))
    wanted = principals(statement.get("Principal"))
    return "*" in wanted or bool(caller and any(wanted & one for one in names_of(caller)))


def principals(element: Any) -> set[str]:
    return {str(one) for one in listed(element.get("AWS") if isinstance(element, Mapping) else element)}


def names_of(caller: Caller) -> list[set[str]]:
    account = {caller.account, f"arn:aws:iam::{caller.account}:root"}
    return [account, {caller.principal_arn}, {caller.arn}]


def listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def matches(pattern: str, value: str, context: Context, wildcards: bool = True) -> bool:
    compiled = compile_pattern(pattern, context, wildcards)
    return compiled is not None and compiled.fullmatch(value) is not None


def compile_pattern(text: str, context: Context, wildcards: bool) -> Pattern:
    """A pattern with its variables filled in; None where the call does not have one of them."""
    expression = ""
    for token in TOKENS.split(text):
        if wildcards and token in ("*", "?"):
            expression += "." + token.replace("?", "")
        elif token.startswith("${"):
            value = LITERALS.get(token[2:-1], context.get(token[2:-1].lower()))
            if value is None:
                return None
            expression += re.escape(value)
        else:
            expression += re.escape(token)
    return re.compile(expression, re.DOTALL)


def equals(expected: str, value: str, context: Context) -> bool:
    return matches(expected, value, context, wildcards=False)


def arn_like(expected: str, value: str, context: Context) -> bool:
    ours, theirs = split_arn(value), split_arn(expected)
    return len(ours) == len(theirs) and all(matches(a, b, context) for a, b in zip(theirs, ours))


def split_arn(arn: str) -> list[str]:
    # A wildcard never reaches over a colon, except within the resource at the end; a variable may hold one.
    return re.split(r":(?![^{]*\})", arn, maxsplit=5)


def same_letters(expected: str, value: str, context: Context) -> bool:
    return equals(expected.lower(), value.lower(), context)


POSITIVE: dict[str, Callable[[str, str, Context], bool]] = {
    "stringequals": equals,
    "stringequalsignorecase": same_letters,
    "stringlike": matches,
    "arnlike": arn_like,
    "arnequals": arn_like,
    "bool": same_letters,
}
NEGATED = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "arnnotlike": "arnlike",
    "arnnotequals": "arnequals",
}


def holds(operator: str, key: str, expected: list[Any], context: Context) -> bool:
    quantifier, _, name = operator.lower().rpartition(":")
    optional, name = name.endswith("ifexists"), name.replace("ifexists", "")
    value = context.get(key.lower())
    wanted = [str(one).lower() if isinstance(one, bool) else str(one) for one in expected]
    if name == "null":
        return (value is None) == (wanted == ["true"])
    if value is None:
        return optional or name in NEGATED or quantifier == "forallvalues"
    test = POSITIVE[NEGATED.get(name, name)]
    return any(test(one, value, context) for one in wanted) != (name in NEGATED)


def unknown_operators(policy: Mapping[str, Any]) -> list[str]:
    """Condition operators of a policy that the sandbox could not tell the outcome of."""
    statements = listed(policy.get("Statement"))
    used = {operator for statement in statements for operator in statement.get("Condition", {})}
    known = {"null", *POSITIVE, *NEGATED}
    return sorted(
        one for one in used if one.lower().rpartition(":")[2].replace("ifexists", "") not in known
    )
