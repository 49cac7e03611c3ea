"""Claims: the optimiser is at least as good as its peers at equal evaluations, in at most half of pymoo's time. It
searches 100 objectives in under a second with less regret than any peer, ranks tables, and decides for contact centres
in a second.

Peers: pymoo's NSGA-II, NSGA-III and RVEA, pygmo's NSGA-II and MOEA/D, Optuna's NSGA-II, in the same run, on one core.
Ours is the optimiser as anyone uses it: search, choice and explanation. Without options a short selection is run;
`--full` runs everything, for hours: `--results FILE` keeps each finished problem there, so that a run that was broken
off goes on where it stopped.
"""

import argparse
import os
import statistics
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks.peers import hundred_comparison, latency, suite_comparison
from benchmarks.peers.hundred_objectives import PROBLEMS, check_definitions
from benchmarks.peers.kept_results import KeptResults
from benchmarks.peers.pygmo_peers import PYGMO
from benchmarks.peers.pymoo_peers import PYMOO
from benchmarks.peers.suites import TASKS
from benchmarks.peers.voicehive_optimizer import OURS

SECTIONS = ("suites", "many", "table", "centre")
LIBRARIES = ("pymoo", "pygmo", "optuna")
SHORT_TASKS = ("zdt1", "zdt4", "dtlz2-3", "dtlz2-5", "wfg8", "mw2")
SHORT_PEERS_AT_100 = ("pymoo RVEA",)
OPTUNA_TASKS = ("zdt1", "dtlz2-3", "wfg4", "mw2")
OPTUNA_SEEDS = 3
TABLE_RUNS, CENTRE_RUNS = 11, 20


class Scope(NamedTuple):
    """What of the whole is run."""

    full: bool
    seeds: tuple[int, ...]
    sections: tuple[str, ...]
    libraries: tuple[str, ...]
    results: Path | None

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of the suites' tasks."""
        return tuple(TASKS) if self.full else SHORT_TASKS

    @property
    def peers_at_100(self) -> tuple[str, ...]:
        """Those of pymoo's algorithms that run at 100 objectives."""
        if "pymoo" not in self.libraries:
            return ()
        return tuple(PYMOO) if self.full else SHORT_PEERS_AT_100


class Finding(NamedTuple):
    """One line of the summary."""

    work: str
    found: str
    target: str
    reached: bool


