"""What an AWS request asks for, read from the request alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

READING_PREFIXES = (
    "Describe",
    "Get",
    "List",
    "Head",
    "Lookup",
    "Search",
    "Query",
    "Scan",
    "Select",
    "Simulate",
    "Validate",
    "Filter",
    "Test",
    "Estimate",
    "Preview",
    "BatchGet",
)
SERVICE_NAMES = {"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch"}
S3_SUBRESOURCES = {
    "acl": "Acl",
    "tagging": "Tagging",
    "policy": "Policy",
    "versioning": "Versioning",
    "lifecycle": "LifecycleConfiguration",
    "encryption": "Encryption",
    "cors": "Cors",
    "website": "Website",
    "logging": "Logging",
    "notification": "NotificationConfiguration",
    "location": "Location",
    "publicAccessBlock": "PublicAccessBlock",
    "ownershipControls": "OwnershipControls",
    "object-lock": "ObjectLockConfiguration",
    "retention": "Retention",
    "legal-hold": "LegalHold",
}
VERBS = {"GET": "Get", "HEAD": "Head", "PUT": "Put", "DELETE": "Delete", "POST": "Post"}


@dataclass(frozen=True)
class AwsRequest:
    """One AWS request: the service by its common name, the API action, and whose and where it is."""

    service: str
    action: str
    region: str
    access_key: str
    protocol: str
    """'json', 'ec2', 's3' or 'query': how an error has to be written."""

    @property
    def mutates(self) -> bool:
        return not self.action.startswith(READING_PREFIXES)


def read_request(environ: dict[str, Any], body: bytes) -> AwsRequest:
    """Reads service, action, region and access key of a request as AWS SDKs sign and send them."""
    access_key, region, service = _credential_scope(environ)
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    target = environ.get("HTTP_X_AMZ_TARGET")
    content_type = environ.get("CONTENT_TYPE", "")
    if target:
        action, protocol = target.rsplit(".", 1)[-1], "json"
    elif "/operation/" in environ["PATH_INFO"]:
        action, protocol = environ["PATH_INFO"].rsplit("/", 1)[-1], "json"
    elif content_type.startswith("application/x-www-form-urlencoded") or "Action" in query:
        form = parse_qs(body.decode("utf-8", "replace")) if body else {}
        action = (form.get("Action") or query.get("Action") or ["Unknown"])[0]
        protocol = "ec2" if service == "ec2" else "query"
    elif service in ("s3", ""):
        service = "s3"
        action, protocol = _s3_action(environ, query), "s3"
    else:
        action = f"{VERBS.get(environ['REQUEST_METHOD'], 'Call')}{environ['PATH_INFO']}"
        protocol = "json"
    return AwsRequest(SERVICE_NAMES.get(service, service), action, region, access_key, protocol)


def _credential_scope(environ: dict[str, Any]) -> tuple[str, str, str]:
    header = environ.get("HTTP_AUTHORIZATION", "")
    start = header.find("Credential=")
    if start < 0:
        query = parse_qs(environ.get("QUERY_STRING", ""))
        scope = (query.get("X-Amz-Credential") or [""])[0]
    else:
        scope = header[start + len("Credential=") :].split(",")[0].strip()
    parts = scope.split("/")
    if len(parts) < 5:
        return "", "us-east-1", ""
    return parts[0], parts[2], parts[3].lower()


def _s3_action(environ: dict[str, Any], query: dict[str, list[str]]) -> str:
    method = environ["REQUEST_METHOD"]
    _, _, key = environ["PATH_INFO"].lstrip("/").partition("/")
    bucket = environ["PATH_INFO"].strip("/") != ""
    verb = VERBS.get(method, method.title())
    for name, label in S3_SUBRESOURCES.items():
        if name in query:
            return f"{verb}{'Object' if key else 'Bucket'}{label}"
    if not bucket:
        return "ListBuckets"
    if not key:
        if method == "GET":
            return "ListObjectVersions" if "versions" in query else "ListObjectsV2"
        if method == "POST":
            return "DeleteObjects" if "delete" in query else "PostObject"
        return {"PUT": "CreateBucket", "DELETE": "DeleteBucket", "HEAD": "HeadBucket"}.get(method, verb)
    if "uploads" in query:
        return "CreateMultipartUpload"
    if "uploadId" in query:
        multipart = {"PUT": "UploadPart", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"}
        return multipart.get(method, "ListParts")
    if method == "PUT" and "HTTP_X_AMZ_COPY_SOURCE" in environ:
        return "CopyObject"
    return f"{verb}Object"


def error_response(
    request: AwsRequest, status: int, code: str, message: str
) -> tuple[int, list[tuple[str, str]], bytes]:
    """An error in the shape that the SDKs of the request's protocol understand."""
    if request.protocol == "json":
        payload = json.dumps({"__type": code, "message": message}).encode()
        return status, [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-errortype", code)], payload
    inner = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if request.protocol == "s3":
        xml = f"<Error>{inner}</Error>"
    elif request.protocol == "ec2":
        xml = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>sandbox</RequestID></Response>"
    else:
        xml = f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error></ErrorResponse>"
    return status, [("Content-Type", "text/xml")], xml.encode()


def single_object(environ: dict[str, Any]) -> tuple[str, str] | None:
    """The bucket and key that a path-style S3 request names, when it names exactly one object."""
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    bucket, _, key = path.lstrip("/").partition("/")
    return (bucket, key) if bucket and key else None
