# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Seeks the best roadmap of a program, any time: a first one at once, then better ones and a bound on all.

A small program is solved whole by CP-SAT, again with a cut for each roadmap it finds, until the bound is reached. A
large one gets its bound from the relaxation and from branch and bound, and its roadmaps from large neighbourhood
search: CP-SAT chooses anew among some initiatives while the rest is held (Shaw 1998, "Using constraint programming and
local search methods to solve vehicle routing problems"; the part where incumbent and relaxation disagree: RINS, Danna,
Rothberg & Le Pape 2005). Columns whose reduced cost proves them out of every better roadmap are left out.
"""

import time
from typing import NamedTuple

import numpy as np

from voicehive.planning.roadmap.cp_sat import Effort, Status, WholeProgram
from voicehive.planning.roadmap.greedy import densities, greedy
from voicehive.planning.roadmap.program import Columns, Program
from voicehive.planning.roadmap.relaxed import Relaxed, branch, relax
from voicehive.planning.roadmap.tail import Outcome, outcome
from voicehive.planning.roadmap.values import Floats

PROVEN = 1e-5
"""A relative gap that counts as none: CP-SAT reckons in steps of a millionth."""

_WHOLE_COLUMNS = 700
_MOST_CUTS = 60
_NEIGHBOUR_CUTS = 12
_NEIGHBOUR_STEPS = 2**12
_DETERMINISTIC_SECONDS = 0.3


class Best(NamedTuple):
    """The best roadmap found; no other has a utility above `bound`. Times are in seconds from the search's start."""

    status: Status
    chosen: Columns
    outcome: Outcome
    bound: float
    first_after: float
    seconds: float

    @property
    def gap(self) -> float:
        """How much better another roadmap could still be, relative to this one's utility."""
        if self.status == "infeasible":
            return 0.0
        return max(0.0, self.bound - self.outcome.utility) / max(1e-9, abs(self.outcome.utility))


def search(program: Program, seconds: float, seed: int, start: Columns | None = None) -> Best:
    """Seek the roadmap of greatest utility for so long.

    Returns:
        The best one; `status` is `infeasible` where it is proven that there is none, `unknown` where none was found.
    """
    return _Search(program, seconds, seed, start).run()


