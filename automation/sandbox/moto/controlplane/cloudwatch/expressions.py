"""Metric math: the expressions of CloudWatch over series of values.

Served are numbers, ids, + - * / ^, comparisons, AND, OR, and the functions of FUNCTIONS. Not served are
search expressions, anomaly detection and Metrics Insights.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Union

Points = dict[int, float]
"""Time -> value; a time without a value has no entry."""
Value = Union[float, Points, list[Points], str]

_TOKEN = re.compile(
    r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|([A-Za-z_]\w*)|(\"[^\"]*\"|'[^']*')|(<=|>=|==|!=|&&|\|\||[-+*/^(),<>]))"
)
_LEVELS: tuple[dict[str, str], ...] = (
    {"OR": "OR", "||": "OR"},
    {"AND": "AND", "&&": "AND"},
    {"<": "<", ">": ">", "<=": "<=", ">=": ">=", "==": "==", "!=": "!="},
    {"+": "+", "-": "-"},
    {"*": "*", "/": "/"},
    {"^": "^"},
)


class ExpressionError(Exception):
    """The expression cannot be understood or served; the message says why."""


@dataclass
class Scope:
    """What an expression may refer to."""

    lookup: Callable[[str], Value]
    metrics: Callable[[str], list[Points]]
    """The series of all metrics (not expressions) whose id contains a text."""
    times: list[int]
    """The beginning of every period that was asked for."""
    period: int


def evaluate(expression: str, scope: Scope) -> Value:
    return _Parser(tokens_of(expression), scope).whole()


def tokens_of(text: str) -> list[str]:
    tokens, at = [], 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ExpressionError(f"Error in expression: unexpected {text[at:]!r}")
        tokens.append(match.group().strip())
        at = match.end()
    return tokens


class _Parser:
    """Reads and evaluates in one pass: expressions are short and evaluated once."""

    def __init__(self, tokens: list[str], scope: Scope) -> None:
        self.tokens, self.scope, self.at = tokens, scope, 0

    def whole(self) -> Value:
        value = self.level(0)
        if self.at < len(self.tokens):
            raise ExpressionError(f"Error in expression: unexpected {self.tokens[self.at]!r}")
        return value

    def level(self, depth: int) -> Value:
        if depth == len(_LEVELS):
            return self.unary()
        value = self.level(depth + 1)
        while self.peek() in _LEVELS[depth]:
            sign = _LEVELS[depth][self.take()]
            value = combine(sign, value, self.level(depth + 1))
        return value

    def unary(self) -> Value:
        if self.peek() == "-":
            self.take()
            return combine("*", -1.0, self.unary())
        return self.atom()

    def atom(self) -> Value:
        token = self.take()
        if token == "(":
            value = self.level(0)
            self.expect(")")
            return value
        if token[0] in "\"'":
            return token[1:-1]
        if token[0].isdigit() or token[0] == ".":
            return float(token)
        if self.peek() == "(":
            return self.call(token)
        # The two words that FILL takes in place of a number.
        return token if token in ("REPEAT", "LINEAR") else self.scope.lookup(token)

    def call(self, name: str) -> Value:
        self.take()
        arguments: list[Value] = []
        while self.peek() != ")":
            arguments.append(self.level(0))
            if self.peek() != ")":
                self.expect(",")
        self.take()
        function = FUNCTIONS.get(name)
        if function is None:
            raise ExpressionError(f"The sandbox does not serve the function {name} of metric math.")
        try:
            return function(self.scope, *arguments)
        except (TypeError, AttributeError) as error:
            raise ExpressionError(f"Error in expression: wrong arguments for {name}") from error

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        if self.at >= len(self.tokens):
            raise ExpressionError("Error in expression: it ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def expect(self, token: str) -> None:
        if self.take() != token:
            raise ExpressionError(f"Error in expression: expected {token!r}")


def _divide(one: float, other: float) -> float:
    # CloudWatch has no data point where it would have to divide by zero.
    return one / other if other != 0 else math.nan


_OPERATORS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "^": operator.pow,
    "<": lambda one, other: float(one < other),
    ">": lambda one, other: float(one > other),
    "<=": lambda one, other: float(one <= other),
    ">=": lambda one, other: float(one >= other),
    "==": lambda one, other: float(one == other),
    "!=": lambda one, other: float(one != other),
    "AND": lambda one, other: float(bool(one) and bool(other)),
    "OR": lambda one, other: float(bool(one) or bool(other)),
}


def combine(sign: str, one: Value, other: Value) -> Value:
    """An operator over numbers, series and lists of series; series meet only where both have a value."""
    if isinstance(one, str) or isinstance(other, str):
        raise ExpressionError(f"Error in expression: {sign} does not take a text")
    if isinstance(one, list):
        return [as_points(combine(sign, item, other)) for item in one]
    if isinstance(other, list):
        return [as_points(combine(sign, one, item)) for item in other]
    apply = _OPERATORS[sign]
    if isinstance(one, float) and isinstance(other, float):
        return apply(one, other)
    times = one if isinstance(one, dict) else other
    met = [at for at in times if has(one, at) and has(other, at)]  # type: ignore[union-attr]
    return finite({at: apply(value_at(one, at), value_at(other, at)) for at in met})


def has(value: Value, at: int) -> bool:
    return not isinstance(value, dict) or at in value


def value_at(value: float | Points, at: int) -> float:
    return value[at] if isinstance(value, dict) else value


def finite(points: Points) -> Points:
    return {at: value for at, value in points.items() if math.isfinite(value)}


def as_points(value: Value) -> Points:
    if not isinstance(value, dict):
        raise ExpressionError("Error in expression: a series is needed here")
    return value


def aggregate(fold: Callable[[list[float]], float]) -> Callable[..., Value]:
    """Of a list of series the aggregate at each time, of one series that over its time."""

    def function(_: Scope, value: Value) -> Value:
        if isinstance(value, dict):
            return fold(list(value.values())) if value else math.nan
        if not isinstance(value, list):
            raise TypeError
        times = sorted({at for series in value for at in series})
        return {at: fold([series[at] for series in value if at in series]) for at in times}

    return function


def fill(scope: Scope, series: Value, filler: Value) -> Value:
    if isinstance(series, list):
        return [as_points(fill(scope, item, filler)) for item in series]
    points = as_points(series)
    if isinstance(filler, dict):
        return {**filler, **points}
    if isinstance(filler, float):
        return {at: points.get(at, filler) for at in scope.times}
    if filler == "LINEAR":
        return {at: interpolate(points, at) for at in scope.times} if points else {}
    filled: Points = {}
    last: float | None = None
    for at in scope.times:
        last = points.get(at, last)
        if last is not None:
            filled[at] = last
    return filled


def interpolate(points: Points, at: int) -> float:
    before = max((time for time in points if time <= at), default=min(points))
    after = min((time for time in points if time >= at), default=max(points))
    if before >= after:
        return points[before]
    return points[before] + (points[after] - points[before]) * (at - before) / (after - before)


def choose(scope: Scope, condition: Value, then: Value, otherwise: Value = math.nan) -> Value:
    if any(isinstance(value, (list, str)) for value in (condition, then, otherwise)):
        raise TypeError
    if not isinstance(condition, dict):
        return then if condition else otherwise
    chosen = {at: then if value else otherwise for at, value in condition.items()}
    return finite({at: value_at(value, at) for at, value in chosen.items() if has(value, at)})  # type: ignore[arg-type]


def each(function: Callable[[float], float]) -> Callable[..., Value]:
    def apply(scope: Scope, value: Value) -> Value:
        if isinstance(value, list):
            return [as_points(apply(scope, item)) for item in value]
        if isinstance(value, dict):
            return {at: function(one) for at, one in value.items()}
        return function(value)  # type: ignore[arg-type]

    return apply


def differences(scope: Scope, series: Value, per_second: bool = False) -> Value:
    points = as_points(series)
    times = sorted(points)
    return {
        at: (points[at] - points[before]) / ((at - before) if per_second else 1)
        for before, at in zip(times, times[1:])
    }


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "SUM": aggregate(math.fsum),
    "AVG": aggregate(lambda values: math.fsum(values) / len(values)),
    "MIN": aggregate(min),
    "MAX": aggregate(max),
    "ABS": each(abs),
    "CEIL": each(lambda value: float(math.ceil(value))),
    "FLOOR": each(lambda value: float(math.floor(value))),
    "FILL": fill,
    "IF": choose,
    "DIFF": differences,
    "RATE": lambda scope, series: differences(scope, series, True),
    "METRICS": lambda scope, text="": scope.metrics(text),
    "PERIOD": lambda scope, series: float(scope.period),
    "TIME_SERIES": lambda scope, value: {at: value for at in scope.times},
}
