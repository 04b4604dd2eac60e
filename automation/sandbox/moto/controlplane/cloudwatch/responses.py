"""The CloudWatch API over the sandbox's own store of metrics, in place of moto's."""

from __future__ import annotations

import base64
from typing import Any

from moto.cloudwatch.exceptions import (
    InvalidParameterCombination,
    InvalidParameterValue,
    ValidationError,
)
from moto.cloudwatch.models import CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

from ..world import World
from . import alarms
from .distribution import SIMPLE_STATISTICS, percentile_of
from .queries import MOST_DATAPOINTS, QueryError, Span, page, period_allowed, results, rounded
from .store import MetricStore, from_seconds, key_of, store_of, to_seconds

MOST_STATISTICS_DATAPOINTS = 1440
METRICS_PAGE = 500
ALARMS_PAGE = 100

_put_metric_alarm = CloudWatchBackend.put_metric_alarm
_set_alarm_state = CloudWatchBackend.set_alarm_state
_describe_alarms = CloudWatchResponse.describe_alarms


def span_of(response: Any) -> Span:
    return Span(to_seconds(response._get_param("StartTime")), to_seconds(response._get_param("EndTime")))


def offset_of(token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token.encode()))
    except ValueError as error:
        raise InvalidParameterValue("Request parameter NextToken is invalid") from error


def token_of(offset: int | None) -> str | None:
    return None if offset is None else base64.urlsafe_b64encode(str(offset).encode()).decode()


def get_metric_data(response: Any, store: MetricStore) -> ActionResult:
    newest_first = (response._get_param("ScanBy") or "TimestampDescending") == "TimestampDescending"
    size = int(response._get_param("MaxDatapoints") or MOST_DATAPOINTS)
    if not 0 < size <= MOST_DATAPOINTS:
        raise ValidationError(f"The parameter MaxDatapoints must be between 1 and {MOST_DATAPOINTS}.")
    try:
        found = results(store, response._get_param("MetricDataQueries", []), span_of(response), newest_first)
    except QueryError as error:
        raise ValidationError(str(error)) from error
    shown, following = page(found, offset_of(response._get_param("NextToken")), size)
    described = [
        {
            "Id": query.id,
            "Label": query.shown_label,
            "Timestamps": [from_seconds(at) for at, _ in points],
            "Values": [value for _, value in points],
            "StatusCode": "Complete" if complete else "PartialData",
        }
        for query, points, complete in shown
    ]
    return ActionResult({"MetricDataResults": described, "NextToken": token_of(following)})


def get_metric_statistics(response: Any, store: MetricStore) -> ActionResult:
    name, period = response._get_param("MetricName"), int(response._get_param("Period"))
    simple = response._get_param("Statistics", [])
    extended = response._get_param("ExtendedStatistics", [])
    span = span_of(response)
    check_statistics(simple, extended, span, period)
    key = key_of(response._get_param("Namespace"), name, response._get_param("Dimensions", []))
    series, unit = store.series.get(key), response._get_param("Unit")
    if series is None or (unit and series.unit not in (None, unit)):
        return ActionResult({"Label": name, "Datapoints": []})
    start = rounded(span.start, period, series.resolution)
    datapoints = []
    for at, values in sorted(series.read(start, span.end, period).items()):
        point: dict[str, Any] = {"Timestamp": from_seconds(at), "Unit": series.unit or "None"}
        point.update({one: values.statistic(one) for one in simple})
        if extended:
            told = {one: values.statistic(one) for one in extended}
            point["ExtendedStatistics"] = {one: value for one, value in told.items() if value is not None}
        datapoints.append(point)
    return ActionResult({"Label": name, "Datapoints": datapoints})


