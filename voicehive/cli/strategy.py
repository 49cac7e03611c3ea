"""Simulates a strategic plan and makes its roadmap, in this process: no server, no store, no worker."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from voicehive.cli.errors import InputInvalid
from voicehive.cli.exit_codes import ExitCode
from voicehive.cli.output import Output
from voicehive.cli.rendering import line
from voicehive.cli.strategy_tables import forecast_shown, roadmap_shown
from voicehive.planning.documents import read_plan
from voicehive.planning.plan import StrategicPlan
from voicehive.planning.planner import StrategicPlanner
from voicehive.planning.report.files import Report, write_report
from voicehive.planning.roadmap.csv_files import roadmap_csv
from voicehive.planning.roadmap.icalendar_export import icalendar_of
from voicehive.planning.roadmap.planner import SearchTime


class Asked(NamedTuple):
    """The options that both commands have; `today` decides what is past, the day itself where it is None."""

    seed: int = 0
    samples: int = 100_000
    report: Path | None = None
    today: str | None = None


class RoadmapAsked(NamedTuple):
    """The options of a roadmap: the seconds that the search may take, and further files to write."""

    seconds: float = 30.0
    calendar: Path | None = None
    csv: Path | None = None


def simulate(output: Output, path: Path, asked: Asked, *, nothing: bool) -> ExitCode:
    """Tell what becomes of the goals with what is decided, or with nothing done.

    Raises:
        InputInvalid: an option cannot be used, or a file not written.
        PlanningError: the plan cannot be used.
    """
    plan = _read(path, asked)
    with _telling(f"simulating {asked.samples:,} futures"):
        forecast = StrategicPlanner(plan).simulate({} if nothing else None, samples=asked.samples, seed=asked.seed)
    for renderable in forecast_shown(plan, forecast):
        output.console.print(renderable)
    if asked.report is not None:
        from voicehive.planning.report.simulation_report import simulation_report  # noqa: PLC0415 - needs matplotlib

        _write_report(output, asked.report, lambda: simulation_report(plan, forecast))
    output.document(forecast)
    return ExitCode.DONE


def roadmap(output: Output, path: Path, asked: Asked, of_roadmap: RoadmapAsked) -> ExitCode:
    """Choose and schedule the initiatives, and tell what that does to the goals.

    Raises:
        InputInvalid: an option cannot be used, or a file not written.
        PlanningError: the plan cannot be used, or no roadmap was found.
    """
    seconds, calendar, csv = of_roadmap
    for option, target in (("--calendar", calendar), ("--csv", csv)):
        if target is not None and not target.parent.is_dir():
            raise InputInvalid(f"{option} {target}: there is no folder {target.parent}; create it first")
    plan = _read(path, asked)
    planner = StrategicPlanner(plan)
    with _telling(f"searching for {seconds:g} s at most"):
        found = planner.roadmap(_shared(seconds), seed=asked.seed)
    with _telling("simulating the goals"):
        planned = planner.compared(found, samples=asked.samples, seed=asked.seed)
    for renderable in roadmap_shown(plan, planned):
        output.console.print(renderable)
    if asked.report is not None:
        from voicehive.planning.report.roadmap_report import roadmap_report  # noqa: PLC0415 - needs matplotlib

        _write_report(output, asked.report, lambda: roadmap_report(plan, planned))
    if calendar is not None:
        _write(output, "--calendar", calendar, icalendar_of(found, plan.name, datetime.now(UTC)))
    if csv is not None:
        _write(output, "--csv", csv, roadmap_csv(found).encode())
    output.document(planned)
    return ExitCode.DONE


def _read(path: Path, asked: Asked) -> StrategicPlan:
    plan = read_plan(path)
    try:
        today = datetime.now(UTC).date() if asked.today is None else date.fromisoformat(asked.today)
    except ValueError:
        raise InputInvalid(f"--today {asked.today!r}: is no date; write it as 2026-12-31") from None
    plan.check_not_past(today)
    return plan


def _shared(seconds: float) -> SearchTime:
    """Most of the time for the recommendation and the scenarios, which are a search each."""
    return SearchTime(recommendation=0.4 * seconds, front=0.2 * seconds, scenarios=0.4 * seconds)


@contextmanager
def _telling(what: str) -> Generator[None]:
    """Say on a terminal what takes time; nothing elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(f"{what}, Ctrl-C ends"):
        yield


def _write_report(output: Output, folder: Path, make: Callable[[], Report]) -> None:
    with _telling("drawing"):
        report = make()
    try:
        files = write_report(report, folder)
    except OSError as error:
        raise InputInvalid(f"--report {folder}: cannot be written ({error.strerror}); choose another place") from None
    output.console.print(
        line("✔", f"written: {files[0]} and {len(files) - 1} files beside it", "green"), soft_wrap=True
    )


def _write(output: Output, option: str, target: Path, content: bytes) -> None:
    try:
        target.write_bytes(content)
    except OSError as error:
        raise InputInvalid(f"{option} {target}: cannot be written ({error.strerror}); choose another place") from None
    output.console.print(line("✔", f"written: {target}", "green"), soft_wrap=True)
