"""Optimises the problem in a file, in this process: no server, no store, no worker."""

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, get_args

from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from voicehive.cli.budgets import read_budget
from voicehive.cli.errors import InputInvalid
from voicehive.cli.exit_codes import ExitCode
from voicehive.cli.optimization_report import report
from voicehive.cli.output import Output
from voicehive.cli.rendering import line
from voicehive.optimization import MultiObjectiveOptimizer
from voicehive.optimization.advising.advice import Adviser
from voicehive.optimization.documents.problem_file import TABLES, numeric_columns, read_problem
from voicehive.optimization.documents.result_files import SUFFIXES, write_result
from voicehive.optimization.evaluators.http_simulator import HttpSimulator
from voicehive.optimization.evaluators.table import Table
from voicehive.optimization.models import MOST_GENERATIONS, Progress, Strategy
from voicehive.optimization.problem import Problem
from voicehive.optimization.result import OptimizationResult

PICTURES = (".html", ".png")


class Asked(NamedTuple):
    """The options of the command."""

    minimize: tuple[str, ...] = ()
    maximize: tuple[str, ...] = ()
    label: str | None = None
    strategy: str | None = None
    budget: str | None = None
    seed: int | None = None
    model: str | None = None
    plot: tuple[Path, ...] = ()
    output: tuple[Path, ...] = ()


def optimize(output: Output, path: Path, asked: Asked) -> ExitCode:
    """Optimise, show the result, and write the files that are asked for.

    Raises:
        InputInvalid: an option cannot be used, or a file not written.
        OptimizationError: the problem's file cannot be used, or its evaluator not.
    """
    for option, targets, suffixes in (("--plot", asked.plot, PICTURES), ("--output", asked.output, SUFFIXES)):
        for target in targets:
            _check_target(option, target, suffixes)
    problem = read(path, asked)
    result = _search(problem, _adviser(problem, asked.model), Console(stderr=True))
    for renderable in report(result, problem.objectives):
        output.console.print(renderable)
    for target in asked.plot:
        _write("--plot", target, lambda into: _draw(result, problem, path.name, into), output)
    for target in asked.output:
        _write("--output", target, lambda into: write_result(result, into), output)
    output.document(result)
    return ExitCode.DONE if result.feasible else ExitCode.INFEASIBLE


def read(path: Path, asked: Asked) -> Problem:
    """Read the problem and put the options in the place of what it says itself.

    Raises:
        InputInvalid: an option cannot be used.
        InvalidData: the file cannot be used.
    """
    if asked.strategy is not None and asked.strategy not in get_args(Strategy):
        raise InputInvalid(f"--strategy {asked.strategy}: use one of {', '.join(get_args(Strategy))}")
    if path.suffix in TABLES and not asked.minimize and not asked.maximize:
        raise InputInvalid(_how_to_name_objectives(path, asked.label))
    problem = read_problem(path, minimize=asked.minimize, maximize=asked.maximize, label=asked.label)
    changes = {
        "strategy": asked.strategy,
        "seed": asked.seed,
        "budget": None if asked.budget is None else read_budget(asked.budget, problem.budget),
    }
    return problem.model_copy(update={name: value for name, value in changes.items() if value is not None})


def _how_to_name_objectives(path: Path, label: str | None) -> str:
    columns = numeric_columns(path, label)
    if not columns:
        return f"{path}: has no column of numbers that could be an objective"
    command = f"voicehive optimize {path} --minimize '{columns[0]}'"
    command += f" --maximize '{columns[1]}'" if len(columns) > 1 else ""
    return f"{path}: say which columns count; those of numbers are: {', '.join(columns)}\n  for example: {command}"


