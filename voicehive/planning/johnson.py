"""Johnson's transformation of a normal score, through three quantiles."""

import math

import numpy as np

from voicehive.planning.score_tables import Floats


class JohnsonTransform:
    """From a score to a number, through three of its values: those at minus `tenth`, 0 and `tenth`.

    The names are those of Hadlock and Bickel (2017), sections 3 and 4.
    """

    def __init__(self, triple: Floats, tenth: float) -> None:
        low, middle, high = (float(one) for one in triple)
        nearer = min(middle - low, high - middle)
        self._slope = (high - low) / (2.0 * tenth)
        self._middle = middle
        even = math.isclose(middle - low, high - middle, rel_tol=1e-9)
        self._skew = 0 if even else round(math.copysign(1.0, high + low - 2.0 * middle))
        self._origin = {1: low, 0: middle, -1: high}[self._skew]
        self._tenth, self._nearer, self._width = tenth, nearer, high - low
        self._angle = math.acosh(max(1.0, (high - low) / (2.0 * nearer)))

    def unbounded(self, scores: Floats) -> Floats:
        """Give origin + lambda sinh(delta (score + skew tenth))."""
        if self._skew == 0:
            return self._middle + self._slope * scores
        delta = self._angle / self._tenth
        scale = self._width / math.sinh(2.0 * self._angle)
        return self._origin + scale * np.sinh(delta * (scores + self._skew * self._tenth))

    def positive(self, scores: Floats) -> Floats:
        """Give exp(origin + lambda sinh(arsinh(delta score) + arsinh(skew tenth delta)))."""
        if self._skew == 0:
            return np.exp(self._middle + self._slope * scores)
        delta = math.sinh(self._angle) / self._tenth
        scale = self._nearer / (delta * self._tenth)
        angles = np.arcsinh(delta * scores) + math.asinh(self._skew * self._tenth * delta)
        return np.exp(self._origin + scale * np.sinh(angles))
