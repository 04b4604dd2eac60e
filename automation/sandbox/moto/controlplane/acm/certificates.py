"""Certificates that can be saved: parsed keys cannot be pickled, their PEM text can."""

from __future__ import annotations

from typing import Any

from moto.acm.models import CertBundle

PARSED = ("_key", "_cert")


def get_state(bundle: Any) -> dict[str, Any]:
    return {name: value for name, value in bundle.__dict__.items() if name not in PARSED}


def set_state(bundle: Any, state: dict[str, Any]) -> None:
    bundle.__dict__.update(state)
    bundle._key = bundle.validate_pk()
    bundle._cert = bundle.validate_certificate()


def install() -> None:
    """Gives moto's certificates these two."""
    CertBundle.__getstate__ = get_state
    CertBundle.__setstate__ = set_state
