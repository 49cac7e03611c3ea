"""Satisfies hard constraints by evaluating every candidate there is."""

import time

import numpy as np

from voicehive.optimization.arrays import Floats
from voicehive.optimization.evaluation import Evaluation
from voicehive.optimization.evolution.population import Population
from voicehive.optimization.satisfaction.conflict import cheapest_relaxation, sampled_conflict
from voicehive.optimization.satisfaction.discrete_problem import Candidates, Positions, Satisfaction, grid
from voicehive.optimization.satisfaction.relaxation import relaxed_alone

_BATCH = 20_000
_NAME = "enumeration"


def satisfy_by_enumeration(candidates: Candidates, deadline: float, wanted: int) -> Satisfaction:
    """Evaluate every candidate and answer from all of them; see `satisfaction.satisfy`."""
    everything = grid(candidates.cells)
    positions, population = _evaluated(candidates, everything, deadline)
    count = candidates.evaluations
    complete = count == len(everything)
    seen = f"{count:,} of {len(everything):,} candidates were evaluated"
    feasible = np.flatnonzero(population.violations == 0.0)
    if len(feasible):
        costs = _weighted_sums(candidates.evaluation, population)[feasible]
        best = positions[feasible[np.argsort(costs, kind="stable")]]
        solutions = candidates.settings(_diverse(best, wanted))
        reason = f"{seen}, {len(feasible):,} of them feasible"
        status, gap = ("optimal", 0.0) if complete else ("feasible", None)
        return Satisfaction(status, reason, solutions, gap, None, count, _NAME)
    if not complete or not len(positions):
        reason = f"{seen}, {'in time, and none is feasible' if len(positions) else 'none came to finite numbers'}"
        return Satisfaction("unknown", reason, evaluations=count, algorithm=_NAME)
    cheapest = cheapest_relaxation(population.excesses, candidates.relaxable)
    way_out = None if cheapest is None else positions[cheapest.row]
    alone = relaxed_alone(candidates.evaluation, population, candidates.relaxable)
    conflict = candidates.conflict(sampled_conflict(population.excesses), way_out, alone)
    return Satisfaction("infeasible", f"{seen}, none is feasible", (), None, conflict, candidates.evaluations, _NAME)


def _evaluated(candidates: Candidates, everything: Positions, deadline: float) -> tuple[Positions, Population]:
    """Evaluate in batches while there is time, at least one, and keep what came to numbers."""
    positions: list[Positions] = []
    populations: list[Population] = []
    for start in range(0, len(everything), _BATCH):
        if populations and (time.monotonic() > deadline or candidates.stopped()):
            break
        batch = everything[start : start + _BATCH]
        judged = candidates.assess(batch)
        positions.append(batch[judged.known])
        populations.append(judged.population)
    joined = Population(*(np.concatenate(parts) for parts in zip(*populations, strict=True)))
    return np.concatenate(positions), joined


def _weighted_sums(evaluation: Evaluation, population: Population) -> Floats:
    extents = np.ptp(population.outcomes[:, evaluation.columns_of_objectives], axis=0)
    weights = np.array([objective.weight for objective in evaluation.problem.objectives])
    return population.objectives @ (weights / np.where(extents > 0.0, extents, 1.0))


def _diverse(positions: Positions, wanted: int) -> Positions:
    """Pick the first row, then again and again the row that differs from all picked ones in the most parameters."""
    picked = [0]
    nearest = np.full(len(positions), positions.shape[1])
    while len(picked) < min(wanted, len(positions)):
        nearest = np.minimum(nearest, (positions != positions[picked[-1]]).sum(axis=1))
        picked.append(int(np.argmax(nearest)))
    return positions[picked]
