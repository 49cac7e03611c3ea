"""The commands on policies. Engines are imported when a command runs, so that `--help` is quick."""
# ruff: noqa: PLC0415

import asyncio
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from voicehive.cli.options import Json

app = typer.Typer(no_args_is_help=True)

PolicyFile: TypeAlias = Annotated[Path, typer.Argument(metavar="FILE", help="A policy (YAML).")]
Tenant: TypeAlias = Annotated[str, typer.Option(help="Whose policy.")]
Author: TypeAlias = Annotated[
    str | None, typer.Option(envvar="VOICEHIVE_REVIEWER", help="Who does it; it is kept.", show_default="login name")
]
Everywhere: TypeAlias = Annotated[
    bool, typer.Option("--everywhere", help="For every tenant, by the one switch for all.")
]
Because: TypeAlias = Annotated[str, typer.Option(help="Why; it is kept and shown.")]


@app.callback()
def policy() -> None:
    """Check, try out, compare and put in force the rules that decisions obey; stop all autonomous work."""


@app.command()
def check(file: PolicyFile, as_json: Json = False) -> None:
    """Check a policy: types, names, and rules that can never hold, fail or matter, or that contradict each other."""
    from voicehive.cli import policy_trials
    from voicehive.cli.output import Output

    raise typer.Exit(policy_trials.check(Output(as_json), file))


@app.command("test")
def cases(file: PolicyFile, as_json: Json = False) -> None:
    """Run the cases that stand beside the policy under `cases`."""
    from voicehive.cli import policy_trials
    from voicehive.cli.output import Output

    raise typer.Exit(policy_trials.test(Output(as_json), file))


@app.command()
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A policy file, or a stored version such as 3.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The other; a file or a version.")],
    *,
    tenant: Tenant = "default",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many past decisions, the newest.")] = 500,
    as_json: Json = False,
) -> None:
    """Ask both policies about past decisions, and show whose verdict would change."""
    from voicehive.cli import policy_store
    from voicehive.cli.output import Output

    raise typer.Exit(asyncio.run(policy_store.diff(Output(as_json), tenant, old, new, limit)))


@app.command()
def put(
    file: PolicyFile,
    *,
    tenant: Tenant = "default",
    author: Author = None,
    key: Annotated[
        Path | None, typer.Option(help="Sign it with this Ed25519 private key (PEM).", envvar="VOICEHIVE_POLICY_KEY")
    ] = None,
    as_json: Json = False,
) -> None:
    """Put a policy in force as the tenant's next version, if its check finds no fault and all its cases pass."""
    from voicehive.cli import policy_store
    from voicehive.cli.output import Output

    raise typer.Exit(asyncio.run(policy_store.put(Output(as_json), file, tenant, author, key)))


@app.command()
def show(
    tenant: Tenant = "default",
    version: Annotated[int | None, typer.Option(min=1, help="Which.", show_default="the one in force")] = None,
    as_json: Json = False,
) -> None:
    """Show a tenant's policy as it was written, who put it in force, and whether autonomous work is stopped."""
    from voicehive.cli import policy_store
    from voicehive.cli.output import Output

    raise typer.Exit(asyncio.run(policy_store.show(Output(as_json), tenant, version)))


@app.command()
def history(tenant: Tenant = "default", as_json: Json = False) -> None:
    """List a tenant's policies, and the turns of its kill switch and of everyone's."""
    from voicehive.cli import policy_store
    from voicehive.cli.output import Output

    raise typer.Exit(asyncio.run(policy_store.history(Output(as_json), tenant)))


@app.command()
def stop(
    *,
    reason: Because,
    tenant: Tenant = "default",
    everywhere: Everywhere = False,
    author: Author = None,
    as_json: Json = False,
) -> None:
    """Turn the kill switch: nothing more starts alone, and what runs alone pauses before its next step."""
    _turn(None if everywhere else tenant, author, reason, as_json, stopped=True)


@app.command()
def resume(
    *,
    reason: Because = "",
    tenant: Tenant = "default",
    everywhere: Everywhere = False,
    author: Author = None,
    as_json: Json = False,
) -> None:
    """Turn the kill switch back."""
    _turn(None if everywhere else tenant, author, reason, as_json, stopped=False)


@app.command()
def release(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run, as the shortage names it.")],
    *,
    tenant: Tenant = "default",
    as_json: Json = False,
) -> None:
    """Give back what a run that is gone (terminated, say) still holds of budgets and concurrency limits."""
    from voicehive.cli import policy_store
    from voicehive.cli.output import Output

    raise typer.Exit(asyncio.run(policy_store.release(Output(as_json), tenant, run)))


def _turn(tenant: str | None, author: str | None, reason: str, as_json: bool, *, stopped: bool) -> None:
    from voicehive.cli import policy_store
    from voicehive.cli.output import Output

    raise typer.Exit(asyncio.run(policy_store.turn(Output(as_json), tenant, author, reason, stopped)))
