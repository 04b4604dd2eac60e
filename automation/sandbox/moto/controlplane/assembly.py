"""Puts the control plane together: patches moto, restores its resources, starts the threads."""

from __future__ import annotations

import io
import os
from functools import cache
from typing import Any

from moto.core import responses as core_responses
from moto.core.common_models import BaseModel

from .acm import certificates
from .autoscaling import backend as autoscaling_backend
from .autoscaling import responses as autoscaling_responses
from .cloudwatch import responses as cloudwatch_responses
from .ec2 import addresses, copies, disks, images, key_pairs, templates, truth, volumes
from .elbv2 import backend as elbv2_backend
from .elbv2 import limits, targets
from .gateway import Gateway, run_wsgi
from .iam import accounts
from .persistence import Persistence
from .quotas import service_quotas
from .reconcile import Reconciler
from .server import Server
from .ssm import responses as ssm_responses
from .world import World

STATE_SUBFOLDER = "control-plane"
# One reading call of each service that a deployment uses: the first one loads its API model.
WARM_UP_CALLS = (
    ("ec2", "2016-11-15", "DescribeInstances"),
    ("autoscaling", "2011-01-01", "DescribeAutoScalingGroups"),
    ("elasticloadbalancing", "2015-12-01", "DescribeLoadBalancers"),
    ("sts", "2011-06-15", "GetCallerIdentity"),
    ("iam", "2010-05-08", "ListRoles"),
)


class ControlPlane:
    """Everything of one running control plane. Creating it restores the saved state."""

    def __init__(self, state_folder: str) -> None:
        self.world = World(state_folder)
        install_patches(self.world)
        self.persistence = Persistence(self.world, os.path.join(state_folder, STATE_SUBFOLDER))
        self.persistence.load()
        # What loading made is what was saved.
        self.world.dirty_services.clear()
        disks.Disks(state_folder).tidy()
        self.reconciler = Reconciler(self.world)
        self.gateway = Gateway(self.world, self.persistence, self.reconciler)

    def listen(self, host: str, port: int) -> Server:
        """Binds the port and starts the threads that save and reconcile."""
        server = Server(host, port, self.gateway)
        self.persistence.start()
        self.reconciler.start()
        return server

    def warm_up(self, region: str) -> None:
        """Makes the first real calls as fast as later ones."""
        with self.world.lock:
            for service, version, action in WARM_UP_CALLS:
                environ = signed_call(service, region, f"Action={action}&Version={version}")
                run_wsgi(self.gateway.dispatcher.get_application(environ), environ)
            environ = signed_call("s3", region, "")
            environ["REQUEST_METHOD"] = "GET"
            run_wsgi(self.gateway.dispatcher.get_application(environ), environ)

    def close(self, server: Server) -> None:
        """Stops serving, then saves what is not saved yet. The process has to end after this."""
        self.world.stop()
        server.shutdown()
        # Never released: what a call still under way would change now, no snapshot would hold.
        self.world.lock.acquire()
        self.persistence.close()
        server.server_close()


def install_patches(world: World) -> None:
    # moto keeps every object it ever made for its dashboard: a leak in a process that runs for days.
    BaseModel.__new__ = staticmethod(lambda cls, *args, **fields: object.__new__(cls))
    # moto reflects on a service's class for each call; what it finds never changes.
    core_responses.method_names_from_class = cache(core_responses.method_names_from_class)
    certificates.install()
    accounts.install(world)
    truth.install(world)
    addresses.install(world)
    images.install()
    disks.install(world)
    copies.install(world)
    key_pairs.install()
    templates.install()
    volumes.install()
    targets.install(world)
    limits.install(world)
    service_quotas.install(world)
    elbv2_backend.install(world)
    autoscaling_backend.install(world)
    autoscaling_responses.install()
    cloudwatch_responses.install(world)
    ssm_responses.install()


def signed_call(service: str, region: str, form: str) -> dict[str, Any]:
    """The WSGI environment of a call as an SDK would sign it."""
    body = form.encode()
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "RAW_URI": "/",
        "QUERY_STRING": "",
        "SCRIPT_NAME": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential=warmup/20260101/{region}/{service}/aws4_request",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
    }
