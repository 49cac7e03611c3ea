"""Formulas over named columns: parsed, type-checked and bounded at load; evaluated for whole populations at a time.

The language is a part of Python's expressions: numbers, texts in quotes, True and False; `+ - * / // % **`;
`< <= > >= == !=`, also chained; `in [...]`; `and or not`; `a if condition else b`; the functions of
`tree.FUNCTIONS`; the constants pi and e. Names may hold dots (`agents.day`); any other name is written in
backquotes: `` `wait time` <= 20 ``. A name hides a constant of the same spelling, never a function.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voicehive.optimization.formulas.linear import Linear, linear_comparison
from voicehive.optimization.formulas.parser import parse
from voicehive.optimization.formulas.tree import Kind, Node, names_in
from voicehive.optimization.parameter import Parameter, Setting

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from voicehive.optimization.evaluators.description import Columns


@dataclass(frozen=True)
class Expression:
    """A formula that has been parsed and type-checked."""

    text: str
    kind: Kind
    names: tuple[str, ...]
    """The names it uses, in the order of their first use."""
    root: Node

    @classmethod
    def parse(cls, text: str, names: Mapping[str, Kind], constants: Mapping[str, float] | None = None) -> "Expression":
        """Parse a formula.

        Args:
            text: the formula; at most `parser.MAXIMUM_LENGTH` characters.
            names: the kind of every column that it may use.
            constants: names with a known value; a name in `names` hides one.

        Raises:
            InvalidFormula: it does not parse, names what does not exist, mixes types, or is too long or too deep; the
                message gives the column, counted from 1.
        """
        root = parse(text, names, constants or {})
        return cls(text, root.kind, names_in(root), root)

    def evaluate(self, columns: "Columns") -> "NDArray[Any]":
        """Compute the value for N candidates.

        Args:
            columns: an array (N,) for each name in `names`, and at least one.

        Returns:
            An array (N,): floats, booleans or text, as `kind` says. Where a number is undefined (0/0, the root of a
            negative number, a conditional on something undefined) it is NaN; where it is too large, infinite. A
            boolean that depends on an undefined number is False; `excess` tells it apart.
        """
        from voicehive.optimization.formulas.arithmetic import evaluate  # noqa: PLC0415 - numpy only when computing

        return evaluate(self.root, columns)

    def excess(self, columns: "Columns") -> "NDArray[np.float64]":
        """Compute how far a boolean expression is from holding, for N candidates.

        Returns:
            An array (N,): at most 0 where it holds, above 0 where not, NaN where it is undefined. `a <= b` gives
            (a - b) / scale, `a == b` |a - b| / scale, where scale is the magnitude of the side that is constant (the
            right one, if both are) and 1 where none is or where it is 0. A strict comparison at equality gives the
            machine epsilon. `and` takes the largest, `or` the smallest; texts and booleans give 0 or 1.

        Raises:
            TypeError: the expression is not boolean.
        """
        from voicehive.optimization.formulas.arithmetic import excess  # noqa: PLC0415 - numpy only when computing

        return excess(self.root, columns)

    def slack(self, columns: "Columns") -> "NDArray[np.float64]":
        """Compute the room left before a boolean expression stops to hold, for N candidates.

        Returns:
            An array (N,): for one comparison of numbers, in their own unit, `b - a` for `a <= b` and `a < b`, `a - b`
            for `a >= b` and `a > b`, `-|a - b|` for `a == b`, `|a - b|` for `a != b`; for anything else `-excess`.

        Raises:
            TypeError: the expression is not boolean.
        """
        from voicehive.optimization.formulas.arithmetic import slack  # noqa: PLC0415 - numpy only when computing

        return slack(self.root, columns)

    def linear(self, names: Container[str]) -> Linear | None:
        """Read a comparison as a linear one in the numeric or boolean `names`, or return None where it is not one.

        None also for strict comparisons, for `!=`, for chains, and where it uses any other name.
        """
        return linear_comparison(self.root, names)


def kind_of(parameter: Parameter) -> Kind:
    """Tell what a parameter is to a formula; a fixed one is what its value is."""
    if parameter.numeric:
        return "number"
    return _kind_of_value(parameter.current)


def _kind_of_value(value: Setting) -> Kind:
    if isinstance(value, bool):
        return "boolean"
    return "text" if isinstance(value, str) else "number"
