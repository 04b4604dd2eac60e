"""Scaling activities: what an Auto Scaling group did and why, in AWS's words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from moto.core.utils import utcnow
from moto.moto_api._internal import mock_random

# AWS keeps them for six weeks; this many are as many as anyone reads.
KEPT = 500


def stamp(moment: datetime | None = None) -> str:
    return (moment or utcnow()).strftime("%Y-%m-%dT%H:%M:%SZ")


class ScalingActivity:
    """One activity. Fields are named as moto's serializer looks for them."""

    def __init__(self, group: Any, description: str, cause: str, instance_id: str | None = None) -> None:
        self.activity_id = str(mock_random.uuid4())
        self.auto_scaling_group_name = group.name
        self.auto_scaling_group_arn = group.arn
        self.description = description
        self.cause = cause
        self.start_time = utcnow()
        self.end_time: datetime | None = None
        self.status_code = "InProgress"
        self.status_message: str | None = None
        self.progress = 50
        self.details = "{}"
        self.instance_id = instance_id

    def to(self, status_code: str, progress: int) -> None:
        self.status_code = status_code
        self.progress = progress

    def succeed(self) -> None:
        self.to("Successful", 100)
        self.end_time = utcnow()

    def fail(self, message: str) -> None:
        self.to("Failed", 100)
        self.status_message = message
        self.end_time = utcnow()

    def cancel(self, message: str) -> None:
        self.to("Cancelled", 100)
        self.status_message = message
        self.end_time = utcnow()


def record(group: Any, activity: ScalingActivity) -> ScalingActivity:
    """Adds an activity to its group's history, newest first."""
    group.activities.insert(0, activity)
    del group.activities[KEPT:]
    return activity


def launching(group: Any, instance_id: str, cause: str) -> ScalingActivity:
    activity = ScalingActivity(group, f"Launching a new EC2 instance: {instance_id}", cause, instance_id)
    activity.to("PreInService", 30)
    return record(group, activity)


def launch_failed(group: Any, message: str, cause: str) -> ScalingActivity:
    activity = ScalingActivity(group, f"Launching a new EC2 instance.  Status Reason: {message}", cause)
    activity.fail(message)
    return record(group, activity)


def terminating(group: Any, instance_id: str, cause: str) -> ScalingActivity:
    return record(
        group, ScalingActivity(group, f"Terminating EC2 instance: {instance_id}", cause, instance_id)
    )


def capacity_message(instance_type: str, zone: str, zones: list[str]) -> str:
    """What EC2 says when it has no capacity left in a zone."""
    others = [other for other in zones if other != zone]
    choosing = f" or choosing {', '.join(others)}" if others else ""
    return (
        f"We currently do not have sufficient {instance_type} capacity in the Availability Zone you "
        f"requested ({zone}). Our system will be working on provisioning additional capacity. You can "
        f"currently get {instance_type} capacity by not specifying an Availability Zone in your "
        f"request{choosing}. Launching EC2 instance failed."
    )
