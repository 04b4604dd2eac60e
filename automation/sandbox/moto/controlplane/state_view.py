"""SandboxState of contract.ts, read from moto's resources."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timezone
from typing import Any

from moto.acm.models import AWS_ROOT_CA, acm_backends
from moto.ec2.models import ec2_backends
from moto.elbv2.models import elbv2_backends

from .ec2.disks import BUNDLE_TAG, Disks, is_build_machine
from .ssm.commands import wanted_commands
from .world import World

DEFAULT_IDLE_TIMEOUT_SECONDS = 60
GROUP_TAG = "aws:autoscaling:groupName"


def sandbox_state(world: World) -> dict[str, Any]:
    """Everything the daemon has to make true, of all accounts and regions. Needs the world's lock."""
    load_balancers: list[dict[str, Any]] = []
    target_groups: list[dict[str, Any]] = []
    instances: list[dict[str, Any]] = []
    certificates: list[dict[str, Any]] = []
    disks = Disks(world.state_folder)
    for account, region, elbv2 in elbv2_backends.iter_backends():
        where = {"account": account, "region": region}
        load_balancers.extend(load_balancer_state(lb, where) for lb in elbv2.load_balancers.values())
        target_groups.extend(target_group_state(tg, where) for tg in elbv2.target_groups.values())
    for account, region, ec2 in ec2_backends.iter_backends():
        where = {"account": account, "region": region}
        for reservation in ec2.reservations.values():
            instances.extend(
                instance_state(ec2, instance, {**where, "disk": disk_of(disks, ec2, instance)})
                for instance in reservation.instances
            )
    for _, _, acm in acm_backends.iter_backends():
        certificates.extend(certificate_state(bundle) for bundle in acm._certificates.values())
    return {
        "revision": world.revision,
        "loadBalancers": load_balancers,
        "targetGroups": target_groups,
        "instances": instances,
        "certificates": certificates,
        "commands": wanted_commands(),
    }


def load_balancer_state(balancer: Any, where: dict[str, str]) -> dict[str, Any]:
    timeout = balancer.attrs.get("idle_timeout.timeout_seconds", DEFAULT_IDLE_TIMEOUT_SECONDS)
    return {
        "arn": balancer.arn,
        "name": balancer.name,
        **where,
        "address": balancer.dns_name,
        "idleTimeoutSeconds": int(timeout),
        "listeners": [listener_state(listener) for listener in balancer.listeners.values()],
    }


def listener_state(listener: Any) -> dict[str, Any]:
    rules = sorted(listener.rules.values(), key=rule_order)
    return {
        "arn": listener.arn,
        "port": int(listener.port),
        "protocol": listener.protocol,
        "certificateArns": list(listener.certificates),
        "rules": [rule_state(rule) for rule in rules],
    }


def rule_order(rule: Any) -> float:
    return float("inf") if rule.priority == "default" else int(rule.priority)


def rule_state(rule: Any) -> dict[str, Any]:
    return {
        "arn": rule.arn,
        "priority": str(rule.priority),
        "conditions": rule.conditions,
        "actions": [action.data for action in rule.actions],
    }


def target_group_state(group: Any, where: dict[str, str]) -> dict[str, Any]:
    registered = [target_state(target) for target in group.targets.values()]
    draining = [target_state(target) for target in group.deregistered_targets.values()]
    return {
        "arn": group.arn,
        "name": group.name,
        **where,
        "port": int(group.port or 0),
        "protocol": group.protocol or "",
        "healthCheck": {
            "enabled": str(group.health_check_enabled).lower() == "true",
            "path": group.health_check_path or "/",
            "port": str(group.health_check_port or "traffic-port"),
            "protocol": group.health_check_protocol or "HTTP",
            "intervalSeconds": int(group.health_check_interval_seconds),
            "timeoutSeconds": int(group.health_check_timeout_seconds),
            "healthyThreshold": int(group.healthy_threshold_count),
            "unhealthyThreshold": int(group.unhealthy_threshold_count),
            "matcher": (getattr(group, "matcher", None) or {}).get("HttpCode", "200"),
        },
        "attributes": {key: str(value) for key, value in group.attributes.items()},
        "targets": registered + draining,
    }


def target_state(target: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": target["Id"],
        "port": int(target["Port"]),
        "registeredAt": target.get("RegisteredAt", 0),
        "deregisteredAt": target.get("DeregisteredAt"),
    }


def disk_of(disks: Disks, ec2: Any, instance: Any) -> str | None:
    """Where the files of the instance's image lie, unless a bundle says what it runs."""
    return None if BUNDLE_TAG in image_tags(ec2, instance.image_id) else disks.of_image(instance.image_id)


def image_tags(ec2: Any, image_id: str | None) -> dict[str, str]:
    """The tags of an image, which say what is on it: its owner's, too, where another account shares it."""
    accounts = [other for _, region, other in ec2_backends.iter_backends() if region == ec2.region_name]
    owner = next((one for one in [ec2, *accounts] if image_id in one.amis), None)
    return {} if owner is None else {**owner.tags.get(image_id, {}), **ec2.tags.get(image_id, {})}


def instance_state(ec2: Any, instance: Any, where: dict[str, Any]) -> dict[str, Any]:
    tags = dict(ec2.tags.get(instance.id, {}))
    return {
        "id": instance.id,
        **where,
        "state": instance.state,
        "imageId": instance.image_id,
        "imageTags": image_tags(ec2, instance.image_id),
        "tags": tags,
        "userData": decoded(instance.user_data),
        "launchedAt": utc_ms(instance.launch_time),
        "autoScalingGroup": tags.get(GROUP_TAG),
        "buildMachine": is_build_machine(instance),
    }


def utc_ms(moment: datetime) -> int:
    """Unix milliseconds of one of moto's datetimes, which are UTC without saying so."""
    return int(moment.replace(tzinfo=timezone.utc).timestamp() * 1000)


def decoded(user_data: str | None) -> str | None:
    """User data as it was before its base64 encoding."""
    if not user_data:
        return None
    try:
        return base64.b64decode(str(user_data), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return str(user_data)


def certificate_state(bundle: Any) -> dict[str, Any]:
    shown = {"arn": bundle.arn, "domain": bundle.common_name}
    if bundle.type != "IMPORTED":
        # moto signs what was requested by an authority that it keeps no key of, so that no client could trust
        # it; the load balancer makes a certificate by the sandbox's own authority instead.
        return {**shown, "certificate": None, "privateKey": None, "chain": None}
    return {
        **shown,
        "certificate": text(bundle.cert),
        "privateKey": text(bundle.key),
        "chain": text(bundle.chain.replace(AWS_ROOT_CA, b"").strip() or None),
    }


def text(pem: Any) -> str | None:
    if pem is None:
        return None
    return pem.decode() if isinstance(pem, bytes) else str(pem)
