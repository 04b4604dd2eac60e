"""GetMetricData: several metrics and expressions over one stretch of time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .distribution import known
from .expressions import ExpressionError, Points, Scope, Value, evaluate
from .store import MINUTE, Key, MetricStore, Series, key_of

MOST_QUERIES = 500
MOST_DATAPOINTS = 100_800
SHORT_PERIODS = (1, 5, 10, 20, 30)
_ID = re.compile(r"^[a-z]\w*$")
EMPTY = Series()


class QueryError(Exception):
    """CloudWatch refuses this; the message says why."""


@dataclass
class Query:
    """One metric, or one expression over others."""

    id: str
    label: str | None
    returned: bool
    expression: str | None = None
    key: Key | None = None
    statistic: str = ""
    period: int = MINUTE
    unit: str | None = None

    @property
    def shown_label(self) -> str:
        return self.label or (self.key[1] if self.key else self.id)


@dataclass
class Span:
    start: float
    end: float


def period_allowed(period: int) -> bool:
    return period in SHORT_PERIODS or (period > 0 and period % MINUTE == 0)


def query_of(described: dict[str, Any]) -> Query:
    """One query as the API describes it."""
    identifier = str(described.get("Id") or "")
    if not _ID.match(identifier):
        raise QueryError(f"The value {identifier} for parameter Id is not matching the expected pattern.")
    label, returned = described.get("Label"), described.get("ReturnData", True) not in (False, "false")
    stat = described.get("MetricStat")
    if (stat is None) == (described.get("Expression") is None):
        raise QueryError(f"Query {identifier} must have exactly one of MetricStat and Expression.")
    if stat is None:
        period = int(described.get("Period") or MINUTE)
        return Query(identifier, label, returned, str(described["Expression"]), period=period)
    metric = stat.get("Metric") or {}
    key = key_of(metric.get("Namespace", ""), metric.get("MetricName", ""), metric.get("Dimensions") or [])
    query = Query(
        identifier, label, returned, None, key, str(stat.get("Stat")), int(stat["Period"]), stat.get("Unit")
    )
    check_statistic(query.statistic)
    if not period_allowed(query.period):
        raise QueryError(
            f"The value {query.period} for parameter MetricDataQueries.member.MetricStat.Period is not "
            "valid: it must be 1, 5, 10, 20, 30 or a multiple of 60."
        )
    return query


def check_statistic(name: str) -> None:
    if not known(name):
        raise QueryError(f"The value {name} for parameter Stat is not supported by the sandbox.")


def queries_of(described: list[dict[str, Any]]) -> list[Query]:
    if not 0 < len(described) <= MOST_QUERIES:
        raise QueryError(f"The collection MetricDataQueries must have between 1 and {MOST_QUERIES} items.")
    queries = [query_of(one) for one in described]
    ids = [query.id for query in queries]
    if len(set(ids)) < len(ids):
        raise QueryError("The values for parameter Id in MetricDataQueries are not unique.")
    return queries


class Evaluation:
    """The series of some queries, each worked out once and only when it is needed."""

    def __init__(self, store: MetricStore, queries: list[Query], span: Span) -> None:
        self.store, self.span = store, span
        self.queries = {query.id: query for query in queries}
        self.done: dict[str, Value] = {}
        self.under_way: set[str] = set()
        self.period = max([query.period for query in queries if query.key] or [MINUTE])

    def value(self, identifier: str) -> Value:
        if identifier not in self.done:
            query = self.queries.get(identifier)
            if query is None or identifier in self.under_way:
                raise QueryError(f"Error in expression: {identifier} is undefined or refers to itself.")
            self.under_way.add(identifier)
            self.done[identifier] = self.metric(query) if query.key else self.result_of(query)
            self.under_way.discard(identifier)
        return self.done[identifier]

    def series(self, query: Query) -> list[Points]:
        """What a query returns: one series, or several where an expression gives a list."""
        value = self.value(query.id)
        if isinstance(value, float):
            raise QueryError(f"The expression of {query.id} gives a number, and not a time series.")
        if isinstance(value, str):
            raise QueryError(f"The expression of {query.id} gives a text, and not a time series.")
        return value if isinstance(value, list) else [value]

    def metric(self, query: Query) -> Points:
        assert query.key is not None
        found = self.store.series.get(query.key, EMPTY)
        if query.unit is not None and found.unit not in (None, query.unit):
            return {}
        return points_of(found, query.statistic, query.period, self.span)

    def result_of(self, query: Query) -> Value:
        resolutions = [self.store.series.get(q.key, EMPTY).resolution for q in self.queries.values() if q.key]
        start = int(rounded(self.span.start, self.period, min(resolutions or [MINUTE])))
        scope = Scope(
            self.value, self.metrics, list(range(start, int(self.span.end), self.period)), self.period
        )
        try:
            return evaluate(str(query.expression), scope)
        except ExpressionError as error:
            raise QueryError(str(error)) from error

    def metrics(self, text: str) -> list[Points]:
        chosen = [query.id for query in self.queries.values() if query.key and text in query.id]
        return [value for value in map(self.value, chosen) if isinstance(value, dict)]


def points_of(series: Series, statistic: str, period: int, span: Span) -> Points:
    start = rounded(span.start, period, series.resolution)
    points = {}
    for at, values in series.read(start, span.end, period).items():
        value = values.statistic(statistic)
        if value is not None:
            points[at] = value
    return points


def rounded(start: float, period: int, resolution: int) -> float:
    """The beginning of the first period, as CloudWatch rounds it down.

    Unlike there, a minute of a high-resolution metric may begin with any second: the sandbox's own metrics
    have that resolution so that a rehearsal need not wait for whole minutes.
    """
    unit = period if period < MINUTE else min(resolution, MINUTE)
    return start // unit * unit


def results(
    store: MetricStore, described: list[dict[str, Any]], span: Span, newest_first: bool
) -> list[tuple[Query, list[tuple[int, float]]]]:
    """The data points of all queries that return any, in the order asked for."""
    if span.start >= span.end:
        raise QueryError("The parameter EndTime must be greater than StartTime.")
    queries = queries_of(described)
    evaluation = Evaluation(store, queries, span)
    return [
        (query, sorted(points.items(), reverse=newest_first))
        for query in queries
        if query.returned
        for points in evaluation.series(query)
    ]


def page(
    found: list[tuple[Query, list[tuple[int, float]]]], offset: int, size: int
) -> tuple[list[tuple[Query, list[tuple[int, float]], bool]], int | None]:
    """At most `size` data points from `offset` on, whether each series is complete, and where to go on."""
    shown, skipped, left = [], offset, size
    for query, points in found:
        begin = min(skipped, len(points))
        skipped -= begin
        part = points[begin : begin + left]
        left -= len(part)
        if part or not points or begin < len(points):
            shown.append((query, part, begin + len(part) == len(points)))
    total = sum(len(points) for _, points in found)
    return shown, offset + size if offset + size < total else None
