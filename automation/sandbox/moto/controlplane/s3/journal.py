"""Saves S3 so that a write is on disk before its answer is sent: deployment journals and locks live there.

A write of one object appends one record to a log; anything else writes a snapshot of all of S3. Starting
reads the snapshot and then the log. Records carry a checksum, because a kill can cut the last one short.
"""

from __future__ import annotations

import io
import os
import pickle
import struct
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from moto.s3.models import FakeKey, s3_backends

from ..aws_request import single_object
from . import bodies

HEADER = struct.Struct(">II")
SINGLE_OBJECT_ACTIONS = frozenset(
    {"PutObject", "DeleteObject", "CopyObject", "PutObjectTagging", "DeleteObjectTagging", "PutObjectAcl"}
)
LOG_BYTES = 8 * 1024 * 1024


class S3Journal:
    """The log and the snapshot of all buckets. Every method is called under the world's lock."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.snapshot_path = os.path.join(folder, "s3.snapshot")
        self.log: BinaryIO | None = None
        self.generation = 0
        bodies.install(os.path.join(folder, "objects"))

    def log_path(self) -> str:
        return os.path.join(self.folder, f"s3.{self.generation}.log")

    def load(self) -> None:
        """Restores all buckets and removes object bodies that nothing names any more."""
        if os.path.exists(self.snapshot_path):
            with open(self.snapshot_path, "rb") as file:
                saved = pickle.load(file)
            self.generation = saved["generation"]
            for (account, partition), fields in saved["state"].items():
                backend = s3_backends[account][partition]
                backend.__dict__.clear()
                backend.__dict__.update(fields)
            s3_backends.bucket_accounts.update(saved["bucket_accounts"])
        if os.path.exists(self.log_path()):
            with open(self.log_path(), "rb") as file:
                for record in read_records(file.read()):
                    self.replay(record)
        bodies.store().sweep(used_bodies())
        # A fresh snapshot ends a log whose last record may be torn: nothing may be appended after that.
        self.save()

    def record(self, environ: dict[str, Any], action: str) -> None:
        """Makes a change that moto just made durable."""
        named = single_object(environ)
        located = named and s3_backends.bucket_accounts.get(named[0])
        # A key that starts with a slash is named differently in the path and in moto.
        if (
            action not in SINGLE_OBJECT_ACTIONS
            or named is None
            or located is None
            or named[1].startswith("/")
        ):
            self.save()
            return
        bucket_name, key_name = named
        partition, account = located
        backend = s3_backends[account][partition]
        versions = backend.buckets[bucket_name].keys.getlist(key_name)
        tags = {}
        for version in versions or []:
            if isinstance(version, FakeKey):
                tags[version.arn] = backend.tagger.get_tag_dict_for_resource(version.arn)
        self.append(
            {
                "account": account,
                "partition": partition,
                "bucket": bucket_name,
                "key": key_name,
                "versions": versions,
                "tags": tags,
            }
        )

    def append(self, record: dict[str, Any]) -> None:
        assert self.log is not None, "load() comes first"
        data = pickle.dumps(record, protocol=5)
        self.log.write(HEADER.pack(len(data), zlib.crc32(data)) + data)
        self.log.flush()
        if self.log.tell() > LOG_BYTES:
            self.save()

    def replay(self, record: dict[str, Any]) -> None:
        backend = s3_backends[record["account"]][record["partition"]]
        bucket = backend.buckets.get(record["bucket"])
        if bucket is None:
            return
        if record["versions"]:
            bucket.keys.setlist(record["key"], record["versions"])
        elif record["key"] in bucket.keys:
            bucket.keys.pop(record["key"])
        for arn, tags in record["tags"].items():
            backend.tagger.delete_all_tags_for_resource(arn)
            if tags:
                backend.tagger.tag_resource(arn, [{"Key": k, "Value": v} for k, v in tags.items()])

    def save(self) -> None:
        """Writes a snapshot of everything and starts an empty log.

        The snapshot names its log by number, so that a kill between the two files never pairs a new
        snapshot with an old log.
        """
        old_log = self.log_path()
        state = {
            (account, partition): dict(backend.__dict__)
            for account, partition, backend in s3_backends.iter_backends()
        }
        generation = self.generation + 1
        buffer = io.BytesIO()
        pickle.dump(
            {"generation": generation, "state": state, "bucket_accounts": dict(s3_backends.bucket_accounts)},
            buffer,
            protocol=5,
        )
        with open(f"{self.snapshot_path}.new", "wb") as file:
            file.write(buffer.getvalue())
        if self.log is not None:
            self.log.close()
        self.generation = generation
        self.log = open(self.log_path(), "wb")
        os.replace(f"{self.snapshot_path}.new", self.snapshot_path)
        if os.path.exists(old_log):
            os.unlink(old_log)

    def close(self) -> None:
        self.save()
        if self.log is not None:
            self.log.close()


def read_records(data: bytes) -> Iterator[dict[str, Any]]:
    """The records of a log, up to the first that is cut short or damaged."""
    offset = 0
    while offset + HEADER.size <= len(data):
        length, checksum = HEADER.unpack_from(data, offset)
        payload = data[offset + HEADER.size : offset + HEADER.size + length]
        if len(payload) < length or zlib.crc32(payload) != checksum:
            return
        yield pickle.loads(payload)
        offset += HEADER.size + length


def used_bodies() -> set[str]:
    """The digests of all bodies that an object or an upload in progress refers to."""
    used: set[str] = set()
    for _, _, backend in s3_backends.iter_backends():
        for bucket in backend.buckets.values():
            for key_name in list(bucket.keys.keys()):
                used.update(
                    filter(None, (getattr(v, "body_digest", None) for v in bucket.keys.getlist(key_name)))
                )
            for upload in bucket.multiparts.values():
                used.update(filter(None, (part.body_digest for part in upload.parts.values())))
    return used
