"""DeleteKeyPair by the id of a key pair, which moto takes and does nothing."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses.key_pairs import KeyPairs


def install() -> None:
    """Puts this in place of moto's."""
    _delete = KeyPairs.delete_key_pair

    def delete_key_pair(response: Any) -> ActionResult:
        wanted = response._get_param("KeyPairId")
        response.error_on_dryrun()
        for name, key_pair in list(response.ec2_backend.key_pairs.items()):
            if key_pair.id == wanted:
                response.ec2_backend.delete_key_pair(name)
                return ActionResult({"Return": True, "KeyPairId": wanted})
        return _delete(response)

    KeyPairs.delete_key_pair = delete_key_pair
