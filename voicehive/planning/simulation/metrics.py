"""What scenarios make of metrics at given periods: the impacts, evaluated for whole samples."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from voicehive.planning.scenarios import Impact, Scenario
from voicehive.planning.score_tables import Floats
from voicehive.planning.simulation.inputs import Flags, Inputs


class Point(NamedTuple):
    """A metric in a period, and its value there if no scenario touches it."""

    metric: str
    period: int
    expected: float


class MetricModel:
    """Metrics at P points, as functions of the drivers' values and of which scenarios happen.

    A metric is its expected value, times all factors of the multiplicative impacts, plus all additive impacts.
    """

    def __init__(self, points: Sequence[Point], inputs: Inputs) -> None:
        self._points, self._rows = points, {name: row for row, name in enumerate(inputs.names)}
        self._of_metric: dict[str, list[int]] = {}
        for row, point in enumerate(points):
            self._of_metric.setdefault(point.metric, []).append(row)
        self._uncertain = frozenset(inputs.uncertain)
        self._constant = np.zeros((len(points), 1))
        self._by_driver = np.zeros((len(points), len(inputs.names)))
        self._by_event: dict[tuple[int, int], Floats] = {}
        self._factors: list[tuple[int, int, int, float]] = []
        for index, scenario in enumerate(inputs.scenarios):
            self._take(index, scenario)

    @property
    def moved(self) -> frozenset[int]:
        """Which points any impact reaches."""
        additive = (self._constant != 0.0).any(axis=1) | (self._by_driver != 0.0).any(axis=1)
        for coefficients in self._by_event.values():
            additive |= coefficients != 0.0
        return frozenset(map(int, np.flatnonzero(additive))) | {point for point, *_ in self._factors}

    def __call__(self, values: Floats, happens: Flags) -> Floats:
        """Metrics (P, N) from the drivers' values (K, N) and the scenarios that happen (S, N)."""
        found = np.empty((len(self._points), happens.shape[1]))
        found[:] = np.array([[point.expected] for point in self._points]).reshape(-1, 1)
        for point, scenario, driver, coefficient in self._factors:
            found[point] *= np.maximum(0.0, 1.0 + coefficient * self._feature(values, happens, scenario, driver))
        found += self._constant
        if self._by_driver.any():
            found += self._by_driver @ values
        if self._by_event:
            features = np.empty((len(self._by_event), happens.shape[1]))
            for row, (scenario, driver) in enumerate(self._by_event):
                features[row] = self._feature(values, happens, scenario, driver)
            found += np.column_stack(list(self._by_event.values())) @ features
        return found

    def _take(self, index: int, scenario: Scenario) -> None:
        for impact in scenario.impacts:
            coefficients = self._coefficients(impact, scenario.start)
            driver = -1 if impact.driver is None else self._rows[impact.driver]
            if impact.effect == "multiplicative":
                reached = np.flatnonzero(coefficients)
                self._factors += [(int(row), index, driver, float(coefficients[row])) for row in reached]
            elif index in self._uncertain:
                self._by_event[index, driver] = self._by_event.get((index, driver), 0.0) + coefficients
            elif driver < 0:
                self._constant[:, 0] += coefficients
            else:
                self._by_driver[:, driver] += coefficients

    def _coefficients(self, impact: Impact, start: int) -> Floats:
        found = np.zeros(len(self._points))
        for row in self._of_metric.get(impact.metric, ()):
            found[row] = impact.coefficient(self._points[row].period, start)
        return found

    @staticmethod
    def _feature(values: Floats, happens: Flags, scenario: int, driver: int) -> Floats | Flags:
        return happens[scenario] if driver < 0 else values[driver] * happens[scenario]
