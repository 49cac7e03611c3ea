"""An optimisation's result on a terminal of 80 columns, few or a hundred objectives alike."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from voicehive.cli import rendering
from voicehive.optimization.figures import counted, figure
from voicehive.optimization.models import Objective, Solution
from voicehive.optimization.parameter import Setting
from voicehive.optimization.pictures.front_view import Mark, extent, marks, moved_most
from voicehive.optimization.result import Adjustment, AdviceReport, Conflict, OptimizationResult, Relaxation

MOST_OBJECTIVES, MOST_SETTINGS, MOST_REASONS, MOST_LINES = 10, 12, 16, 8
_MOST_COLUMNS = 4
_MOST_EFFECTS = 3
_BEST_IN = (
    "  best in: the share of random weightings of the objectives under which nothing\n"
    "  is better; 0% where another one always is"
)
_LIMITS = (
    "  today's settings stay: whatever gains elsewhere makes an objective worse than its\n"
    "  maximum_worsening allows (0 unless it says otherwise; null: no limit)"
)
_STOPS = {
    "generations": "all generations done",
    "evaluations": "all evaluations used",
    "time": "its time was up",
    "convergence": "the front had stopped growing",
    "exhausted": "nothing new was left to try",
    "asked": "you stopped it; this is the best so far",
    "ranked": "every candidate was ranked",
}


def report(result: OptimizationResult, objectives: Sequence[Objective]) -> Iterator[RenderableType]:
    """Everything there is to say, in the order in which it is asked; nothing of what the result does not have."""
    shown = moved_most(result, objectives, MOST_OBJECTIVES)
    yield from _head(result)
    yield Text()
    yield _comparison(result, shown)
    yield from _left_out(len(objectives) - len(shown), "objectives" + (", which move less" if result.current else ""))
    if result.alternatives:
        yield from _section("alternatives")
        columns = moved_most(result, objectives, _MOST_COLUMNS)
        yield _alternatives(result, columns)
        yield from _left_out(len(objectives) - len(columns), "objectives, in --json, --output and --plot")
        if result.acceptabilities:
            yield Text(_BEST_IN, "dim")
    yield from _listed("why", result.reasons, MOST_REASONS)
    if _held_by_limits(result, objectives):
        yield Text(_LIMITS, "dim")
    if result.adjustments:
        yield from _section("what each change does alone, from today")
        yield _adjustments(result.adjustments, shown)
        yield from _left_out(len(result.adjustments) - MOST_LINES, "changes")
    if result.advice is not None:
        yield from _advice(result.advice)
    yield from _reliance(result, objectives)


def _held_by_limits(result: OptimizationResult, objectives: Sequence[Objective]) -> bool:
    """Whether today's settings stay though the front holds others, which some objective does not allow."""
    stays = result.current is not None and result.recommendation.settings == result.current.settings
    return stays and len(result.front) > 1 and any(each.maximum_worsening is not None for each in objectives)


def _head(result: OptimizationResult) -> Iterator[RenderableType]:
    work = f"{counted(result.evaluations, 'evaluation')} in {result.duration_seconds:.2f} s"
    source = " (from the cache)" if result.from_cache else " (warm start)" if result.warm_started else ""
    yield rendering.line(
        "✔", f"{result.algorithm}{source}: {work}, {extent(result)}; {_STOPS[result.stopped_by]}", "green"
    )
    if result.algorithm_reason:
        yield Text(
            f"  {result.algorithm_reason}; strategy {rendering.words(result.strategy)}, seed {result.seed}", "dim"
        )
    if result.quarantined:
        count = counted(result.quarantined, "candidate")
        yield rendering.line("!", f"{count} had no finite outcomes; not ranked", "yellow")
    if not result.feasible:
        yield rendering.line("✘", "infeasible: no candidate meets every hard constraint", "bold red")
        yield Text(f"  the least violating one follows (violation {result.recommendation.violation:.3g})")
    if result.conflict is not None:
        yield from _conflict(result.conflict)


