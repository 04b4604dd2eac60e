"""Load balancers with addresses that work, and with the real one's refusals."""

from __future__ import annotations

from typing import Any

from moto.elbv2.exceptions import (
    DuplicateListenerError,
    DuplicateLoadBalancerName,
    ELBClientError,
    ListenerNotFoundError,
    LoadBalancerNotFoundError,
    RuleNotFoundError,
)
from moto.elbv2.models import ELBv2Backend, FakeAction

from ..world import World
from . import addresses, validation

_create_load_balancer = ELBv2Backend.create_load_balancer
_delete_load_balancer = ELBv2Backend.delete_load_balancer
_create_listener = ELBv2Backend.create_listener
_modify_listener = ELBv2Backend.modify_listener
_delete_listener = ELBv2Backend.delete_listener
_create_rule = ELBv2Backend.create_rule
_modify_rule = ELBv2Backend.modify_rule
_delete_rule = ELBv2Backend.delete_rule
_modify_attributes = ELBv2Backend.modify_target_group_attributes
_init_action = FakeAction.__init__


def init_action(action: Any, data: dict[str, Any]) -> None:
    """AWS answers a forward to one target group in both of its spellings, whichever was sent."""
    forward = data.get("ForwardConfig")
    if data.get("Type") == "forward" and not forward and data.get("TargetGroupArn"):
        data["ForwardConfig"] = {"TargetGroups": [{"TargetGroupArn": data["TargetGroupArn"], "Weight": 1}]}
    groups = (forward or {}).get("TargetGroups") or []
    if len(groups) == 1:
        data["TargetGroupArn"] = groups[0]["TargetGroupArn"]
    _init_action(action, data)


def delete_load_balancer(backend: Any, arn: str) -> None:
    balancer = backend.load_balancers.get(arn)
    if balancer is None:
        return
    if validation.is_true(balancer.attrs.get("deletion_protection.enabled")):
        raise ELBClientError(
            "OperationNotPermitted",
            f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
        )
    for listener in balancer.listeners.values():
        addresses.release(balancer.dns_name, int(listener.port))
    _delete_load_balancer(backend, arn)


def check_port(balancer: Any, port: Any) -> None:
    if any(int(listener.port) == int(port) for listener in balancer.listeners.values()):
        raise DuplicateListenerError()
    why = addresses.refusal(balancer, int(port))
    if why is not None:
        raise ELBClientError("InvalidConfigurationRequest", why)


def create_listener(
    backend: Any, load_balancer_arn: str, protocol: str, port: Any, *rest: Any, **fields: Any
) -> Any:
    balancer = backend.load_balancers.get(load_balancer_arn)
    if balancer is None:
        raise LoadBalancerNotFoundError()
    certificate = fields.get("certificate")
    if protocol == "HTTPS" and not certificate:
        raise ELBClientError("ValidationError", "A certificate must be specified for HTTPS listeners")
    if certificate and not backend._certificate_exists(certificate):
        raise ELBClientError("CertificateNotFound", f"Certificate '{certificate}' not found")
    validation.check_forwards(backend, fields.get("actions") or [])
    if port is not None:
        check_port(balancer, port)
    return _create_listener(backend, load_balancer_arn, protocol, port, *rest, **fields)


def modify_listener(backend: Any, arn: str, port: Any = None, *rest: Any, **fields: Any) -> Any:
    found = backend.describe_listeners(load_balancer_arn=None, listener_arns=[arn])
    if not found:
        raise ListenerNotFoundError()
    balancer = backend.load_balancers[found[0].load_balancer_arn]
    # moto's response passes: protocol, ssl_policy, certificates, actions.
    actions = fields.get("actions") or (rest[3] if len(rest) > 3 else None) or []
    backend._validate_actions([FakeAction(dict(action)) for action in actions])
    validation.check_forwards(backend, actions)
    if port is not None and int(port) != int(found[0].port):
        check_port(balancer, port)
        addresses.release(balancer.dns_name, int(found[0].port))
    return _modify_listener(backend, arn, port, *rest, **fields)


def delete_listener(backend: Any, listener_arn: str) -> Any:
    listener = _delete_listener(backend, listener_arn)
    balancer = backend.load_balancers[listener.load_balancer_arn]
    addresses.release(balancer.dns_name, int(listener.port))
    return listener


def create_rule(
    backend: Any, listener_arn: str, conditions: Any, priority: Any, actions: Any, tags: Any = None
) -> Any:
    validation.check_priority(priority)
    validation.check_forwards(backend, actions)
    return _create_rule(backend, listener_arn, conditions, int(priority), actions, tags)


def modify_rule(backend: Any, rule_arn: str, conditions: Any, actions: Any) -> Any:
    if is_default(backend, rule_arn):
        raise ELBClientError("OperationNotPermitted", f"Default rule '{rule_arn}' cannot be modified")
    validation.check_forwards(backend, actions or [])
    return _modify_rule(backend, rule_arn, conditions, actions)


def delete_rule(backend: Any, arn: str) -> None:
    if is_default(backend, arn):
        raise ELBClientError("OperationNotPermitted", f"Default rule '{arn}' cannot be deleted")
    _delete_rule(backend, arn)


def is_default(backend: Any, rule_arn: str) -> bool:
    """Whether a rule is its listener's default rule. Raises RuleNotFound when there is no such rule."""
    for balancer in backend.load_balancers.values():
        for listener in balancer.listeners.values():
            if rule_arn in listener._non_default_rules:
                return False
            if any(rule.arn == rule_arn for rule in listener._default_rule.values()):
                return True
    raise RuleNotFoundError("One or more rules not found")


def modify_target_group_attributes(backend: Any, target_group_arn: str, attributes: dict[str, Any]) -> None:
    validation.check_target_stickiness(backend, target_group_arn, attributes)
    _modify_attributes(backend, target_group_arn, attributes)


def install(world: World) -> None:
    """Puts these operations in place of moto's."""

    def create_load_balancer(backend: Any, name: str, *rest: Any, **fields: Any) -> Any:
        validation.check_name(name)
        if any(balancer.name == name for balancer in backend.load_balancers.values()):
            raise DuplicateLoadBalancerName()
        balancer = _create_load_balancer(backend, name, *rest, **fields)
        try:
            if balancer.type == "application":
                validation.check_zones(balancer.subnets)
        except ELBClientError:
            del backend.load_balancers[balancer.arn]
            raise
        balancer.dns_name = addresses.choose_address(world, balancer.arn)
        return balancer

    FakeAction.__init__ = init_action
    ELBv2Backend.create_load_balancer = create_load_balancer
    ELBv2Backend.delete_load_balancer = delete_load_balancer
    ELBv2Backend.create_listener = create_listener
    ELBv2Backend.modify_listener = modify_listener
    ELBv2Backend.delete_listener = delete_listener
    ELBv2Backend.create_rule = create_rule
    ELBv2Backend.modify_rule = modify_rule
    ELBv2Backend.delete_rule = delete_rule
    ELBv2Backend.modify_target_group_attributes = modify_target_group_attributes
