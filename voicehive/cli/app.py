"""The commands and their options. Engines are imported when a command runs, so that `--help` is quick."""
# ruff: noqa: PLC0415

import asyncio
import io
import json
import logging
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, NoReturn, TypeAlias

import typer

from voicehive.cli import audit as audit_commands
from voicehive.cli import metric as metric_commands
from voicehive.cli import policy as policy_commands
from voicehive.cli import review_commands
from voicehive.cli import trust as trust_commands
from voicehive.cli.exit_codes import MEANINGS, ExitCode
from voicehive.cli.options import Assignments, File, Id, Json

EPILOG = "Exit codes: " + "; ".join(f"{code.value} {meaning}" for code, meaning in MEANINGS.items()) + "."
SERVICES, DECISIONS, SAFETY = "Services", "Decisions", "Safety and proof"

app = typer.Typer(
    name="voicehive",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
plans_app = typer.Typer(no_args_is_help=True)

PlanFile: TypeAlias = Annotated[Path, typer.Argument(metavar="FILE", help="A strategic plan (YAML, JSON).")]
Samples: TypeAlias = Annotated[int, typer.Option(min=1_000, max=1_000_000, help="How many futures to simulate.")]
Seed: TypeAlias = Annotated[int, typer.Option(min=0, help="Equal seeds give equal results.")]
ReportFolder: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Write report.md, .html, .json and pictures there.")
]
Today: TypeAlias = Annotated[
    str | None, typer.Option(help="Goals due before this date are past.", show_default="today")
]

Names: TypeAlias = Annotated[
    list[str] | None, typer.Option(metavar="COLUMN", help="A table's column that is an objective; may be repeated.")
]


@app.callback()
def voicehive() -> None:
    """Take operational decisions for fleets of AI voice agents, safely."""


@app.command(rich_help_panel=SERVICES)
def up(as_json: Json = False) -> None:
    """Run a Temporal server with its web UI, unless TEMPORAL_ADDRESS names one, and a worker; until Ctrl-C."""
    from voicehive.cli import services
    from voicehive.cli.output import Output

    raise typer.Exit(services.up(Output(as_json)))


@app.command(rich_help_panel=SERVICES)
def worker(as_json: Json = False) -> None:
    """Run a worker until Ctrl-C."""
    from voicehive.cli import services
    from voicehive.cli.output import Output

    raise typer.Exit(services.worker(Output(as_json)))


@app.command(rich_help_panel=SERVICES)
def doctor(
    tenant: Annotated[str, typer.Option(help="Whose policy to check.")] = "default", as_json: Json = False
) -> None:
    """Check what is installed, reachable and migrated, and say what to do about the rest."""
    from voicehive.cli.doctor import examine
    from voicehive.cli.output import Output

    raise typer.Exit(asyncio.run(examine(Output(as_json), tenant)))


@app.command(rich_help_panel=SERVICES)
def demo(as_json: Json = False) -> None:
    """Run two decisions on a real server and tell them; on a terminal, stay up afterwards."""
    from voicehive.cli import demo
    from voicehive.cli.output import Output

    raise typer.Exit(demo.run(Output(as_json)))


@app.command("mock-openai", rich_help_panel=SERVICES)
def mock_openai(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where to listen.")] = 8080,
    fault: Annotated[list[str] | None, typer.Option(help="How the next request fails; repeatable.")] = None,
    always: Annotated[str | None, typer.Option(help="How every request fails.", show_default="none does")] = None,
    as_json: Json = False,
) -> None:
    """Serve a deterministic stand-in for OpenAI's API on the loopback, with faults on demand; until Ctrl-C."""
    from voicehive.cli import mock_openai
    from voicehive.cli.output import Output

    raise typer.Exit(mock_openai.serve(Output(as_json), "127.0.0.1", port, fault or [], always))


