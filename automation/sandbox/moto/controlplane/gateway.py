"""The WSGI application: the sandbox's own API, and moto's AWS APIs under one lock."""

from __future__ import annotations

import gzip
import io
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from functools import cache
from http.client import responses
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from .aws_request import AwsRequest, error_response, read_request
from .iam.callers import account_of_key
from .internal_api import InternalApi
from .persistence import Persistence
from .reconcile import Reconciler
from .regions import RegionCut, Regions
from .s3.guard import PolicyGuard
from .world import World, now_ms

INTERNAL_PREFIX = "/_bascule/"
# Only these hold resources that /_bascule/state shows: a journal entry in S3 must not wake the daemon.
SHOWN_SERVICES = frozenset({"ec2", "autoscaling", "elbv2", "elb", "acm", "ssm"})
# Metrics arrive every second and change nothing that anyone waits for.
UNSHOWN_ACTIONS = frozenset({"PutMetricData"})

Response = tuple[int, list[tuple[str, str]], bytes]


def _create_app(service: Any) -> Any:
    app = create_backend_app(service)
    # An error inside moto must reach `Gateway.guarded`, which answers as AWS would instead of with HTML.
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.config["SANDBOX_SERVICE"] = service
    return app


class Dispatcher(DomainDispatcherApplication):
    """Finds the moto service of a request; moto itself lists its own source folder to do so, each time."""

    def __init__(self) -> None:
        super().__init__(_create_app)
        self.get_backend_for_host = cache(super().get_backend_for_host)


class Gateway:
    """Serves /_bascule/* itself and everything else through moto."""

    def __init__(self, world: World, persistence: Persistence, reconciler: Reconciler) -> None:
        self.world = world
        self.persistence = persistence
        self.reconciler = reconciler
        self.regions = Regions(persistence.folder)
        self.guard = PolicyGuard()
        self.internal = InternalApi(world, reconciler, persistence, self.regions)
        self.dispatcher = Dispatcher()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith(INTERNAL_PREFIX):
            status, headers, payload = self.internal.serve(environ)
        else:
            status, headers, payload = self.serve_aws(environ)
        start_response(f"{status} {responses.get(status, 'Unknown')}", headers)
        return [payload]

    def serve_aws(self, environ: dict[str, Any]) -> Response:
        decompress(environ)
        request = read_request(environ, environ["wsgi.input"].getvalue())
        with self.world.lock:
            hidden = self.regions.hides(request, environ)
        if hidden:
            raise RegionCut(f"{request.region} is cut off")
        delay = self.world.latency_seconds()
        if delay > 0:
            time.sleep(delay)
        with self.world.lock:
            service, response = self.guarded(environ, request)
            if request.mutates and request.action not in UNSHOWN_ACTIONS:
                self.after_mutation(service)
                if service == "s3" and response[0] < 400:
                    self.persistence.s3.record(environ, request.action)
            elif request.mutates:
                self.persistence.mark_lazily(service)
            ticket = self.persistence.ticket()
        # Waiting happens outside of the lock, so that one write to disk covers all calls that wait for it.
        if request.mutates:
            self.persistence.wait_saved(ticket)
        self.record(request, response[0])
        return response

    def guarded(self, environ: dict[str, Any], request: AwsRequest) -> tuple[str, Response]:
        """Runs the request in moto; what moto raises becomes an error that an AWS SDK understands."""
        service = request.service
        denial = self.world.denial(service, request.action)
        if denial is not None:
            code = "UnauthorizedOperation" if request.protocol == "ec2" else "AccessDenied"
            return service, error_response(request, 403, code, denial)
        try:
            refusal = self.guard.refusal(request, environ) if service == "s3" else None
            if refusal is not None:
                return service, error_response(request, *refusal)
            app = self.dispatcher.get_application(environ)
            service = str(app.config.get("SANDBOX_SERVICE", service))
            # Both generations of load balancers share one application, and only the newer is in use here.
            service = "elbv2" if service == "elb" else service
            return service, run_wsgi(app, environ)
        except NotImplementedError as error:
            message = f"The sandbox does not serve {request.service}:{request.action} ({error})."
            return service, error_response(request, 501, "NotImplemented", message)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            message = f"The sandbox failed to serve {request.service}:{request.action}: {error!r}."
            return service, error_response(request, 500, "InternalFailure", message)

    def after_mutation(self, service: str) -> None:
        if service != "s3":
            self.persistence.mark(service)
        if service in SHOWN_SERVICES:
            self.reconciler.run()
            self.world.bump()

    def record(self, request: AwsRequest, status: int) -> None:
        self.world.record_call(
            {
                "at": now_ms(),
                "service": request.service,
                "action": request.action,
                "region": request.region,
                "account": account_of_key(request.access_key),
                "status": status,
            }
        )


def decompress(environ: dict[str, Any]) -> None:
    """SDKs compress large metrics, and moto unpacks those twice. In S3 the header is the object's own."""
    if environ.get("HTTP_CONTENT_ENCODING") != "gzip":
        return
    if "/monitoring/aws4_request" not in environ.get("HTTP_AUTHORIZATION", ""):
        return
    body = gzip.decompress(environ["wsgi.input"].getvalue())
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
    del environ["HTTP_CONTENT_ENCODING"]


def run_wsgi(app: Any, environ: dict[str, Any]) -> Response:
    """Calls a WSGI application and collects its whole answer."""
    captured: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
        captured["status"], captured["headers"] = status, headers

    result = app(environ, start_response)
    try:
        payload = b"".join(result)
    finally:
        close = getattr(result, "close", None)
        if close:
            close()
    return int(captured["status"].split(" ", 1)[0]), list(captured["headers"]), payload
