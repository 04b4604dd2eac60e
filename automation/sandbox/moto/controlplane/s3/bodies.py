"""S3 object bodies as files: neither memory nor each snapshot has to hold the bundles of all releases."""

from __future__ import annotations

import hashlib
import os
import threading
from typing import Any

from moto.s3.models import FakeKey
from moto.s3.utils import _VersionedKeyStore

# A journal entry is about this size; smaller bodies are kept with their metadata.
INLINE_BYTES = 32 * 1024


class BodyStore:
    """A folder of immutable files named by the SHA-256 of their content.

    Files are never removed while the process runs, because copies of a key share one; `sweep` removes what
    nothing refers to, at the next start.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        os.makedirs(folder, mode=0o700, exist_ok=True)

    def path(self, digest: str) -> str:
        return os.path.join(self.folder, digest)

    def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        path = self.path(digest)
        if not os.path.exists(path):
            temporary = f"{path}.new"
            with open(temporary, "wb") as file:
                file.write(data)
            os.replace(temporary, path)
        return digest

    def get(self, digest: str) -> bytes:
        with open(self.path(digest), "rb") as file:
            return file.read()

    def sweep(self, used: set[str]) -> None:
        for name in os.listdir(self.folder):
            if name not in used:
                os.unlink(self.path(name))


_store: BodyStore | None = None


def store() -> BodyStore:
    """The store that `install` was given."""
    if _store is None:
        raise RuntimeError("the S3 body store is not installed")
    return _store


def _get_value(key: Any) -> bytes:
    return key.inline_body if key.body_digest is None else store().get(key.body_digest)


def _set_value(key: Any, value: Any) -> None:
    data = value.encode("utf-8") if isinstance(value, str) else bytes(value)
    if len(data) <= INLINE_BYTES:
        key.inline_body, key.body_digest = data, None
    else:
        key.inline_body, key.body_digest = b"", store().put(data)
    key.contentsize = len(data)
    buffer = key.__dict__.pop("_value_buffer", None)
    if buffer is not None:
        buffer.close()


def _get_etag(key: Any) -> str:
    if key._etag is None:
        # S3's own definition of an entity tag; it protects nothing.
        key._etag = hashlib.md5(_get_value(key), usedforsecurity=False).hexdigest()
    return f'"{key._etag}"'


def _get_state(key: Any) -> dict[str, Any]:
    return {name: value for name, value in key.__dict__.items() if name != "lock"}


def _set_state(key: Any, state: dict[str, Any]) -> None:
    key.__dict__.update(state)
    key.lock = threading.Lock()


def _dispose(key: Any, garbage: bool = False) -> None:
    key.disposed = True


def _restore_versions(versions: dict[str, Any]) -> Any:
    restored = _VersionedKeyStore()
    dict.update(restored, versions)
    return restored


def _reduce_versions(versions: Any) -> tuple[Any, ...]:
    # Its own items() shows only the newest version of each key, and pickle would keep only those.
    return _restore_versions, (dict(dict.items(versions)),)


def install(folder: str) -> BodyStore:
    """Makes moto's S3 keep object bodies in `folder`."""
    global _store
    _store = BodyStore(folder)
    FakeKey.value = property(_get_value, _set_value)
    FakeKey.etag = property(_get_etag)
    FakeKey.__getstate__ = _get_state
    FakeKey.__setstate__ = _set_state
    FakeKey.dispose = _dispose
    del FakeKey.__del__
    _VersionedKeyStore.__reduce__ = _reduce_versions
    return _store