def _adviser(problem: Problem, model: str | None) -> Adviser | None:
    """Whom the strategy `hybrid_ai` asks: the language model that is named, else a rule-based adviser."""
    if problem.strategy != "hybrid_ai":
        if model is not None:
            raise InputInvalid(f"--model {model}: only the strategy hybrid_ai asks a model; add --strategy hybrid_ai")
        return None
    from voicehive.reasoning.fallback_adviser import FallbackAdviser  # noqa: PLC0415 - only this strategy needs it

    if model is None:
        return FallbackAdviser()
    from voicehive.reasoning.language_model import LanguageModel  # noqa: PLC0415
    from voicehive.reasoning.openai_adviser import OpenAIAdviser  # noqa: PLC0415

    try:
        return OpenAIAdviser(LanguageModel(name=model), FallbackAdviser())
    except ValidationError:
        raise InputInvalid(f"--model {model!r}: is no model's name; give it as the service calls it") from None


def _search(problem: Problem, adviser: Adviser | None, console: Console) -> OptimizationResult:
    optimizer = MultiObjectiveOptimizer(problem, adviser=adviser)
    if isinstance(problem.evaluator, Table):
        return optimizer.optimize()
    _tell_of_attempts(problem, console)
    search = optimizer.search()
    with _stopped_by_interrupt(search.stop), _shown(console, problem) as show:
        while (progress := search.step()) is not None:
            show(progress)
    return search.result()


def _tell_of_attempts(problem: Problem, console: Console) -> None:
    """Say why an outside simulator is asked again, and when."""
    if not isinstance(problem.evaluator, HttpSimulator):
        return
    import stamina.instrumentation  # noqa: PLC0415 - only simulators are asked again

    def tell(details: stamina.instrumentation.RetryDetails) -> None:
        console.print(line("!", f"{details.caused_by}; asked again in {details.wait_for:.1f} s", "yellow"))

    stamina.instrumentation.set_on_retry_hooks([tell])


@contextmanager
def _stopped_by_interrupt(stop: Callable[[], None]) -> Generator[None]:
    """Let the first Ctrl-C end the search with the best so far; the second ends the program as ever."""

    def interrupt(*_: object) -> None:
        signal.signal(signal.SIGINT, earlier)
        stop()

    earlier = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, earlier)


@contextmanager
def _shown(console: Console, problem: Problem) -> Generator[Callable[[Progress], None]]:
    """A bar on a terminal, nothing elsewhere; it goes when the search ends."""
    columns = (TextColumn("searching"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Bar(*columns, TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal) as bar:
        # Where only the time ends a search, nobody knows how many generations there will be.
        total = None if problem.budget.generations == MOST_GENERATIONS else problem.budget.generations
        task = bar.add_task("", total=total)

        def show(progress: Progress) -> None:
            found = f"generations, front {progress.front:,}, Ctrl-C stops"
            bar.update(task, completed=progress.generation, description=found)

        yield show


def _draw(result: OptimizationResult, problem: Problem, title: str, target: Path) -> None:
    if target.suffix == ".png":
        from voicehive.optimization.pictures.front_image import front_image  # noqa: PLC0415 - matplotlib only for pictures

        target.write_bytes(front_image(result, problem.objectives, title=title))
    else:
        from voicehive.optimization.pictures.front_page import front_page  # noqa: PLC0415

        page = front_page(result, problem.objectives, problem.parameters, title=title)
        target.write_text(page, encoding="utf-8")


def _check_target(option: str, target: Path, suffixes: tuple[str, ...]) -> None:
    """Refuse before the search what could not be written after it."""
    if target.suffix not in suffixes:
        raise InputInvalid(f"{option} {target}: the name must end in {' or '.join(suffixes)}")
    if not target.parent.is_dir():
        raise InputInvalid(f"{option} {target}: there is no folder {target.parent}; create it first")


def _write(option: str, target: Path, write: Callable[[Path], None], output: Output) -> None:
    try:
        write(target)
    except OSError as error:
        raise InputInvalid(f"{option} {target}: cannot be written ({error.strerror}); choose another place") from None
    output.console.print(line("✔", f"written: {target}", "green"), soft_wrap=True)
