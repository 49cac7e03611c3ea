"""How long the optimiser takes where there is no peer: ranking tables, and the contact-centre examples."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.peers.run import Seconds, timed
from voicehive.optimization import MultiObjectiveOptimizer, Objective, Problem, Table

EXAMPLES = Path(__file__).parents[2] / "examples" / "decisions"
TABLES = ((1_000, 100, 0.05), (100_000, 10, 1.0))
"""Candidates, objectives, and the seconds in which they are to be ranked."""


def table_in(folder: Path, rows: int, objectives: int) -> Problem:
    """A problem whose candidates stand in a CSV file, not yet read."""
    values = np.random.default_rng(1).normal(size=(rows, objectives))
    names = [f"f{number}" for number in range(1, objectives + 1)]
    path = folder / "candidates.csv"
    np.savetxt(path, values, delimiter=",", header=",".join(names), comments="")
    every = tuple(Objective(name=name, direction="minimize", maximum_worsening=None) for name in names)
    return Problem(objectives=every, evaluator=Table(kind="table", file=path.name))


def rank_table(rows: int, objectives: int, runs: int, ran: Callable[[], None]) -> tuple[list[Seconds], list[Seconds]]:
    """Rank a table to the full result, after a warm-up: from the problem read, and from its CSV file."""
    ranking: list[Seconds] = []
    with_reading: list[Seconds] = []
    with tempfile.TemporaryDirectory() as folder:
        described = table_in(Path(folder), rows, objectives)
        for turn in range(runs + 1):
            problem, reading = timed(lambda: described.with_data(Path(folder)))
            _, took = timed(lambda problem=problem: MultiObjectiveOptimizer(problem).optimize())
            ran()
            if turn:
                ranking.append(took)
                with_reading.append(Seconds(reading.cpu + took.cpu, reading.wall + took.wall))
    return ranking, with_reading


def centre_examples() -> dict[str, Problem]:
    """The problems of the example decisions."""
    documents = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(EXAMPLES.glob("*.json"))}
    return {
        name: Problem.model_validate_json(json.dumps(document["problem"])).with_data(EXAMPLES)
        for name, document in documents.items()
        if "problem" in document
    }


def decide(problem: Problem, runs: int, ran: Callable[[], None]) -> list[Seconds]:
    """Optimise with one seed after another, after a warm-up."""
    taken: list[Seconds] = []
    for seed in range(runs + 1):
        _, took = timed(lambda seed=seed: MultiObjectiveOptimizer(problem, seed=seed).optimize())
        ran()
        if seed:
            taken.append(took)
    return taken
