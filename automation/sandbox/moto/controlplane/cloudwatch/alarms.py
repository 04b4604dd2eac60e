"""Alarms, evaluated from their metrics as CloudWatch does; composite alarms keep the state that was set."""

from __future__ import annotations

import json
import sys
import time
import traceback
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from ..world import World
from .expressions import Points
from .queries import Evaluation, Query, QueryError, Span
from .store import MINUTE, MetricStore, key_of, store_of, to_seconds

EVALUATION_SECONDS = 1.0
# CloudWatch looks at more periods than the alarm asks for, so that a late one does not count as missing.
EXTRA_PERIODS = 2
COMPARISONS = {
    "GreaterThanThreshold": lambda value, limit: value > limit,
    "GreaterThanOrEqualToThreshold": lambda value, limit: value >= limit,
    "LessThanThreshold": lambda value, limit: value < limit,
    "LessThanOrEqualToThreshold": lambda value, limit: value <= limit,
}
WORDS = {
    "GreaterThanThreshold": "greater than",
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}


def assess(breaches: list[bool | None], needed: int, periods: int, missing: str, current: str) -> str:
    """The state of an alarm, from the newest data points it looks at, oldest first; None is a missing one.

    These are the rules of "Configuring how CloudWatch alarms treat missing data" in its user guide.
    """
    real = [breach for breach in breaches if breach is not None][-periods:]
    filled = periods - len(real)
    if filled > 0 and missing in ("breaching", "notBreaching"):
        real = real + [missing == "breaching"] * filled
    if not real:
        return current if missing == "ignore" else "INSUFFICIENT_DATA"
    if sum(real) >= needed:
        return "ALARM"
    if len(real) < needed and all(real):
        return _too_few(breaches, needed, missing, current)
    return "OK"


def _too_few(breaches: list[bool | None], needed: int, missing: str, current: str) -> str:
    """Only breaching data points, but fewer than needed: an alarm once the oldest of them is old enough."""
    if missing == "ignore":
        return current
    oldest = len(breaches) - breaches.index(True)
    return "ALARM" if oldest >= needed else "OK"


def queries_of_alarm(alarm: Any) -> list[Query]:
    if not alarm.metric_data_queries:
        dimensions = [{"Name": d.name, "Value": d.value} for d in alarm.dimensions]
        key = key_of(alarm.namespace, alarm.metric_name, dimensions)
        statistic = alarm.extended_statistic or alarm.statistic
        return [Query("m", None, True, None, key, statistic, int(alarm.period), alarm.unit)]
    return [_query_of(one) for one in alarm.metric_data_queries]


def _query_of(one: Any) -> Query:
    returned = str(one.return_data).lower() == "true"
    if one.metric_stat is None:
        return Query(one.id, one.label, returned, one.expression)
    metric = one.metric_stat.metric
    dimensions = [{"Name": d.name, "Value": d.value} for d in metric.dimensions]
    key = key_of(metric.namespace, metric.metric_name, dimensions)
    stat = one.metric_stat
    return Query(one.id, one.label, returned, None, key, stat.stat, int(stat.period), stat.unit)


def points_of(store: MetricStore, alarm: Any, now: float) -> tuple[Points, list[int]]:
    """The data points an alarm looks at, and the beginnings of its periods, oldest first."""
    queries = queries_of_alarm(alarm)
    period = max([query.period for query in queries if query.key] or [MINUTE])
    # The period that is not over yet does not count.
    end = now // min(period, MINUTE) * min(period, MINUTE)
    start = end - period * (int(alarm.evaluation_periods) + EXTRA_PERIODS)
    evaluation = Evaluation(store, queries, Span(start, end))
    returned = next(query for query in queries if query.returned)
    return evaluation.series(returned)[0], list(range(int(start), int(end), period))


def evaluate(store: MetricStore, alarm: Any, now: float) -> None:
    compare = COMPARISONS.get(alarm.comparison_operator)
    if alarm.rule is not None or compare is None or alarm.threshold is None:
        return
    try:
        points, times = points_of(store, alarm, now)
    except QueryError as error:
        change(alarm, "INSUFFICIENT_DATA", str(error), {})
        return
    limit, periods = float(alarm.threshold), int(alarm.evaluation_periods)
    needed = int(alarm.datapoints_to_alarm or periods)
    breaches = [compare(points[at], limit) if at in points else None for at in times]
    state = assess(breaches, needed, periods, alarm.treat_missing_data or "missing", alarm.state_value)
    recent = [points[at] for at in times if at in points][-periods:]
    if recent:
        told = ", ".join(str(value) for value in recent)
        words = ("" if state == "ALARM" else "not ") + WORDS[alarm.comparison_operator]
        reason = f"Threshold Crossed: the datapoints [{told}] were {words} the threshold ({limit})."
    else:
        reason = f"{state}: no datapoints were received for {periods} period(s)."
    change(alarm, state, reason, {"recentDatapoints": recent, "threshold": limit})


def evaluate_safely(store: MetricStore, alarm: Any, now: float) -> None:
    """One alarm that cannot be evaluated must not stop the others, nor what runs in the same thread."""
    try:
        evaluate(store, alarm, now)
    except Exception:
        print(f"sandbox control plane: alarm {alarm.name}:", file=sys.stderr)
        traceback.print_exc(file=sys.stderr)


def change(alarm: Any, state: str, reason: str, data: dict[str, Any]) -> None:
    if state != alarm.state_value:
        alarm.update_state(reason, json.dumps(data), state)


def held(alarm: Any, now: float) -> bool:
    """Whether SetAlarmState put the alarm where it is, and its next evaluation is still to come."""
    until = getattr(alarm, "sandbox_held_until", 0.0)
    return bool(now < until)


def hold(alarm: Any) -> None:
    period = max([query.period for query in queries_of_alarm(alarm) if query.key] or [MINUTE])
    alarm.sandbox_held_until = to_seconds(alarm.state_updated_timestamp) + min(period, MINUTE)


class Alarms:
    """All alarms of all accounts and regions."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.evaluated_at = 0.0

    def run(self) -> None:
        """One evaluation of each alarm, if it is time for it. Needs the world's lock."""
        now = time.time()
        if now - self.evaluated_at < EVALUATION_SECONDS:
            return
        self.evaluated_at = now
        for _, _, backend in list(cloudwatch_backends.iter_backends()):
            if not backend.alarms:
                continue
            store = store_of(backend)
            store.deliver(self.world)
            for alarm in backend.alarms.values():
                if not held(alarm, now):
                    evaluate_safely(store, alarm, now)
