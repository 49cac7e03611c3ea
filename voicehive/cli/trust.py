"""The commands on trust. Engines are imported when a command runs, so that `--help` is quick."""
# ruff: noqa: PLC0415

import asyncio
from typing import Annotated, TypeAlias

import typer

from voicehive.cli.options import Json

app = typer.Typer(no_args_is_help=True)

Tenant: TypeAlias = Annotated[str, typer.Option(help="Whose decisions.")]


@app.callback()
def trust() -> None:
    """Record what became of decisions, and measure from it which of them may run alone."""


@app.command()
def show(tenant: Tenant = "default", as_json: Json = False) -> None:
    """Show for each kind of decision the threshold in force, or why there is none and what it takes."""
    from voicehive.cli import trust_store
    from voicehive.cli.output import Output

    raise typer.Exit(asyncio.run(trust_store.show(Output(as_json), tenant)))


@app.command()
def record(
    decision: Annotated[str, typer.Argument(metavar="DECISION", help="The decision's id.")],
    *,
    good: Annotated[bool, typer.Option("--good", help="It turned out right.")] = False,
    bad: Annotated[bool, typer.Option("--bad", help="It turned out wrong.")] = False,
    loss: Annotated[
        float | None, typer.Option(min=0, max=1, help="Its cost, as a share of the greatest one possible.")
    ] = None,
    tenant: Tenant = "default",
    as_json: Json = False,
) -> None:
    """Record what became of DECISION; the worse word counts. Risk of what ran alone withdraws autonomy at once."""
    from voicehive.cli import trust_store
    from voicehive.cli.output import Output

    said = [value for value in (0.0 if good else None, 1.0 if bad else None, loss) if value is not None]
    raise typer.Exit(asyncio.run(trust_store.record(Output(as_json), tenant, decision, said)))


@app.command()
def measure(
    *,
    tenant: Tenant = "default",
    kind: Annotated[str | None, typer.Option(help="Only this kind of decision.", show_default="all")] = None,
    begin_anew: Annotated[
        bool, typer.Option("--begin-anew", help="Begin new monitors: what was withdrawn has been looked into.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Fit confidence and certify thresholds again, for the promise of the policy in force; `schedule` has it done."""
    from voicehive.cli import trust_store
    from voicehive.cli.output import Output

    raise typer.Exit(asyncio.run(trust_store.measure(Output(as_json), tenant, kind, begin_anew)))


@app.command()
def schedule(
    *,
    tenant: Tenant = "default",
    every: Annotated[str, typer.Option(metavar="PERIOD", help="How often: minutes, hours or days.")] = "1d",
    remove: Annotated[bool, typer.Option("--remove", help="Measure it on a schedule no longer.")] = False,
    as_json: Json = False,
) -> None:
    """Have trust measured in every PERIOD by the worker, and rows removed whose retention is over."""
    from voicehive.cli import trust_schedule
    from voicehive.cli.output import Output

    output = Output(as_json)
    doing = trust_schedule.remove(output, tenant) if remove else trust_schedule.put(output, tenant, every)
    raise typer.Exit(asyncio.run(doing))