class Bench:
    """Runs the sections and prints each one's table as it goes; `findings` are the summary."""

    def __init__(self, scope: Scope, console: Console, progress: Progress) -> None:
        self._scope, self._console, self._progress = scope, console, progress
        self.findings: list[Finding] = []

    def run(self) -> None:
        """Run every section that is wanted."""
        for section in self._scope.sections:
            getattr(self, section)()

    def suites(self) -> None:
        """Compare on the suites with 2 to 10 objectives."""
        scope = self._scope
        table = Table("problem", "", "ours", "best peer", "its", "ratio", "ours s", "pymoo s", "times", title="suites")
        compared: list[suite_comparison.Compared] = []
        kept = KeptResults(scope.results)
        for name in scope.tasks:
            libraries = [library for library in scope.libraries if library != "optuna" or name in OPTUNA_TASKS]
            able = suite_comparison.methods(TASKS[name], libraries)
            if len(able) == 1:
                continue
            key = f"{name} {','.join(able)} {scope.seeds}"
            if (found := kept.get(key)) is None:
                with _Ticks(self._progress, name, len(able) * len(scope.seeds)) as ticks:
                    seeds_of_optuna = scope.seeds[:OPTUNA_SEEDS]
                    found = suite_comparison.compare(TASKS[name], able, scope.seeds, seeds_of_optuna, ticks.tick)
                kept.keep(key, found)
            compared.append(found)
            table.add_row(*_suite_row(found))
        if not compared:
            return
        self._console.print(table)
        self._note_suites(compared)
        self._judge_suites(compared)

    def many(self) -> None:
        """Compare at 100 objectives."""
        scope = self._scope
        check_definitions()
        for problem in (kind() for kind in PROBLEMS):
            with _Ticks(self._progress, problem.name, len(scope.seeds) * (2 + len(scope.peers_at_100))) as ticks:
                standings = hundred_comparison.compare(problem, scope.peers_at_100, scope.seeds, ticks.tick)
            self._console.print(_standings_table(problem.name, standings))
            own = standings[OURS]
            self._find(f"{problem.name}, 100 objectives: time", f"{own.cpu:.2f} s", "under 1 s", own.cpu < 1.0)
            behind = hundred_comparison.not_best(standings)
            found = f"behind on {', '.join(behind)}" if behind else f"best on all; {own.distinct:.0f} distinct"
            self._find(f"{problem.name}, 100 objectives: quality", found, "best on all", not behind)
        if scope.peers_at_100 != tuple(PYMOO):
            named = ", ".join(scope.peers_at_100) or "none"
            self._console.print(
                f"of the peers only {named} ran here; --full runs the others, a minute a problem and seed"
            )
        self._console.print(
            "regret, in thousandths, over 1,000 held-out weightings; objectives scaled to 0..1 by all methods; "
            "against the true optimum, on table-like against the best that any method found"
        )

    def table(self) -> None:
        """Rank tables."""
        shown = Table("table", "ms CPU", "ms wall", "ms CPU with reading the CSV", title=f"median of {TABLE_RUNS} runs")
        for rows, objectives, goal in latency.TABLES:
            name = f"{rows:,} x {objectives}"
            with _Ticks(self._progress, name, TABLE_RUNS + 1) as ticks:
                ranking, reading = latency.rank_table(rows, objectives, TABLE_RUNS, ticks.tick)
            cpu, wall = (statistics.median(values) for values in zip(*ranking, strict=True))
            whole = statistics.median(seconds.cpu for seconds in reading)
            shown.add_row(name, *(f"{1_000 * seconds:.1f}" for seconds in (cpu, wall, whole)))
            self._find(f"rank a table of {name}", f"{1_000 * cpu:.1f} ms", f"under {1_000 * goal:.0f} ms", cpu < goal)
        self._console.print(shown)

    def centre(self) -> None:
        """Optimise the contact-centre examples."""
        shown = Table(
            "example", "p50 s CPU", "p95 s CPU", "p50 s wall", "p95 s wall", title=f"{CENTRE_RUNS} seeds each"
        )
        for name, problem in latency.centre_examples().items():
            with _Ticks(self._progress, name, CENTRE_RUNS + 1) as ticks:
                taken = latency.decide(problem, CENTRE_RUNS, ticks.tick)
            figures = [float(np.percentile(values, at)) for values in zip(*taken, strict=True) for at in (50, 95)]
            shown.add_row(name, *(f"{seconds:.2f}" for seconds in figures))
            self._find(f"contact centre, {name}: p95", f"{figures[1]:.2f} s", "under 1 s", figures[1] < 1.0)
        self._console.print(shown)

    def _find(self, work: str, found: str, target: str, reached: bool) -> None:
        self.findings.append(Finding(work, found, target, bool(reached)))

    def _judge_suites(self, compared: Sequence[suite_comparison.Compared]) -> None:
        count = len(compared)
        at_least = sum(one.ratio >= 1.0 for one in compared)
        found = f"{at_least} of {count}: {at_least / count:.0%}" + (
            f"; {len(TASKS)} in all" if count < len(TASKS) else ""
        )
        self._find("suites: at least the best peer", found, "at least 80 %", at_least >= 0.8 * count)
        worst = min(compared, key=lambda one: one.ratio)
        self._find("suites: least ratio", f"{worst.ratio:.4f} ({worst.task})", "at least 0.98", worst.ratio >= 0.98)
        if "pymoo" in self._scope.libraries:
            times = [one.time_ratio for one in compared]
            median, quick = statistics.median(times), sum(ratio <= 0.5 for ratio in times)
            found = f"{median:.2f}; at most 0.5 on {quick} of {count}"
            self._find("suites: median time / fastest pymoo's", found, "at most 0.5", median <= 0.5)

    def _note_suites(self, compared: Sequence[suite_comparison.Compared]) -> None:
        scope = self._scope
        notes = [
            f"medians over {len(scope.seeds)} seed(s), equal evaluations; HV: hypervolume, more is better; IGD+: less "
            "is better; ratio above 1: ours is better; times: our CPU time / that of pymoo's fastest algorithm",
            "MW's objectives are scaled by the union of all methods' fronts",
        ]
        absent = [one.task for one in compared if not set(PYGMO) & set(one.qualities)]
        if absent and "pygmo" in scope.libraries:
            notes.append(f"pygmo has no, or another, definition of {', '.join(absent)}")
        if "optuna" in scope.libraries:
            named = ", ".join(name for name in OPTUNA_TASKS if name in scope.tasks)
            seeds = ", ".join(map(str, scope.seeds[:OPTUNA_SEEDS]))
            notes.append(f"Optuna takes minutes a run: only on {named}, with seeds {seeds}")
        else:
            notes.append("Optuna, minutes a run, did not run; --peers pymoo,pygmo,optuna or --full adds it")
        self._console.print("\n".join(notes))


