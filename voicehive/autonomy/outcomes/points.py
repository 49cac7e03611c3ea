"""Readings of a metric at moments."""

import math
from datetime import datetime
from typing import Self

from pydantic import AwareDatetime

from voicehive.autonomy.outcomes.watch import Reading
from voicehive.model import Identifier, Model

_LARGEST = 1e100


def finite(number: float | None) -> float | None:
    """The number, or None where it is no measurement: NaN, infinite, or larger than any metric can be."""
    return number if number is not None and math.isfinite(number) and abs(number) <= _LARGEST else None


class MetricPoint(Model):
    """One reading; `control` is what the control group read at the same moment. None: there was no usable number."""

    metric: Identifier
    at: AwareDatetime
    value: Reading | None
    control: Reading | None = None

    @classmethod
    def of(cls, metric: str, at: datetime, value: float | None, control: float | None = None) -> Self:
        """A point from raw numbers, of which those that are no measurements count as missing."""
        return cls(metric=metric, at=at, value=finite(value), control=finite(control))