def _conflict(conflict: Conflict) -> Iterator[RenderableType]:
    known = "proven" if conflict.proven else "as far as the search saw"
    yield Text(f"  these cannot hold together ({known}):")
    yield from (_indented(label, 4) for label in conflict.constraints)
    if conflict.relaxations:
        yield Text("  the cheapest way out, which touches nothing that is there for safety:")
        yield from (_indented(_relaxation(each), 4) for each in conflict.relaxations)
    told = {each.constraint for each in conflict.relaxations} if len(conflict.relaxations) == 1 else set[str]()
    if others := [each for each in conflict.alone if each.constraint not in told]:
        yield Text(f"  {'any one of these alone' if len(others) > 1 else 'this alone'} would do as well:")
        yield from (_indented(_relaxation(each), 4) for each in others[:MOST_LINES])
    if conflict.solution is not None and conflict.relaxations:
        yield _indented(f"feasible then: {_settings(conflict.solution.settings)}", 2)


def _relaxation(relaxation: Relaxation) -> str:
    by = f"{relaxation.constraint}: by {figure(relaxation.by)} {relaxation.unit}".rstrip()
    return by if relaxation.to is None else f"{by}, to {figure(relaxation.to)} {relaxation.unit}".rstrip()


def _comparison(result: OptimizationResult, shown: Sequence[Objective]) -> Table:
    """Today against the recommendation: what counts, then the settings, the changed ones first."""
    today, recommended = result.current, result.recommendation
    made = rendering.table(
        "", *(["today"] if today else []), "recommended", "unit", "", numbers=("today", "recommended")
    )
    for objective in shown:
        after = recommended.outcomes[objective.name]
        before = today.outcomes[objective.name] if today else None
        cells = [*([] if before is None else [figure(before)]), figure(after), objective.unit]
        made.add_row(Text(objective.name), *map(Text, cells), _judged(objective, before, after))
    made.add_section()
    names = sorted(recommended.settings, key=lambda name: not _changed(today, recommended, name))
    for name in names[:MOST_SETTINGS]:
        before = [rendering.value(today.settings.get(name))] if today else []
        mark = "changed" if _changed(today, recommended, name) else ""
        made.add_row(Text(name), *map(Text, [*before, rendering.value(recommended.settings[name])]), "", mark)
    if len(names) > MOST_SETTINGS:
        made.add_row(Text(f"and {len(names) - MOST_SETTINGS} more settings", "dim"))
    return made


def _changed(today: Solution | None, recommended: Solution, name: str) -> bool:
    return today is not None and today.settings.get(name) != recommended.settings[name]


def _judged(objective: Objective, before: float | None, after: float) -> Text:
    if before is None:
        return Text("less is better" if objective.direction == "minimize" else "more is better", "dim")
    if figure(before) == figure(after):
        return Text("same", "dim")
    better = (after < before) == (objective.direction == "minimize")
    return Text("better", "green") if better else Text("worse", "red")


def _alternatives(result: OptimizationResult, shown: Sequence[Objective]) -> Table:
    """Each solution that has a name, once: the recommended one first, then today's."""
    names = tuple(result.recommendation.settings)
    # A table's rows without parameters have one setting alone: what they are called.
    called = names[0] if len(names) == 1 else None
    made = rendering.table("", "", *("" for _ in shown), *(["best in"] if result.acceptabilities else []))
    headers = ["no." if called is None else called, *(objective.name for objective in shown)]
    for column, header in zip(made.columns[1:], headers, strict=False):
        column.header = Text(rendering.words(header))
    for column in made.columns[1:]:
        column.justify = "right"
    for mark in marks(result):
        solution = mark.solution
        number = str(solution.index) if solution.index >= 0 else ""
        place = number if called is None else rendering.value(solution.settings[called])
        values = [figure(solution.outcomes[objective.name]) for objective in shown]
        made.add_row(*map(Text, [mark.label, place, *values, *_best_in(result, mark)]))
    return made


def _best_in(result: OptimizationResult, mark: Mark) -> list[str]:
    if not result.acceptabilities:
        return []
    share = next((result.acceptabilities[name] for name in mark.names if name in result.acceptabilities), None)
    return ["" if share is None else "<1%" if 0.0 < share < 0.01 else f"{share:.0%}"]


