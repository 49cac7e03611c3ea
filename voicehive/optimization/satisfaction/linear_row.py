"""Linear forms with exact coefficients, and their rows of whole numbers for a solver that knows no others."""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

_ULPS = 4 * 2.0**-52
_SIMPLE = 10**9
_LARGEST = 2**40


class LinearForm(NamedTuple):
    """The sum of `coefficients[name] * name`, and a constant."""

    coefficients: dict[str, Fraction]
    constant: Fraction

    def shifted(self, offsets: Mapping[str, int]) -> "LinearForm":
        """Rewrite it in variables that each start at 0 where the old ones start at their offset."""
        moved = sum((c * offsets[name] for name, c in self.coefficients.items()), self.constant)
        return LinearForm(self.coefficients, moved)

    def range(self, highs: Mapping[str, int]) -> tuple[Fraction, Fraction]:
        """Return the least and the greatest value over variables from 0 to their highs."""
        ends = [c * highs[name] for name, c in self.coefficients.items()]
        return self.constant + sum(min(e, 0) for e in ends), self.constant + sum(max(e, 0) for e in ends)


class IntegerRow(NamedTuple):
    """A linear form times `scale`, in whole numbers: `coefficients` and `constant`, off by at most `slop`.

    A slop of 0 says that the row is exact. A form is at most 0 only where its row is at most `slop`, and is 0 only
    where its row is between `-slop` and `slop`: no point where the constraint holds is lost, and the few that are
    wrongly let in by rounding must be judged by the constraint itself.
    """

    coefficients: dict[str, int]
    constant: int
    slop: int
    scale: Fraction

    def corner(self, highs: Mapping[str, int], *, greatest: bool) -> tuple[dict[str, int], int]:
        """Return where, over variables from 0 to their highs, the row is greatest or least, and its value there."""
        point = {name: highs[name] if (a > 0) == greatest else 0 for name, a in self.coefficients.items()}
        return point, self.constant + sum(a * point[name] for name, a in self.coefficients.items())


def exact(number: float) -> Fraction:
    """Read a number as the simple fraction that it was meant to be (0.1 as 1/10), else as what it is to the last bit.

    Simple is a denominator of at most 10^9, meant is within four units in the last place.
    """
    simple = Fraction(number).limit_denominator(_SIMPLE)
    return simple if abs(simple - Fraction(number)) <= _ULPS * abs(number) else Fraction(number)


def integer_row(form: LinearForm, highs: Mapping[str, int]) -> IntegerRow:
    """Scale a form in variables from 0 to their highs to whole numbers.

    It is exact where the common denominator is small enough that a row stays within 2^40: then one unit of the row is
    more than what floating point loses in evaluating the form (sums of up to some hundreds of terms that do not cancel
    by orders of magnitude). Otherwise coefficients are rounded, and `slop` covers both the rounding and that loss.
    """
    magnitude = abs(form.constant) + sum(abs(c) * highs[name] for name, c in form.coefficients.items())
    scale = Fraction(math.lcm(form.constant.denominator, *(c.denominator for c in form.coefficients.values())))
    exactly = scale * magnitude <= _LARGEST
    if not exactly:
        scale = Fraction(_LARGEST) / magnitude
    coefficients = {name: round(c * scale) for name, c in form.coefficients.items()}
    constant = round(form.constant * scale)
    lost = sum(
        (abs(c * scale - coefficients[name]) * highs[name] for name, c in form.coefficients.items()), Fraction(1)
    )
    return IntegerRow(coefficients, constant, 0 if exactly else math.ceil(lost) + 1, scale)
