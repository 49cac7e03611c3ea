"""Says in words and numbers what a recommendation does, and why it was chosen."""

from voicehive.optimization.choice import TOLERANCE
from voicehive.optimization.figures import figure
from voicehive.optimization.models import Objective, Solution
from voicehive.optimization.parameter import Setting

_MOST_OBJECTIVES = 12


def reasons(
    chosen: Solution,
    current: Solution | None,
    objectives: tuple[Objective, ...],
    method: str,
    acceptable: str,
) -> tuple[str, ...]:
    """What the chosen solution does against today's, objective by objective, and by which method it was chosen.

    Of more than a dozen objectives those that move most are told, relative to today's value.

    Args:
        method: how it was chosen, from how many.
        acceptable: what the sensitivity to the weights is.
    """
    lines = _feasibility(chosen, current)
    told = _most_moved(chosen, current, objectives)
    lines += [_comparison(objective, chosen, current) for objective in told]
    if len(told) < len(objectives):
        lines.append(f"{len(objectives) - len(told)} more objectives move less")
    if current is not None:
        changes = [
            f"{name} {_shown(current.settings[name])} -> {_shown(value)}"
            for name, value in chosen.settings.items()
            if value != current.settings[name]
        ]
        lines.append("changes " + ", ".join(changes) if changes else "keeps today's settings: no change")
    return (*lines, method, acceptable)


def _feasibility(chosen: Solution, current: Solution | None) -> list[str]:
    if chosen.violation:
        today = "" if current is None else f", today {current.violation:.3g}"
        return [f"no candidate meets every constraint; this one violates them least ({chosen.violation:.3g}{today})"]
    if current is not None and current.violation:
        return [f"meets every constraint, which today's settings do not (violation {current.violation:.3g})"]
    return []


def _most_moved(chosen: Solution, current: Solution | None, objectives: tuple[Objective, ...]) -> tuple[Objective, ...]:
    if len(objectives) <= _MOST_OBJECTIVES or current is None:
        return objectives[:_MOST_OBJECTIVES]

    def moved(objective: Objective) -> float:
        before, after = current.outcomes[objective.name], chosen.outcomes[objective.name]
        return abs(after - before) / (abs(before) or 1.0)

    return tuple(sorted(objectives, key=moved, reverse=True)[:_MOST_OBJECTIVES])


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
