"""What every picture and table of a front shows: the solutions that are marked, and the objectives that move most."""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

from voicehive.optimization.explanation.reasons import most_moved
from voicehive.optimization.figures import counted
from voicehive.optimization.models import Objective, Solution
from voicehive.optimization.result import OptimizationResult

RECOMMENDED, TODAY = "recommended", "today"
NOTHING_FEASIBLE = "Nothing is feasible: these solutions violate the constraints least"


class Appearance(NamedTuple):
    """How a marked solution looks: a colour, and a shape by its SVG path in a box of 24 and by matplotlib's letter."""

    color: str
    path: str
    marker: str


class Mark(NamedTuple):
    """A solution with the names it goes by; one that plays several parts is marked once."""

    names: tuple[str, ...]
    solution: Solution
    appearance: Appearance

    @property
    def label(self) -> str:
        """The names as people read them."""
        return ", ".join(name.replace("_", " ") for name in self.names)


STAR = Appearance("#d55e00", "M12 1l3.2 7.6 8.3.7-6.3 5.4 1.9 8.1L12 18.5l-7.1 4.3 1.9-8.1L.5 9.3l8.3-.7z", "*")
DIAMOND = Appearance("#2a8fd0", "M12 1l9 11-9 11-9-11z", "D")
OTHERS = (
    Appearance("#009e73", "M12 2l11 20H1z", "^"),
    Appearance("#cc79a7", "M3 3h18v18H3z", "s"),
    Appearance("#e69f00", "M12 22L1 2h22z", "v"),
    Appearance("#56b4e9", "M8 2h8v6h6v8h-6v6H8v-6H2V8h6z", "P"),
    Appearance("#a6761d", "M12 1l11 8-4 13H5L1 9z", "p"),
    Appearance("#a066d3", "M6 1l6 6 6-6 5 5-6 6 6 6-5 5-6-6-6 6-5-5 6-6-6-6z", "X"),
    Appearance("#8c8c00", "M6 2h12l6 10-6 10H6L0 12z", "h"),
)
"""The colours can be told apart by the colour-blind as far as there are so many (after Okabe and Ito 2008, "Color
Universal Design"), and stand out from a light and from a dark ground; the shapes tell all apart."""


def marks(result: OptimizationResult) -> tuple[Mark, ...]:
    """The recommended solution, today's where it is known, and the alternatives, each solution once."""
    names: dict[int, list[str]] = {result.recommended: [RECOMMENDED]}
    if result.current is not None:
        names.setdefault(result.current.index, []).append(TODAY)
    for name, index in result.alternatives.items():
        names.setdefault(index, []).append(name)
    others = itertools.cycle(OTHERS)
    made: list[Mark] = []
    for index, parts in names.items():
        look = STAR if RECOMMENDED in parts else DIAMOND if TODAY in parts else next(others)
        solution = result.current if index < 0 and result.current is not None else result.front[index]
        made.append(Mark(tuple(parts), solution, look))
    return tuple(made)


def moved_most(result: OptimizationResult, objectives: Sequence[Objective], most: int) -> tuple[Objective, ...]:
    """At most so many objectives, in their own order: those that move most from today to the recommendation.

    Measured in shares of their extent over the front and today; of those that move alike, or where today is not
    known, those for safety come first, then the heaviest.
    """
    if len(objectives) <= most:
        return tuple(objectives)
    return most_moved(objectives, [_move(result, objective.name) for objective in objectives], most)


def _move(result: OptimizationResult, name: str) -> float:
    if result.current is None:
        return 0.0
    before, after = result.current.outcomes[name], result.recommendation.outcomes[name]
    values = [before, *(solution.outcomes[name] for solution in result.front)]
    extent = max(values) - min(values)
    return abs(after - before) / extent if extent and math.isfinite(extent) else 0.0


def extent(result: OptimizationResult) -> str:
    """How many solutions there are, and of which kind."""
    kind = "non-dominated" if result.feasible else "least violating"
    return counted(len(result.front), f"{kind} solution")


def summary(result: OptimizationResult) -> str:
    """One line on how the front came about."""
    found = extent(result)
    work = f"{counted(result.evaluations, 'evaluation')} in {result.duration_seconds:.2f} s"
    return f"{found} by {result.algorithm} (strategy {result.strategy}, seed {result.seed}), {work}"
