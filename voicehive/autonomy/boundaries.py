"""The nearest value at which a condition on one number comes true, found by bracketing and bisection."""

import math
from collections.abc import Callable, Iterable

Condition = Callable[[float], bool]
DOUBLINGS = 64
WHOLE_DOUBLINGS = 50
BISECTIONS = 40
CLOSE = 1e-7
FIGURES = range(2, 13)
TOLERANCE = 1e-3
BEYOND = 3


def nearest(
    condition: Condition, start: float, low: float, high: float, *, whole: bool = False, landmarks: Iterable[float] = ()
) -> float | None:
    """The value nearest to `start` within the bounds at which the condition holds; None where none was found.

    Looked for outward in steps that double, and at the landmarks, so what holds only in a gap between two of them is
    missed. The value is rounded to as few figures as keep it within a thousandth of the boundary, on the side that
    holds.
    """
    marks = [mark for mark in landmarks if not whole or float(mark).is_integer()]
    found = [_towards(condition, start, _outward(start, bound, whole, marks), whole) for bound in (low, high)]
    return min((value for value in found if value is not None), key=lambda value: abs(value - start), default=None)


def holds_beyond(condition: Condition, value: float, bound: float) -> bool:
    """Whether it holds at evenly spaced values from `value` to `bound` as well."""
    return all(condition(value + (bound - value) * part / BEYOND) for part in range(1, BEYOND + 1))


def _towards(condition: Condition, start: float, values: Iterable[float], whole: bool) -> float | None:
    wrong = start
    for value in values:
        if condition(value):
            return _rounded(condition, _bisected(condition, wrong, value, whole), start, whole)
        wrong = value
    return None


def _outward(start: float, bound: float, whole: bool, landmarks: Iterable[float]) -> list[float]:
    """Values from the start towards the bound, ever further apart, the landmarks on the way and zero among them."""
    if bound == start:
        return []
    sign = math.copysign(1.0, bound - start)
    step = 1.0 if whole else max(abs(start), 1e-6) / 1024
    doublings = WHOLE_DOUBLINGS if whole else DOUBLINGS
    values = {start + sign * step * 2**doubling for doubling in range(doublings)} | {0.0, *landmarks}
    values |= set() if math.isinf(bound) else {bound}
    within = (value for value in values if 0 < (value - start) * sign <= abs(bound - start))
    return sorted(within, key=lambda value: abs(value - start))


def _bisected(condition: Condition, wrong: float, right: float, whole: bool) -> float:
    for _ in range(BISECTIONS):
        middle = (wrong + right) / 2
        if whole:
            middle = math.floor(middle) if right > wrong else math.ceil(middle)
        if middle in (wrong, right) or (not whole and abs(right - wrong) <= CLOSE * abs(right)):
            break
        if condition(middle):
            right = middle
        else:
            wrong = middle
    return right


def _rounded(condition: Condition, value: float, start: float, whole: bool) -> float:
    if whole or value == 0:
        return value
    away = math.copysign(1.0, value - start)
    for figures in FIGURES:
        unit = 10.0 ** (math.floor(math.log10(abs(value))) - figures + 1)
        near = float(f"{value:.{figures}g}")
        for candidate in (near, float(f"{near + away * unit:.{figures}g}")):
            if abs(candidate - value) <= TOLERANCE * abs(value) and condition(candidate):
                return candidate
    return value