def check_statistics(simple: list[str], extended: list[str], span: Span, period: int) -> None:
    if not simple and not extended:
        raise InvalidParameterCombination("Must specify either Statistics or ExtendedStatistics")
    if any(one not in SIMPLE_STATISTICS for one in simple):
        raise InvalidParameterValue(f"The value {simple} for parameter Statistics is not supported.")
    if any(percentile_of(one) is None for one in extended):
        raise InvalidParameterValue(
            f"The value {extended} for parameter ExtendedStatistics is not supported."
        )
    if span.start >= span.end:
        raise InvalidParameterValue("The parameter StartTime must be less than the parameter EndTime.")
    if not period_allowed(period):
        raise InvalidParameterValue(
            f"The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60, but is {period}."
        )
    asked = int((span.end - span.start) // period)
    if asked > MOST_STATISTICS_DATAPOINTS:
        raise InvalidParameterCombination(
            f"You have requested up to {asked} datapoints, which exceeds the limit of "
            f"{MOST_STATISTICS_DATAPOINTS}. You may reduce the datapoints requested by increasing Period, "
            "or decreasing the time range."
        )


def list_metrics(response: Any, store: MetricStore) -> ActionResult:
    namespace, name = response._get_param("Namespace"), response._get_param("MetricName")
    wanted = response._get_param("Dimensions", [])
    found = [
        key
        for key in store.series
        if (not namespace or key[0] == namespace)
        and (not name or key[1] == name)
        and all(matches(dict(key[2]), one) for one in wanted)
    ]
    offset = offset_of(response._get_param("NextToken"))
    shown = [
        {"Namespace": of, "MetricName": name, "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions]}
        for of, name, dimensions in found[offset : offset + METRICS_PAGE]
    ]
    following = offset + METRICS_PAGE if offset + METRICS_PAGE < len(found) else None
    return ActionResult({"Metrics": shown, "NextToken": token_of(following)})


def matches(dimensions: dict[str, str], wanted: dict[str, str]) -> bool:
    if wanted["Name"] not in dimensions:
        return False
    return wanted.get("Value") in (None, dimensions[wanted["Name"]])


def put_metric_alarm(backend: Any, *args: Any, **fields: Any) -> Any:
    """An alarm that is changed keeps its state; a new one has not looked at anything yet."""
    former = backend.alarms.get(fields.get("name"))
    alarm = _put_metric_alarm(backend, *args, **fields)
    alarm.state_value = "INSUFFICIENT_DATA"
    if former is not None:
        for name in (
            "history",
            "state_value",
            "state_reason",
            "state_reason_data",
            "state_updated_timestamp",
        ):
            setattr(alarm, name, getattr(former, name))
    return alarm


def set_alarm_state(backend: Any, alarm_name: str, *args: Any) -> None:
    _set_alarm_state(backend, alarm_name, *args)
    alarms.hold(backend.alarms[alarm_name])


def describe_alarms(response: Any) -> ActionResult:
    """All that moto finds, without composite alarms unless they were asked for, in pages."""
    found = _describe_alarms(response).result
    # moto looks at one filter only.
    state = response._get_param("StateValue")
    types = response._get_param("AlarmTypes") or ["MetricAlarm"]
    kept = {
        kind: [a for a in found[kind] if not state or a.state_value == state]
        for kind in ("MetricAlarms", "CompositeAlarms")
    }
    if "MetricAlarm" not in types:
        kept["MetricAlarms"] = []
    if "CompositeAlarm" not in types:
        kept["CompositeAlarms"] = []
    everything = [(kind, alarm) for kind in kept for alarm in kept[kind]]
    size = min(int(response._get_param("MaxRecords") or ALARMS_PAGE), ALARMS_PAGE)
    offset = offset_of(response._get_param("NextToken"))
    shown = everything[offset : offset + size]
    following = offset + size if offset + size < len(everything) else None
    result: dict[str, Any] = {kind: [alarm for of, alarm in shown if of == kind] for kind in kept}
    return ActionResult({**result, "NextToken": token_of(following)})


def install(world: World) -> None:
    """Puts these operations in place of moto's."""

    def with_store(operation: Any) -> Any:
        def serve(response: Any) -> ActionResult:
            store = store_of(response.cloudwatch_backend)
            store.deliver(world)
            return operation(response, store)

        return serve

    def put_metric_data(backend: Any, namespace: str, metric_data: list[dict[str, Any]]) -> None:
        for number, datum in enumerate(metric_data, 1):
            backend._validate_parameters_put_metric_data(datum, number)
        store_of(backend).put(namespace, metric_data, world)

    CloudWatchBackend.put_metric_data = put_metric_data
    CloudWatchBackend.put_metric_alarm = put_metric_alarm
    CloudWatchBackend.set_alarm_state = set_alarm_state
    CloudWatchResponse.get_metric_data = with_store(get_metric_data)
    CloudWatchResponse.get_metric_statistics = with_store(get_metric_statistics)
    CloudWatchResponse.list_metrics = with_store(list_metrics)
    CloudWatchResponse.describe_alarms = describe_alarms
