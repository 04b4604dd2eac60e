"""Metrics as CloudWatch keeps them: added up by second or by minute, and forgotten after a while.

moto keeps an object for each single value. A load balancer under load brings ten thousand a second.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ..world import World
from .distribution import Distribution

MINUTE = 60
# CloudWatch keeps seconds for three hours and minutes for fifteen days; a sandbox has to fit into memory.
SECONDS_KEPT = 600
MINUTES_KEPT = 6 * 3600

Key = tuple[str, str, tuple[tuple[str, str], ...]]


def key_of(namespace: str, name: str, dimensions: Iterable[dict[str, str]]) -> Key:
    return namespace, name, tuple(sorted((d["Name"], str(d.get("Value", ""))) for d in dimensions))


def to_seconds(moment: datetime) -> float:
    """Unix time; what has no time zone is UTC, as moto reads it."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def from_seconds(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc).replace(tzinfo=None)


@dataclass
class Series:
    """One metric: what it was in each second (high resolution) or minute (standard resolution)."""

    unit: str | None = None
    resolution: int = MINUTE
    buckets: dict[int, Distribution] = field(default_factory=dict)

    def put(self, at: float, values: Distribution, resolution: int, unit: str | None) -> None:
        self.resolution, self.unit = resolution, unit
        start = int(at // resolution) * resolution
        self.buckets.setdefault(start, Distribution()).merge(values)

    def read(self, start: float, end: float, period: int) -> dict[int, Distribution]:
        """The values of each period that has any; `start` is that of the first period."""
        periods: dict[int, Distribution] = {}
        for at, values in self.buckets.items():
            if start <= at < end:
                begin = int(start) + int((at - start) // period) * period
                periods.setdefault(begin, Distribution()).merge(values)
        return periods

    def age(self, now: float) -> None:
        """Puts seconds together to minutes, and forgets the oldest."""
        for at in [at for at in self.buckets if at < now - SECONDS_KEPT and at % MINUTE != 0]:
            self.buckets.setdefault(at - at % MINUTE, Distribution()).merge(self.buckets.pop(at))
        for at in [at for at in self.buckets if at < now - MINUTES_KEPT]:
            del self.buckets[at]


@dataclass
class Arrival:
    """Values on their way: put, but not yet to be seen."""

    at: float
    key: Key
    timestamp: float
    values: Distribution
    resolution: int
    unit: str | None


class MetricStore:
    """All metrics of one account and region."""

    def __init__(self) -> None:
        self.series: dict[Key, Series] = {}
        self.arrivals: deque[Arrival] = deque()
        self.aged_at = 0.0

    def put(self, namespace: str, data: list[dict[str, Any]], world: World) -> None:
        now = time.time()
        for datum in data:
            moment = datum.get("Timestamp")
            timestamp = now if moment is None else to_seconds(moment)
            resolution = MINUTE if world.minute_metrics() else int(datum.get("StorageResolution") or MINUTE)
            key = key_of(namespace, datum["MetricName"], datum.get("Dimensions") or [])
            unit = datum.get("Unit")
            self.arrivals.append(Arrival(now, key, timestamp, values_of(datum), resolution, unit))
        self.deliver(world)

    def deliver(self, world: World) -> None:
        """Makes visible what has been under way for long enough."""
        now, delay, whole_minutes = time.time(), world.metrics_delay_seconds(), world.minute_metrics()
        waiting: deque[Arrival] = deque()
        for arrival in self.arrivals:
            if due(arrival, delay, whole_minutes) > now:
                waiting.append(arrival)
                continue
            series = self.series.setdefault(arrival.key, Series())
            series.put(arrival.timestamp, arrival.values, arrival.resolution, arrival.unit)
        self.arrivals = waiting
        if now - self.aged_at > MINUTE:
            self.age(now)

    def age(self, now: float) -> None:
        self.aged_at = now
        for key, series in list(self.series.items()):
            series.age(now)
            if not series.buckets:
                del self.series[key]


def due(arrival: Arrival, delay: float, whole_minutes: bool) -> float:
    minute_over = (arrival.timestamp // MINUTE + 1) * MINUTE
    return (max(arrival.at, minute_over) if whole_minutes else arrival.at) + delay


def values_of(datum: dict[str, Any]) -> Distribution:
    """The values of one datum of PutMetricData, in any of its three forms."""
    values = Distribution()
    if datum.get("Values"):
        counts = datum.get("Counts") or [1] * len(datum["Values"])
        for value, count in zip(datum["Values"], counts):
            values.add(float(value), float(count))
    elif datum.get("StatisticValues"):
        told = {name: float(value) for name, value in datum["StatisticValues"].items()}
        values.add_summary(told["SampleCount"], told["Sum"], told["Minimum"], told["Maximum"])
    else:
        values.add(float(datum.get("Value", 0)))
    return values


def store_of(backend: Any) -> MetricStore:
    """The store of a backend; one that was saved by an earlier version has none yet."""
    store = backend.__dict__.get("sandbox_metrics")
    if store is None:
        store = backend.sandbox_metrics = MetricStore()
        backend.metric_data = []
    return store