@app.command(rich_help_panel=DECISIONS)
def decide(
    file: File,
    workflow_id: Annotated[
        str | None, typer.Option("--id", help="The decision's id.", show_default="kind-deployment-time")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it to its end and exit with its outcome.")] = False,
    as_json: Json = False,
) -> None:
    """Start the decision that FILE asks for."""
    from voicehive.cli import decisions
    from voicehive.cli.output import Output

    raise typer.Exit(asyncio.run(decisions.decide(Output(as_json), file, workflow_id, wait)))


@app.command(rich_help_panel=DECISIONS)
def status(workflow_id: Id, as_json: Json = False) -> None:
    """Show how a decision or an execution stands."""
    from voicehive.cli import decisions
    from voicehive.cli.output import Output

    raise typer.Exit(asyncio.run(decisions.status(Output(as_json), workflow_id)))


@app.command("list", rich_help_panel=DECISIONS)
def list_(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    stage: Annotated[str | None, typer.Option(help="Only those in this stage, such as waiting_for_people.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many, the newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """List decisions, and executions started by hand."""
    from voicehive.cli import decisions
    from voicehive.cli.output import Output

    raise typer.Exit(asyncio.run(decisions.list_runs(Output(as_json), tenant, stage, limit)))


@app.command(rich_help_panel=DECISIONS)
def settings(
    deployment: Annotated[str, typer.Argument(metavar="DEPLOYMENT")],
    tenant: Annotated[str, typer.Option(help="Whose deployment it is.")] = "default",
    assignments: Assignments = None,
    as_json: Json = False,
) -> None:
    """Show a deployment's stored settings; with --set, store some first (null removes one)."""
    from voicehive.cli import deployment_settings
    from voicehive.cli.input_files import read_assignments
    from voicehive.cli.output import Output

    values = read_assignments(assignments or [])
    raise typer.Exit(asyncio.run(deployment_settings.show(Output(as_json), tenant, deployment, values)))


@app.command(rich_help_panel=DECISIONS)
def optimize(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A problem (YAML, JSON), a decision request, or a table (CSV, Parquet)."),
    ],
    *,
    minimize: Names = None,
    maximize: Names = None,
    label: Annotated[str | None, typer.Option(metavar="COLUMN", help="A table's column that names its rows.")] = None,
    strategy: Annotated[
        str | None,
        typer.Option(help="pareto, weighted_sum, constraint_satisfaction or hybrid_ai.", show_default="FILE's"),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            help="At most 5s (ms, s, m, h), 20000 evaluations, or 100x200 (population x generations); "
            "several with commas.",
            show_default="FILE's",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Equal seeds give equal results.", show_default="FILE's")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="The language model that hybrid_ai asks, with OPENAI_API_KEY; else rules advise."),
    ] = None,
    plot: Annotated[
        list[Path] | None, typer.Option(help="Draw the front into this .html or .png file; repeatable.")
    ] = None,
    output: Annotated[
        list[Path] | None, typer.Option(help="Write the result to this .json or .parquet file; repeatable.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Optimise the problem in FILE here, without a server; Ctrl-C stops with the best so far."""
    from voicehive.cli import optimize
    from voicehive.cli.output import Output

    asked = optimize.Asked(
        tuple(minimize or ()), tuple(maximize or ()), label, strategy, budget, seed, model,
        tuple(plot or ()), tuple(output or ()),
    )  # fmt: skip
    raise typer.Exit(optimize.optimize(Output(as_json), file, asked))


@plans_app.callback()
def plan() -> None:
    """Work on plans: check one of execution, simulate a strategic one, make its roadmap."""


@plans_app.command()
def validate(file: File, as_json: Json = False) -> None:
    """Check an execution plan as a whole: its fields, its graph, its actions and their arguments."""
    from voicehive.cli import plans
    from voicehive.cli.output import Output

    raise typer.Exit(plans.validate(Output(as_json), file))


@plans_app.command("simulate")
def simulate_plan(
    file: PlanFile,
    *,
    samples: Samples = 100_000,
    seed: Seed = 0,
    nothing: Annotated[bool, typer.Option("--nothing", help="As if no initiative were done.")] = False,
    report: ReportFolder = None,
    today: Today = None,
    as_json: Json = False,
) -> None:
    """Tell how likely each goal of a strategic plan is, and what it depends on, with the initiatives in `starts`."""
    from voicehive.cli import strategy
    from voicehive.cli.output import Output

    asked = strategy.Asked(seed, samples, report, today)
    raise typer.Exit(strategy.simulate(Output(as_json), file, asked, nothing=nothing))


@plans_app.command("roadmap")
def plan_roadmap(
    file: PlanFile,
    *,
    seconds: Annotated[
        float, typer.Option("--time", min=1, max=3_600, help="How many seconds the search may take.")
    ] = 30,
    samples: Samples = 100_000,
    seed: Seed = 0,
    report: ReportFolder = None,
    calendar: Annotated[Path | None, typer.Option(help="Write an iCalendar file (.ics).")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a table (.csv).")] = None,
    today: Today = None,
    as_json: Json = False,
) -> None:
    """Choose and schedule the initiatives of a strategic plan, and tell why, and what each scenario changes."""
    from voicehive.cli import strategy
    from voicehive.cli.output import Output

    asked = strategy.Asked(seed, samples, report, today)
    raise typer.Exit(strategy.roadmap(Output(as_json), file, asked, strategy.RoadmapAsked(seconds, calendar, csv)))


app.add_typer(review_commands.app)
app.add_typer(plans_app, name="plan", rich_help_panel=DECISIONS)
app.add_typer(policy_commands.app, name="policy", rich_help_panel=SAFETY)
app.add_typer(metric_commands.app, name="metric", rich_help_panel=SAFETY)
app.add_typer(trust_commands.app, name="trust", rich_help_panel=SAFETY)
app.add_typer(audit_commands.app, name="audit", rich_help_panel=SAFETY)


INTERRUPTED = "interrupted; what was started on a server goes on: see `voicehive list`"


def main() -> NoReturn:
    """Run the command and end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a mark that the terminal's encoding lacks must not end the program
    code = _run()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # The Temporal SDK's threads can abort an interpreter that is shutting down (PyGILState_Release), which would put
    # 134 in the place of the exit code. Everything that was started has been ended by now.
    os._exit(code)


def _run() -> int:
    """The exit code; an expected failure is one message on stderr, and with --json also the document."""
    try:
        app()
    except SystemExit as exit_:
        if exit_.code == ExitCode.INTERRUPTED:
            print(INTERRUPTED, file=sys.stderr)
        return exit_.code if isinstance(exit_.code, int) else ExitCode.DONE
    except asyncio.CancelledError:  # SIGTERM, see `voicehive.cli.services`; everything was ended on the way here
        print(INTERRUPTED, file=sys.stderr)
        return ExitCode.INTERRUPTED
    except Exception as error:
        from voicehive.cli.errors import explain

        if (explained := explain(error)) is None:
            traceback.print_exc()
            return ExitCode.UNEXPECTED
        message, code = explained
        print(f"error: {message}", file=sys.stderr)
        if "--json" in sys.argv:
            print(json.dumps({"error": message, "exit_code": int(code)}))
        return code
    return ExitCode.DONE
