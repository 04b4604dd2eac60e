"""The values of one metric within one stretch of time, and the statistics that CloudWatch makes of them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

# Beyond this many different values they are kept to two significant digits, as CloudWatch keeps its own
# histograms: a percentile is then off by less than 5 % of its value.
EXACT_VALUES = 60
SIMPLE_STATISTICS = ("Sum", "Average", "Minimum", "Maximum", "SampleCount")
_PERCENTILE = re.compile(r"^p(\d{1,3}(?:\.\d{1,10})?)$")


def percentile_of(statistic: str) -> float | None:
    """99.9 for p99.9; None for what is no percentile."""
    match = _PERCENTILE.match(statistic)
    percentile = float(match.group(1)) if match else None
    return percentile if percentile is not None and percentile <= 100 else None


def known(statistic: str) -> bool:
    return statistic in SIMPLE_STATISTICS or percentile_of(statistic) is not None


@dataclass
class Distribution:
    """Number, sum, extremes and histogram. The histogram is None where only the others were ever told."""

    count: float = 0.0
    sum: float = 0.0
    minimum: float = math.inf
    maximum: float = -math.inf
    histogram: dict[float, float] | None = field(default_factory=dict)

    def add(self, value: float, count: float = 1.0) -> None:
        self.count += count
        self.sum += value * count
        self.minimum = min(self.minimum, value)
        self.maximum = max(self.maximum, value)
        if self.histogram is not None:
            self.histogram[value] = self.histogram.get(value, 0.0) + count
            self._coarsen()

    def add_summary(self, count: float, total: float, minimum: float, maximum: float) -> None:
        """Statistic values; like in CloudWatch they have percentiles only if all values were the same."""
        if count <= 0:
            return
        if count == 1 or minimum == maximum:
            self.add(minimum, count)
            return
        self.merge(Distribution(count, total, minimum, maximum, None))

    def merge(self, other: Distribution) -> None:
        self.count += other.count
        self.sum += other.sum
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)
        if self.histogram is None or other.histogram is None:
            self.histogram = None
            return
        for value, count in other.histogram.items():
            self.histogram[value] = self.histogram.get(value, 0.0) + count
        self._coarsen()

    def statistic(self, name: str) -> float | None:
        """One statistic; None where the values do not tell it."""
        if self.count <= 0:
            return None
        percentile = percentile_of(name)
        if percentile is not None:
            return self._percentile(percentile)
        simple = {
            "Sum": self.sum,
            "Average": self.sum / self.count,
            "Minimum": self.minimum,
            "Maximum": self.maximum,
            "SampleCount": self.count,
        }
        return simple[name]

    def _percentile(self, percentile: float) -> float | None:
        if self.histogram is None:
            return None
        wanted = self.count * percentile / 100
        passed = 0.0
        for value in sorted(self.histogram):
            passed += self.histogram[value]
            if passed >= wanted - 1e-9:
                # Rounding must not take a percentile out of what was measured.
                return min(max(value, self.minimum), self.maximum)
        return self.maximum

    def _coarsen(self) -> None:
        if self.histogram is None or len(self.histogram) <= EXACT_VALUES:
            return
        rounded: dict[float, float] = {}
        for value, count in self.histogram.items():
            near = float(f"{value:.1e}")
            rounded[near] = rounded.get(near, 0.0) + count
        self.histogram = rounded