class _Ticks:
    """A task of the progress bar."""

    def __init__(self, progress: Progress, name: str, total: int) -> None:
        self._progress, self._task = progress, progress.add_task(name, total=total)

    def __enter__(self) -> "_Ticks":
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.remove_task(self._task)

    def tick(self) -> None:
        self._progress.advance(self._task)


def _suite_row(one: suite_comparison.Compared) -> Iterable[str]:
    pymoo = [seconds for method, seconds in one.seconds.items() if method in PYMOO]
    return (
        one.task,
        one.measure,
        f"{one.qualities[OURS]:.4f}",
        one.best_peer,
        f"{one.qualities[one.best_peer]:.4f}",
        f"{one.ratio:.4f}",
        f"{one.seconds[OURS]:.2f}",
        f"{min(pymoo):.2f}" if pymoo else "",
        f"{one.time_ratio:.2f}",
    )


def _standings_table(name: str, standings: dict[str, hundred_comparison.Standing]) -> Table:
    columns = ("s CPU", "s wall", "sum mean", "worst", "Chebyshev mean", "worst", "feasible", "distinct")
    table = Table("method", *columns, title=f"100 objectives, {name}")
    for method, standing in standings.items():
        regret = (f"{1_000 * figure:.3f}" for figure in standing.regret)
        counts = (f"{standing.feasible:.0%}", f"{standing.distinct:.0f}")
        table.add_row(method, f"{standing.cpu:.2f}", f"{standing.wall:.2f}", *regret, *counts)
    return table


def summary(findings: Sequence[Finding]) -> Table:
    """Everything found, beside what is to be reached."""
    table = Table("work", "found", "to reach", "reached")
    for finding in findings:
        table.add_row(finding.work, finding.found, finding.target, "yes" if finding.reached else "no")
    return table


def _listed(text: str, allowed: Sequence[str]) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if name not in allowed:
            raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(allowed)}")
    return names


def scope_of(arguments: Sequence[str] | None = None) -> Scope:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="every problem, every peer, seeds 1 to 11")
    parser.add_argument("--seeds", type=lambda text: tuple(map(int, text.split(","))), help="such as 1,2,3")
    parser.add_argument("--only", type=lambda text: _listed(text, SECTIONS), default=SECTIONS, help=",".join(SECTIONS))
    parser.add_argument("--peers", type=lambda text: _listed(text, LIBRARIES), help=",".join(LIBRARIES))
    parser.add_argument("--results", type=Path, help="keep finished problems of the suites in this file, and use them")
    given = parser.parse_args(arguments)
    seeds = given.seeds or (tuple(range(1, 12)) if given.full else (1,))
    libraries = given.peers or (LIBRARIES if given.full else ("pymoo", "pygmo"))
    return Scope(given.full, seeds, given.only, libraries, given.results)


def main() -> None:
    """Run what is asked, on one thread, and print what was found beside what is to be reached."""
    warnings.filterwarnings("ignore", module="pymoo|optuna")
    scope = scope_of()
    console = Console(width=100)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    load = os.getloadavg()[0]
    with threadpool_limits(1), Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bench = Bench(scope, console, progress)
        bench.run()
    console.print(summary(bench.findings))
    console.print(
        f"reached is judged by CPU time, on one thread: wall time on an idle core; load {load:.1f} before, "
        f"{os.getloadavg()[0]:.1f} after, {os.cpu_count()} cores"
    )
    if not scope.full:
        console.print("a short selection, one seed unless --seeds says otherwise; --full runs it all")


if __name__ == "__main__":
    main()
