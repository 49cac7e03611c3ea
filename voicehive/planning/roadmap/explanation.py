# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Says in words and numbers why a roadmap is as it is, and why what is not in it is not."""

from collections.abc import Mapping, Sequence

import numpy as np

from voicehive.planning.initiatives import Initiative
from voicehive.planning.roadmap.problem import RoadmapProblem
from voicehive.planning.roadmap.program import Columns, Program
from voicehive.planning.roadmap.result import FinishForecast, LeftOut, ScenarioRoadmap
from voicehive.planning.roadmap.tail import Outcome, outcome
from voicehive.planning.roadmap.values import Floats

_SLACK = 1e-7


def contributions(program: Program, chosen: Columns) -> dict[str, float]:
    """What the weighted sum loses without each initiative, and without all that needs it or belongs with it."""
    problem, whole = program.problem, outcome(program, chosen).utility
    names = [problem.counting[owner].id for owner in program.owners[chosen].tolist()]
    found: dict[str, float] = {}
    for name in names:
        gone = _with_followers(problem, name)
        rest = np.array([c for c, one in zip(chosen.tolist(), names, strict=True) if one not in gone], dtype=np.intp)
        found[name] = whole - outcome(program, rest).utility
    return found


def left_out(program: Program, chosen: Columns) -> tuple[LeftOut, ...]:
    """Say why each initiative is not in the roadmap; candidates of an AI that nobody accepted are named too."""
    problem = program.problem
    used = np.asarray(program.matrix[:, chosen].sum(axis=1)).ravel() if len(chosen) else np.zeros(len(program.limits))
    dense, inside = program.matrix.tocsc(), set(program.owners[chosen].tolist())
    found = [
        LeftOut(initiative=one.id, reason=_reason(program, chosen, place, used, dense))
        for place, one in enumerate(problem.counting)
        if place not in inside
    ]
    found += [
        LeftOut(initiative=one.id, reason="an AI proposed it and no person has accepted it yet")
        for one in problem.initiatives
        if not one.counts
    ]
    return tuple(found)


def _with_followers(problem: RoadmapProblem, name: str) -> set[str]:
    gone = {name}
    while True:
        more = {one.id for one in problem.counting if not gone.isdisjoint(p.initiative for p in one.prerequisites)}
        more |= {member for group in problem.together if gone.intersection(group) for member in group}
        if more <= gone:
            return gone
        gone |= more


def _reason(program: Program, chosen: Columns, place: int, used: Floats, matrix: object) -> str:
    columns = np.flatnonzero(program.owners == place)
    if {one.name for one in program.problem.objectives} == {"finish"}:
        return "only the finish counts, and nothing that is required needs it"
    if not len(columns):
        return "it cannot run within its dates and the horizon"
    added = matrix[:, columns].toarray()  # pyright: ignore[reportIndexIssue, reportAttributeAccessIssue]
    over = used[:, None] + added > program.limits[:, None] + _SLACK
    before = outcome(program, chosen).utility
    gains = [outcome(program, np.append(chosen, column)).utility - before for column in columns]
    fits = ~over.any(axis=0)
    if fits.any():
        gain = max(gain for gain, on in zip(gains, fits.tolist(), strict=True) if on)
        if gain <= 0.0:
            return f"where it fits it would change the weighted sum by {gain:.4g}"
        return f"it fits and would add {gain:.4g}: the search ended before it was taken in"
    best = int(np.argmax(gains))
    if gains[best] <= 0.0:
        return f"even at its best time it would change the weighted sum by {gains[best]:.4g}"
    rows = np.flatnonzero(over[:, best])
    words = list(dict.fromkeys(_limit(program.problem, program.labels[row]) for row in rows))
    shown = ", ".join(words[:3]) + (f" and {len(words) - 3} more" if len(words) > 3 else "")
    start = int(program.starts[columns[best]])
    return f"at its best time, period {start}, it would add {gains[best]:.4g}, but there is no room: {shown}"


def _limit(problem: RoadmapProblem, label: str) -> str:
    kind, *rest = label.split(" ")
    if kind == "capacity":
        return f"{rest[0]} in period {rest[1]}"
    if kind == "budget":
        return f"budget of period {rest[0]}"
    if kind == "precedence":
        return f"order of {rest[0]} and {rest[1]}"
    if kind == "candidate":
        return f"{rest[0]}, which it needs, is only a candidate"
    if kind in ("apart", "together"):
        group = (problem.apart if kind == "apart" else problem.together)[int(rest[0])]
        return f"{'not together' if kind == 'apart' else 'only together'}: {', '.join(group)}"
    return f"the bound on {rest[0]}"


def reasons(problem: RoadmapProblem, found: Outcome, gap: float, proven: bool, finish: FinishForecast) -> list[str]:
    """Tell what the roadmap comes to, how sure it is to be the best, and when it will be done."""
    weighed = {one.name for one in problem.objectives}
    words: list[str] = []
    if "value" in weighed:
        words.append(f"expected value {found.value:.4g}")
    if "risk" in weighed:
        worst = f"{1.0 - problem.risk_level:.0%}"
        words.append(f"value {-found.risk:.4g} on average in the worst {worst} of samples")
    words += [f"cost {found.cost:.4g}", f"finish after {finish.planned} periods"]
    told = ["; ".join(words)]
    sure = "proven: none is better" if proven else f"no roadmap can be better by more than {gap:.2%}"
    told.append(f"by the weights given its sum is {found.utility:.4g}; {sure}")
    told.append(
        f"with uncertain durations it is done after {finish.p50:.1f} periods with probability 50 %, after "
        f"{finish.p80:.1f} with 80 %, on time with {finish.on_time:.0%}: keep a buffer of {finish.buffer:.1f}"
    )
    return told


def choices(
    counting: Mapping[str, Initiative], gains: Mapping[str, float], needed: frozenset[str], critical: Sequence[str]
) -> list[str]:
    """Tell what is required, what brings most, and what decides the finish."""
    told: list[str] = []
    if required := [counting[name].title for name in gains if name in needed]:
        told.append(f"required, or needed by what is: {', '.join(required)}")
    free = sorted((name for name in gains if name not in needed), key=lambda name: -gains[name])
    if free:
        told.append("brings most: " + ", ".join(f"{counting[name].title} ({gains[name]:.4g})" for name in free[:3]))
    if critical:
        told.append("whatever delays these delays the finish: " + ", ".join(counting[name].title for name in critical))
    if fixed := [counting[name].title for name in gains if not counting[name].reversible]:
        told.append(f"cannot be undone: {', '.join(fixed)}")
    return told


def in_scenarios(scenarios: Sequence[ScenarioRoadmap], robust: frozenset[str]) -> list[str]:
    """Tell what is right whatever comes, and what each scenario would change."""
    if not scenarios:
        return []
    told = [f"in all scenarios: {', '.join(sorted(robust)) or 'nothing'}"]
    for one in scenarios:
        changes = [
            f"{verb} {', '.join(names)}"
            for verb, names in (("add", one.added), ("drop", one.dropped), ("move", one.moved))
            if names
        ]
        change = "; ".join(changes) or "change nothing"
        regret = one.utility - one.recommended_utility
        told.append(f"if {one.scenario} were sure: {change} (worth {regret:.4g}{'' if one.proven else ', not proven'})")
    return told
