"""/_bascule/*: the API between the control plane and the sandbox's daemon; see contract.ts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from .iam import accounts
from .persistence import Persistence
from .reconcile import Reconciler
from .regions import Regions
from .ssm import commands
from .state_view import sandbox_state
from .world import World

LONGEST_WAIT_SECONDS = 60.0
FAULT_KINDS = (
    "capacity-error",
    "latency",
    "late-metrics",
    "minute-metrics",
    "quota",
    "addresses-taken",
    "denied",
    "image-copies",
)

Response = tuple[int, list[tuple[str, str]], bytes]


class BadRequest(Exception):
    """The request does not keep to the contract; the message says how."""


class InternalApi:
    def __init__(
        self, world: World, reconciler: Reconciler, persistence: Persistence, regions: Regions
    ) -> None:
        self.world = world
        self.reconciler = reconciler
        self.persistence = persistence
        self.regions = regions
        self.routes: dict[tuple[str, str], Callable[[dict[str, Any]], Response]] = {
            ("GET", "state"): self.state,
            ("POST", "truth"): self.truth,
            ("POST", "faults"): self.set_faults,
            ("GET", "faults"): self.get_faults,
            ("POST", "accounts"): self.found_accounts,
            ("GET", "accounts"): self.get_accounts,
            ("POST", "regions"): self.cut_regions,
            ("GET", "regions"): self.get_regions,
            ("GET", "calls"): self.calls,
            ("GET", "health"): self.health,
        }

    def serve(self, environ: dict[str, Any]) -> Response:
        name = environ["PATH_INFO"].rsplit("/", 1)[-1]
        route = self.routes.get((environ["REQUEST_METHOD"], name))
        if route is None:
            return as_json(
                {"error": f"no such route: {environ['REQUEST_METHOD']} {environ['PATH_INFO']}"}, 404
            )
        try:
            return route(environ)
        except BadRequest as error:
            return as_json({"error": str(error)}, 400)

    def state(self, environ: dict[str, Any]) -> Response:
        since = int(number(environ, "since", 0))
        self.world.wait_for_change(since, min(number(environ, "wait", 0), LONGEST_WAIT_SECONDS))
        with self.world.lock:
            return as_json({**sandbox_state(self.world), "cuts": self.regions.cuts})

    def truth(self, environ: dict[str, Any]) -> Response:
        report = body_of(environ)
        if not isinstance(report, dict) or not all(
            isinstance(report.get(field, {}), dict) for field in ("instances", "targets", "commands")
        ):
            raise BadRequest(
                "a truth report is an object with the objects `instances`, `targets` and `commands`"
            )
        with self.world.lock:
            self.world.accept_truth(report)
            observed = commands.observe(self.world, report.get("commands") or {})
            if self.reconciler.run() or observed:
                self.world.bump()
        return 204, [], b""

    def set_faults(self, environ: dict[str, Any]) -> Response:
        faults = body_of(environ)
        if not isinstance(faults, list) or not all(
            isinstance(fault, dict) and fault.get("kind") in FAULT_KINDS for fault in faults
        ):
            raise BadRequest(f"faults are a list of objects whose `kind` is one of {', '.join(FAULT_KINDS)}")
        self.world.set_faults(faults)
        with self.world.lock:
            if self.reconciler.run():
                self.world.bump()
        return 204, [], b""

    def get_faults(self, _: dict[str, Any]) -> Response:
        return as_json(self.world.faults)

    def found_accounts(self, environ: dict[str, Any]) -> Response:
        wish = body_of(environ)
        wanted = wish.get("accounts") if isinstance(wish, dict) else None
        if not isinstance(wanted, list) or not all(accounts.ACCOUNT.fullmatch(str(one)) for one in wanted):
            raise BadRequest("`accounts` is a list of account ids, of twelve digits each")
        with self.world.lock:
            changed = [one for one in wanted if accounts.found(str(one), str(wish.get("region")))]
            if changed:
                self.persistence.mark("iam")
                self.persistence.s3.save()
            ticket = self.persistence.ticket()
        self.persistence.wait_saved(ticket)
        return 204, [], b""

    def get_accounts(self, _: dict[str, Any]) -> Response:
        with self.world.lock:
            return as_json(accounts.founded_accounts())

    def cut_regions(self, environ: dict[str, Any]) -> Response:
        cuts = body_of(environ)
        if not isinstance(cuts, list) or not all(is_cut(cut) for cut in cuts):
            raise BadRequest("regions that are cut off are a list of {region, traffic}")
        with self.world.lock:
            self.regions.set(cuts)
            self.world.bump()
        return 204, [], b""

    def get_regions(self, _: dict[str, Any]) -> Response:
        return as_json(self.regions.cuts)

    def calls(self, environ: dict[str, Any]) -> Response:
        following, calls = self.world.calls_since(int(number(environ, "since", 0)))
        return as_json({"next": following, "calls": calls})

    def health(self, _: dict[str, Any]) -> Response:
        return as_json({"status": "ok", "pid": os.getpid(), "revision": self.world.revision})


def is_cut(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("region"), str)
        and isinstance(value.get("traffic"), bool)
    )


def as_json(value: Any, status: int = 200) -> Response:
    return status, [("Content-Type", "application/json")], json.dumps(value).encode()


def body_of(environ: dict[str, Any]) -> Any:
    try:
        return json.loads(environ["wsgi.input"].getvalue() or b"null")
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}") from error


def number(environ: dict[str, Any], name: str, default: float) -> float:
    text = (parse_qs(environ.get("QUERY_STRING", "")).get(name) or [str(default)])[0]
    try:
        return float(text)
    except ValueError as error:
        raise BadRequest(f"{name} is not a number: {text}") from error
