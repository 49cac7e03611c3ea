"""Makes the digest of a front that an adviser is shown, and the code book that leads back from it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.advising.advice import (
    LARGEST_SCALED,
    MOST_CATEGORIES,
    MOST_OBJECTIVES,
    MOST_PARAMETERS,
    MOST_SOLUTIONS,
    ChangeableKind,
    Codebook,
    FrontDigest,
    ObjectiveDigest,
    ObjectiveScale,
    ParameterDigest,
    Place,
    SolutionDigest,
)
from voicehive.optimization.arrays import Floats
from voicehive.optimization.choice import minimized
from voicehive.optimization.explanation.redundancy import standardized_ranks
from voicehive.optimization.front import scaled, thin
from voicehive.optimization.models import Objective, Solution
from voicehive.optimization.parameter import Parameter, Setting

_CORRELATED = 500
_KNOWN_ROLES = frozenset({"knee", "cheapest", "safest", "nearest_to_current"})
_TOLERANCE = 1e-9


class _Shown(NamedTuple):
    """What the digest shows: objectives and parameters by code, and the rows (front, then today's) with their roles."""

    objectives: dict[str, Objective]
    parameters: dict[str, Parameter]
    roles: dict[int, list[str]]


def digest_of(
    parameters: Sequence[Parameter],
    objectives: Sequence[Objective],
    front: Sequence[Solution],
    *,
    recommended: int,
    current: Solution | None,
    alternatives: Mapping[str, int],
) -> tuple[FrontDigest, Codebook]:
    """Make the digest of a front and its code book.

    Shown are at most ten objectives: those for safety, then the heaviest, of equal weight those in which the
    recommended solution is farthest from the ideal; at most twenty parameters: of those that can change, the ones with
    the strongest rank correlation with a shown objective (over at most 500 solutions, evenly spaced); and at most
    twelve solutions: the recommended, today's, the alternatives, the best in each shown objective, and those farthest
    from these. `recommended` and `alternatives` are places in the front.
    """
    values = _minimized([solution.outcomes for solution in front], objectives)
    points = scaled(values, values)
    shown_objectives = _important(objectives, points[recommended])
    columns = points[:, shown_objectives]
    solutions = [*front, *([] if current is None else [current])]
    changeable = [parameter for parameter in parameters if _changeable(parameter, solutions)]
    correlations = _correlations(changeable, front, columns)
    shown_parameters = _strongest(correlations)
    shown = _Shown(
        {f"O{code}": objectives[column] for code, column in enumerate(shown_objectives, 1)},
        {f"P{code}": changeable[column] for code, column in enumerate(shown_parameters, 1)},
        _roles(columns, front, recommended, current, alternatives),
    )
    rows = {row: solutions[row] for row in shown.roles}
    values = values[:, shown_objectives]
    digest = FrontDigest(
        front_size=len(front),
        parameters=_parameter_digests(shown, list(rows.values()), correlations[shown_parameters]),
        parameters_left_out=len(changeable) - len(shown_parameters),
        objectives=_objective_digests(shown.objectives, objectives, values, current),
        objectives_left_out=len(objectives) - len(shown_objectives),
        solutions=_solution_digests(shown, rows, values),
    )
    return digest, _codebook(shown, front, recommended)


def _correlations(parameters: Sequence[Parameter], front: Sequence[Solution], points: Floats) -> Floats:
    """Spearman's, of each parameter with each objective shown (P, O), over at most 500 solutions evenly spaced."""
    spaced = np.linspace(0, len(front) - 1, min(len(front), _CORRELATED)).astype(np.intp)
    rows: list[int] = np.unique(spaced).tolist()
    positions = _positions(parameters, [front[row] for row in rows])
    return standardized_ranks(positions).T @ standardized_ranks(points[rows])


def _codebook(shown: _Shown, front: Sequence[Solution], recommended: int) -> Codebook:
    scales: dict[str, ObjectiveScale] = {}
    for code, objective in shown.objectives.items():
        values = [solution.outcomes[objective.name] for solution in front]
        ends = min(values), max(values)
        ideal, nadir = ends if objective.direction == "minimize" else ends[::-1]
        scales[code] = ObjectiveScale(objective.name, ideal, nadir)
    places = {f"S{code}": row for code, row in enumerate(shown.roles, 1)}
    return Codebook(shown.parameters, scales, places, front[recommended].settings)


def _important(objectives: Sequence[Objective], recommended: Floats) -> NDArray[np.intp]:
    unsafe = np.array([objective.category != "safety" for objective in objectives])
    weights = np.array([objective.weight for objective in objectives])
    return np.sort(np.lexsort((-recommended, -weights, unsafe))[:MOST_OBJECTIVES])


def _strongest(correlations: Floats) -> NDArray[np.intp]:
    strength = np.abs(correlations).max(axis=1, initial=0.0)
    return np.sort(np.argsort(-strength, kind="stable")[:MOST_PARAMETERS])


def _changeable(parameter: Parameter, solutions: Sequence[Solution]) -> bool:
    """Whether it may take several values, and every category that the solutions hold is one of them."""
    if parameter.numeric:
        low, high = parameter.bounds
        return low < high
    held = {solution.settings[parameter.name] for solution in solutions}
    return len(parameter.reachable_choices) > 1 and held.issubset(parameter.reachable_choices)


def _roles(
    points: Floats,
    front: Sequence[Solution],
    recommended: int,
    current: Solution | None,
    alternatives: Mapping[str, int],
) -> dict[int, list[str]]:
    """Choose the rows to show, each with its roles, the recommended one first; row -1 is today's, off the front."""
    roles = {recommended: ["recommended"]}
    if current is not None:
        today = next((row for row, solution in enumerate(front) if solution.settings == current.settings), -1)
        roles.setdefault(today, []).append("current")
    for name, row in alternatives.items():
        role = name if name in _KNOWN_ROLES else "alternative"
        if len(roles) < MOST_SOLUTIONS or row in roles:
            roles.setdefault(row, []).append(role)
    kept = [row for row in roles if row >= 0]
    best = {f"best_in_O{code}": int(row) for code, row in enumerate(points.argmin(axis=0), 1)}
    for row in thin(points, MOST_SOLUTIONS - (-1 in roles), kept).tolist():
        roles.setdefault(row, []).extend(role for role, holder in best.items() if holder == row)
    return roles


def _minimized(outcomes: Sequence[Mapping[str, float]], objectives: Sequence[Objective]) -> Floats:
    return minimized(np.array([[row[objective.name] for objective in objectives] for row in outcomes]), objectives)


def _positions(parameters: Sequence[Parameter], solutions: Sequence[Solution]) -> Floats:
    """Place the settings of N solutions in [0, 1]: (N, P); categories by their place in order."""
    columns = [
        _position(parameter, [solution.settings[parameter.name] for solution in solutions]) for parameter in parameters
    ]
    return np.stack(columns, axis=1) if columns else np.zeros((len(solutions), 0))


def _position(parameter: Parameter, settings: Sequence[Setting]) -> Floats:
    if not parameter.numeric:
        places = {choice: place for place, choice in enumerate(parameter.reachable_choices)}
        return np.array([places[setting] for setting in settings], dtype=np.float64) / (len(places) - 1)
    low, high = parameter.bounds
    values = np.array(settings, dtype=np.float64)
    if parameter.scale == "log":
        low, high, values = np.log(low), np.log(high), np.log(values)
    return np.clip((values - low) / (high - low), 0.0, 1.0)


def _parameter_digests(
    shown: _Shown, solutions: Sequence[Solution], correlations: Floats
) -> tuple[ParameterDigest, ...]:
    return tuple(
        ParameterDigest(
            code=code,
            kind=cast(ChangeableKind, parameter.kind),
            cells=parameter.cells,
            categories=_categories(parameter, solutions),
            correlations={objective: round(float(r), 2) for objective, r in zip(shown.objectives, row, strict=True)},
        )
        for (code, parameter), row in zip(shown.parameters.items(), correlations, strict=True)
    )


def _categories(parameter: Parameter, solutions: Sequence[Solution]) -> tuple[str, ...]:
    if parameter.numeric:
        return ()
    choices = parameter.reachable_choices
    held = {choices.index(solution.settings[parameter.name]) for solution in solutions}
    places = sorted(held | {place for place in range(len(choices)) if place < MOST_CATEGORIES - len(held)})
    return tuple(f"C{place + 1}" for place in places)


def _objective_digests(
    shown: Mapping[str, Objective], objectives: Sequence[Objective], values: Floats, current: Solution | None
) -> tuple[ObjectiveDigest, ...]:
    total = sum(objective.weight for objective in objectives)
    return tuple(
        ObjectiveDigest(
            code=code,
            direction=objective.direction,
            category=objective.category,
            weight=round(objective.weight / total, 4),
            acceptable=_scaled_value(_acceptable(objective, current), column),
            target=_scaled_value(None if objective.target is None else objective.target * objective.sign, column),
        )
        for (code, objective), column in zip(shown.items(), values.T, strict=True)
    )


def _acceptable(objective: Objective, current: Solution | None) -> float | None:
    """The worst acceptable value, minimised: the objective's own bound, or what it may worsen from today's."""
    sign = objective.sign
    bound = objective.at_most if objective.direction == "minimize" else objective.at_least
    limits = [] if bound is None else [bound * sign]
    if current is not None and objective.maximum_worsening is not None:
        today = current.outcomes[objective.name]
        size = abs(today) if abs(today) > _TOLERANCE else 1.0
        limits.append(today * sign + objective.maximum_worsening * size)
    return min(limits, default=None)


def _scaled_value(value: float | None, column: Floats) -> float | None:
    return None if value is None else _rounded(scaled(np.array([[value]]), column[:, None])[0, 0])


def _rounded(value: float) -> float:
    return round(float(np.clip(value, -LARGEST_SCALED, LARGEST_SCALED)), 3)


def _solution_digests(shown: _Shown, rows: Mapping[int, Solution], values: Floats) -> tuple[SolutionDigest, ...]:
    solutions = list(rows.values())
    outcomes = [solution.outcomes for solution in solutions]
    objectives = scaled(_minimized(outcomes, list(shown.objectives.values())), values)
    positions = _positions(list(shown.parameters.values()), solutions)
    return tuple(
        SolutionDigest(
            code=f"S{code}",
            roles=tuple(shown.roles[row]),
            feasible=rows[row].feasible,
            parameters={
                name: _place(parameter, rows[row], float(position))
                for (name, parameter), position in zip(shown.parameters.items(), positions[code - 1], strict=True)
            },
            objectives={
                name: _rounded(value) for name, value in zip(shown.objectives, objectives[code - 1], strict=True)
            },
        )
        for code, row in enumerate(shown.roles, 1)
    )


def _place(parameter: Parameter, solution: Solution, position: float) -> Place:
    if parameter.numeric:
        return round(position, 4)
    return f"C{parameter.reachable_choices.index(solution.settings[parameter.name]) + 1}"
