"""Settings that meet every hard constraint, or the proof that there are none, what conflicts, and the cheapest way out.

For problems in which everything can be counted: few candidates are enumerated, more are left to CP-SAT.
"""

import time

import numpy as np

from voicehive.optimization.evaluation import Evaluation
from voicehive.optimization.satisfaction.by_enumeration import satisfy_by_enumeration
from voicehive.optimization.satisfaction.discrete_problem import Candidates, Satisfaction

TABULATED_CELLS = 200_000
"""At most so many combinations of values are tabulated, for a whole problem or for one of its constraints."""


def satisfy(
    evaluation: Evaluation,
    *,
    seconds: float,
    seed: int = 1,
    wanted: int = 10,
    tabulated_cells: int = TABULATED_CELLS,
) -> Satisfaction:
    """Seek settings that meet every hard constraint, the best weighted sum of objectives first.

    Each objective counts by its weight over the extent between its best and its worst value among all candidates; soft
    constraints that are charged to it are added at their price. With equal seeds the answer is equal, unless the time
    has cut it short. What holds is what the problem's own evaluator and constraints say: every solution has been judged
    by them.

    Args:
        evaluation: of the problem.
        seconds: how long it may take, wall-clock.
        seed: of CP-SAT's choices.
        wanted: at most so many solutions.
        tabulated_cells: at most so many candidates are enumerated, or combinations tabulated for one constraint; set
            it lower where evaluation is slow.

    Raises:
        EvaluatorFailed, EvaluatorRefused: the evaluator gave nothing, or not what was agreed.
    """
    deadline = time.monotonic() + seconds
    parameters = evaluation.problem.parameters
    uncountable = [parameter.name for parameter in parameters if parameter.cells == 0]
    if uncountable or not parameters:
        what = f"{uncountable[0]!r} is real" if uncountable else "there are no parameters"
        return Satisfaction("not_modelled", f"not everything can be counted: {what}")
    candidates = Candidates(evaluation)
    if float(np.prod(candidates.cells.astype(np.float64))) <= tabulated_cells:
        return satisfy_by_enumeration(candidates, deadline, wanted)
    from voicehive.optimization.satisfaction.by_cp_sat import satisfy_by_cp_sat  # noqa: PLC0415 - ortools loads slowly

    return satisfy_by_cp_sat(candidates, deadline, seed, wanted, tabulated_cells)
