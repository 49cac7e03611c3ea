"""The commands on series of metrics. Engines are imported when a command runs, so that `--help` is quick."""
# ruff: noqa: PLC0415

import asyncio
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from voicehive.cli.options import Json

app = typer.Typer(no_args_is_help=True)

Series: TypeAlias = Annotated[str, typer.Argument(metavar="SERIES", help="The series, as a watch names it.")]
Tenant: TypeAlias = Annotated[str, typer.Option(help="Whose series it is.")]


@app.callback()
def metric() -> None:
    """Feed and show the series in the store that decisions are watched by."""


@app.command()
def put(
    series: Series,
    value: Annotated[float | None, typer.Argument(metavar="[VALUE]", help="One reading.")] = None,
    at: Annotated[str | None, typer.Option(help="When it was read (ISO 8601).", show_default="now")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Many readings instead: a CSV file with the columns time and value.")
    ] = None,
    *,
    tenant: Tenant = "default",
    as_json: Json = False,
) -> None:
    """Keep readings; one of a moment that has a reading takes its place."""
    from voicehive.cli import metric_series
    from voicehive.cli.output import Output

    readings = metric_series.read(value, at, file)
    raise typer.Exit(asyncio.run(metric_series.put(Output(as_json), tenant, series, readings)))


@app.command()
def show(
    series: Series,
    *,
    tenant: Tenant = "default",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many, the newest.")] = 20,
    as_json: Json = False,
) -> None:
    """Show the newest readings of a series."""
    from voicehive.cli import metric_series
    from voicehive.cli.output import Output

    raise typer.Exit(asyncio.run(metric_series.show(Output(as_json), tenant, series, limit)))
