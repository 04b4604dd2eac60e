"""Regions that are cut off: their APIs give no answer, until they are healed."""

from __future__ import annotations

import json
import os
from typing import Any

from .aws_request import AwsRequest
from .persistence import write_atomically
from .s3.guard import bucket_named, named_by

# The daemon is what happens inside of a region, which goes on while nobody can see it.
DAEMON = "bascule-sandbox-daemon"


class RegionCut(ConnectionAbortedError):
    """Ends the connection instead of answering."""


class Regions:
    """Which regions are cut off, and whether their load balancers are too; kept on disk."""

    def __init__(self, folder: str) -> None:
        self.path = os.path.join(folder, "regions.json")
        self.cuts: list[dict[str, Any]] = []
        if os.path.exists(self.path):
            with open(self.path, encoding="utf-8") as file:
                self.cuts = json.load(file)

    def set(self, cuts: list[dict[str, Any]]) -> None:
        """Replaces the list. Needs the world's lock."""
        write_atomically(self.path, json.dumps(cuts).encode())
        self.cuts = cuts

    def hides(self, request: AwsRequest, environ: dict[str, Any]) -> bool:
        """Whether a call would go to a region that is cut off."""
        if not self.cuts or DAEMON in environ.get("HTTP_USER_AGENT", ""):
            return False
        region = request.region
        if request.service == "s3":
            # Whatever a call was signed for, it is answered where the bucket is.
            bucket = bucket_named(named_by(environ)[0])
            region = region if bucket is None else bucket.region_name
        return any(cut["region"] == region for cut in self.cuts)
