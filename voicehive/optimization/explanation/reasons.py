"""Says in words and numbers what a recommendation does, and why it was chosen."""

from collections.abc import Sequence

from voicehive.optimization.choice import TOLERANCE
from voicehive.optimization.figures import counted, figure
from voicehive.optimization.models import Objective, Solution
from voicehive.optimization.parameter import Setting

MOST_TOLD = 12
"""Of more objectives those that move most are told."""


def reasons(
    chosen: Solution,
    current: Solution | None,
    objectives: Sequence[Objective],
    *,
    told: Sequence[Objective],
    method: str,
    acceptable: str,
) -> tuple[str, ...]:
    """What the chosen solution does against today's, objective by objective, and by which method it was chosen.

    Args:
        told: the objectives to speak of, of all `objectives`.
        method: how it was chosen, from how many.
        acceptable: what the sensitivity to the weights is.
    """
    lines = _feasibility(chosen, current)
    lines += [_comparison(objective, chosen, current) for objective in told]
    if len(told) < len(objectives):
        rest = len(objectives) - len(told)
        lines.append(f"{counted(rest, 'more objective')} {'moves' if rest == 1 else 'move'} less")
    if current is not None:
        changes = [
            f"{name} {_shown(current.settings[name])} -> {_shown(value)}"
            for name, value in chosen.settings.items()
            if value != current.settings[name]
        ]
        lines.append("changes " + ", ".join(changes) if changes else "keeps today's settings: no change")
    return (*lines, method, acceptable)


def most_moved(objectives: Sequence[Objective], moves: Sequence[float], most: int) -> tuple[Objective, ...]:
    """At most so many objectives, in their own order: those that move most; of those alike, safety and weight first.

    Args:
        moves: of each objective, as a share of its extent.
    """
    if len(objectives) <= most:
        return tuple(objectives)

    def rank(place: int) -> tuple[float, bool, float]:
        objective = objectives[place]
        return -round(moves[place], 9), objective.category != "safety", -objective.weight

    return tuple(objectives[place] for place in sorted(sorted(range(len(objectives)), key=rank)[:most]))


def _feasibility(chosen: Solution, current: Solution | None) -> list[str]:
    if chosen.violation:
        today = "" if current is None else f", today {current.violation:.3g}"
        return [f"no candidate meets every constraint; this one violates them least ({chosen.violation:.3g}{today})"]
    if current is not None and current.violation:
        return [f"meets every constraint, which today's settings do not (violation {current.violation:.3g})"]
    return []


def _comparison(objective: Objective, chosen: Solution, current: Solution | None) -> str:
    value = chosen.outcomes[objective.name]
    unit = f" {objective.unit}" if objective.unit else ""
    target = _target(objective, value)
    if current is None:
        return f"{objective.name} is {figure(value)}{unit}{target}"
    before = current.outcomes[objective.name]
    if abs(value - before) <= TOLERANCE * max(abs(before), 1.0):
        return f"{objective.name} stays at {figure(value)}{unit}{target}"
    verb = "falls" if value < before else "rises"
    share = f" ({(value - before) / abs(before):+.1%})" if before else ""
    return f"{objective.name} {verb} from {figure(before)} to {figure(value)}{unit}{share}{target}"


def _shown(value: Setting) -> str:
    return figure(value) if isinstance(value, float) else str(value)


def _target(objective: Objective, value: float) -> str:
    if objective.target is None:
        return ""
    met = value <= objective.target if objective.direction == "minimize" else value >= objective.target
    return f", {'meeting' if met else 'missing'} its target {figure(objective.target)}"