def _adjustments(adjustments: Sequence[Adjustment], shown: Sequence[Objective]) -> Table:
    share = "of the repair" if any(each.share_of == "violation" for each in adjustments) else "of the gain"
    made = rendering.table("change", share, "expected effect", numbers=(share,))
    units = {objective.name: objective.unit for objective in shown}
    for each in sorted(adjustments, key=lambda adjustment: -abs(adjustment.share))[:MOST_LINES]:
        change = f"{each.parameter} {rendering.value(each.before)} -> {rendering.value(each.after)}"
        made.add_row(Text(change), f"{each.share:.0%}", Text(_effects(each.effects, units)))
    return made


def _effects(effects: Mapping[str, float], units: Mapping[str, str]) -> str:
    """Of the objectives shown, those that change."""
    moved = [(name, effects[name]) for name in units if effects.get(name)]
    told = [f"{name} {'+' if by > 0 else ''}{figure(by)} {units[name]}".rstrip() for name, by in moved[:_MOST_EFFECTS]]
    more = [f"{len(moved) - _MOST_EFFECTS} more"] if len(moved) > _MOST_EFFECTS else []
    return ", ".join(told + more) or "none"


def _advice(advice: AdviceReport) -> Iterator[RenderableType]:
    kept = sum(proposal.kept for proposal in advice.proposals)
    yield from _section(f"advice from {advice.source}: {kept} of {len(advice.proposals)} proposals kept")
    for proposal in advice.proposals[:MOST_LINES]:
        mark, style = ("✔", "green") if proposal.kept else ("✘", "red")
        yield rendering.line(mark, f"{proposal.explanation} ({proposal.verdict})", style)
    yield from _left_out(len(advice.proposals) - MOST_LINES, "proposals")


def _reliance(result: OptimizationResult, objectives: Sequence[Objective]) -> Iterator[RenderableType]:
    """How far it holds: the confidence, the weights, and the objectives that say the same."""
    whole = result.confidence
    parts = ("acceptability", "margin", "certainty", "convergence")
    told = ", ".join(f"{part} {getattr(whole, part):.2f}" for part in parts)
    yield from _section(f"confidence {whole.value:.2f}")
    yield Text(f"  {told}")
    weights = sum(objective.weight for objective in objectives)
    own = {objective.name: objective.weight / weights for objective in objectives}
    tight = sorted(result.weight_intervals.items(), key=lambda item: item[1][1] - item[1][0])
    yield from _listed(
        "the winner stays the winner while the weight (of 1) of",
        [_interval(name, low, high, own.get(name)) for name, (low, high) in tight],
    )
    yield from _listed(
        "redundant objectives, by rank correlation",
        [
            f"{each.name} goes with {each.explained_by} ({each.correlation:+.2f})"
            for each in result.redundant_objectives
        ],
    )


def _interval(name: str, low: float, high: float, now: float | None) -> str:
    """With as many decimals as tell its ends apart."""
    digits = 2 if high <= low else min(6, max(2, 1 - math.floor(math.log10(high - low))))
    told = f"{name} is from {low:.{digits}f} to {high:.{digits}f}"
    return told if now is None else f"{told} (now {now:.{digits}f})"


def _settings(settings: Mapping[str, Setting]) -> str:
    told = [f"{name} {rendering.value(value)}" for name, value in settings.items()]
    more = [f"{len(told) - MOST_SETTINGS} more"] if len(told) > MOST_SETTINGS else []
    return ", ".join(told[:MOST_SETTINGS] + more)


def _section(title: str) -> Iterator[RenderableType]:
    yield Text(f"\n{title}", "bold")


def _listed(title: str, lines: Sequence[str], most: int = MOST_LINES) -> Iterator[RenderableType]:
    if lines:
        yield from _section(title)
        yield from (_indented(line, 2) for line in lines[:most])
        yield from _left_out(len(lines) - most, "of these")


def _indented(text: str, by: int, style: str = "") -> RenderableType:
    return Padding(Text(text, style), (0, 0, 0, by))


def _left_out(count: int, what: str) -> Iterable[RenderableType]:
    return [Text(f"  and {count} more {what}", "dim")] if count > 0 else []