class _Search:
    def __init__(self, program: Program, seconds: float, seed: int, start: Columns | None) -> None:
        self._program = program
        self._begun = time.monotonic()
        self._deadline = self._begun + seconds
        self._generator = np.random.default_rng(seed)
        self._seed = seed
        self._whole = WholeProgram(program)
        self._cuts: list[Floats] = [program.means]
        self._best: tuple[Columns, Outcome] | None = None
        self._bound = _plain_bound(program)
        self._first_after = 0.0
        if start is not None:
            self._offer(start)

    def run(self) -> Best:
        first = greedy(self._program, densities(self._program))
        if first is not None:
            self._offer(first)
        relaxed = relax(self._program, self._begun + 0.4 * (self._deadline - self._begun))
        if relaxed is not None:
            self._bound, self._cuts = min(self._bound, relaxed.bound), list(relaxed.cuts)
            guided = greedy(self._program, relaxed.shares * 1e6 + densities(self._program))
            if guided is not None:
                self._offer(guided)
        if self._best is None and not self._find_any():
            return self._none()
        small = self._program.size <= _WHOLE_COLUMNS
        if relaxed is not None and not small:
            self._improve(relaxed)
        if not self._closed():
            self._prove(relaxed)
        return self._result()

    def _find_any(self) -> bool:
        """Find a roadmap that meets every demand, whatever it is worth; whether it is known to be possible."""
        everything = np.arange(self._program.size)
        while not self._over():
            found = self._whole.solve(
                self._cuts, everything[:0], everything, None, self._effort(), any_will_do=self._free_of_risk()
            )
            if found.status == "infeasible":
                self._bound = -np.inf
                return False
            if found.chosen is None:
                return False
            if self._offer(found.chosen):
                return True
        return False

    def _free_of_risk(self) -> bool:
        return self._program.problem.bound("risk") is None

    def _improve(self, relaxed: Relaxed) -> None:
        """Bound by branch and bound for a part of the time, then search neighbourhoods."""
        integral = branch(self._program, self._cuts, 0.2 * self._left())
        self._bound = min(self._bound, integral.bound)
        if integral.chosen is not None:
            self._offer(integral.chosen)
        size, stop = 30, self._deadline - 0.05 * self._left()
        while time.monotonic() < stop and not self._closed():
            began = time.monotonic()
            self._neighbourhood(relaxed, size)
            took = time.monotonic() - began
            size = min(len(self._program.problem.counting), size + 1) if took < 0.25 else max(8, size - 1)

    def _neighbourhood(self, relaxed: Relaxed, size: int) -> None:
        chosen, now = self._incumbent()
        program = self._program
        owners = self._owners_to_free(relaxed, chosen, size)
        within = np.isin(program.owners, owners)
        held = chosen[~within[chosen]]
        free = np.flatnonzero(within & self._open(relaxed, now))
        cuts = self._cuts[-_NEIGHBOUR_CUTS:]
        found = self._whole.solve(cuts, held, free, chosen, self._effort(_DETERMINISTIC_SECONDS))
        if found.chosen is not None:
            self._offer(found.chosen)

    def _open(self, relaxed: Relaxed, now: Outcome) -> "np.typing.NDArray[np.bool_]":
        """Which columns can be in a better roadmap: by reduced costs, in which `reduced` is what each one loses."""
        return relaxed.reduced <= relaxed.bound - now.utility + 1e-6 * abs(relaxed.bound)

    def _owners_to_free(self, relaxed: Relaxed, chosen: Columns, size: int) -> "np.typing.NDArray[np.int64]":
        program, generator = self._program, self._generator
        count = len(program.problem.counting)
        kind = int(generator.integers(3))
        if kind == 0:
            return generator.choice(count, min(size, count), replace=False)
        if kind == 1:
            doubtful = np.unique(
                program.owners[np.abs(relaxed.shares - np.isin(np.arange(program.size), chosen)) > 1e-6]
            )
            return generator.permutation(doubtful)[:size]
        period = int(generator.integers(program.problem.horizon.periods))
        near = (program.starts[chosen] <= period + 1) & (program.finishes[chosen] >= period)
        out = np.setdiff1d(np.unique(program.owners[relaxed.shares > 1e-6]), program.owners[chosen])
        running = generator.permutation(program.owners[chosen[near]])[: size - size // 3]
        return np.concatenate([running, generator.permutation(out)[: size // 3]])

    def _prove(self, relaxed: Relaxed | None) -> None:
        """Solve the whole program again and again, each time with the last answer's cut, until the bound is met."""
        everything = np.arange(self._program.size)
        while not self._over() and not self._closed():
            chosen, now = self._incumbent()
            free = everything if relaxed is None else np.flatnonzero(self._open(relaxed, now))
            found = self._whole.solve(self._cuts, everything[:0], free, chosen, self._effort())
            if found.status == "infeasible":
                self._bound = now.utility
                return
            # What the reduced costs leave out is no better than the incumbent.
            self._bound = min(self._bound, max(found.bound, now.utility))
            if found.chosen is None or not self._grows(found.chosen):
                return

    def _grows(self, chosen: Columns) -> bool:
        """Take a roadmap in; whether its cut tells anything new."""
        known = any(np.array_equal(outcome(self._program, chosen).cut, cut) for cut in self._cuts)
        return self._offer(chosen) or not known

    def _offer(self, chosen: Columns) -> bool:
        """Judge a roadmap by all samples, keep its cut, and keep it if it is the best and within all limits."""
        if not self._program.fits(chosen):
            return False
        found = outcome(self._program, chosen)
        if self._program.weights.risk:
            self._cuts.append(found.cut)
            # The first one, the mean of all samples, is the least likely to be replaced by later ones.
            if len(self._cuts) > _MOST_CUTS:
                del self._cuts[1]
        most = self._program.problem.bound("risk")
        if most is not None and found.risk > most + 1e-9 * abs(most):
            return False
        if self._best is not None and found.utility <= self._best[1].utility:
            return False
        if self._best is None:
            self._first_after = time.monotonic() - self._begun
        self._best = (chosen, found)
        return True

    def _incumbent(self) -> tuple[Columns, Outcome]:
        if self._best is None:
            raise AssertionError("no roadmap yet")
        return self._best

    def _closed(self) -> bool:
        _, now = self._incumbent()
        return self._bound - now.utility <= PROVEN * max(1e-9, abs(now.utility))

    def _effort(self, deterministic: float | None = None) -> Effort:
        if deterministic is None:
            return Effort(self._deadline, self._seed)
        return Effort(self._deadline, self._seed, deterministic, _NEIGHBOUR_STEPS)

    def _left(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    def _over(self) -> bool:
        return time.monotonic() >= self._deadline

    def _result(self) -> Best:
        chosen, now = self._incumbent()
        seconds = time.monotonic() - self._begun
        return Best("optimal" if self._closed() else "feasible", chosen, now, self._bound, self._first_after, seconds)

    def _none(self) -> Best:
        nothing = np.zeros(0, dtype=np.intp)
        status: Status = "infeasible" if self._bound == -np.inf else "unknown"
        return Best(status, nothing, outcome(self._program, nothing), self._bound, 0.0, time.monotonic() - self._begun)


def _plain_bound(program: Program) -> float:
    """The sum of every initiative's best start, as if nothing bound; the worst samples' mean is at most that of all."""
    weights = program.weights
    gains = (weights.value + weights.risk) * program.means - weights.cost * program.costs
    best = np.zeros(len(program.problem.counting))
    np.maximum.at(best, program.owners, gains)
    return float(best.sum())
