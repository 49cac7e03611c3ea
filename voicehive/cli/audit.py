"""The commands on the audit log. Engines are imported when a command runs, so that `--help` is quick."""
# ruff: noqa: PLC0415

import asyncio
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from voicehive.cli.options import Json

app = typer.Typer(no_args_is_help=True)

Tenant: TypeAlias = Annotated[str, typer.Option(help="Whose log.")]
Logs: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--log",
        metavar="KEY",
        help="The log's verifying key (name+id+key), or a file with it; may be repeated.",
        show_default="that of this installation's signing key",
    ),
]
Witnesses: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--witness", metavar="KEY", help="A witness's verifying key, or a file with it; may be repeated."),
]


@app.callback()
def audit() -> None:
    """Export, prove and verify what was decided and done."""


@app.command()
def keygen(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Who signs, as a URL without scheme: example.com/voicehive.")
    ],
    file: Annotated[
        Path | None, typer.Option(help="Where the signing key goes.", show_default="audit.key in the data directory")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a signing key, for a log or for a witness, and print the keys that verify what it signs."""
    from voicehive.cli import audit_actions
    from voicehive.cli.output import Output

    raise typer.Exit(audit_actions.keygen(Output(as_json), name, file))


@app.command()
def head(
    *,
    tenant: Tenant = "default",
    anchor: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also append the head to this file, outside the log's reach.")
    ] = None,
    cosignature: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Sign nothing; keep this answer of a witness's, whose key --witness gives."),
    ] = None,
    witness: Witnesses = None,
    as_json: Json = False,
) -> None:
    """Sign the log's head as it stands, and print it."""
    from voicehive.cli import audit_actions
    from voicehive.cli.output import Output

    if cosignature is not None:
        work = audit_actions.keep_cosignature(Output(as_json), tenant, cosignature, witness or [], anchor)
    else:
        work = audit_actions.head(Output(as_json), tenant, anchor)
    raise typer.Exit(asyncio.run(work))


@app.command()
def publish(
    *,
    tenant: Tenant = "default",
    places: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The witnesses and time-stamping authorities (JSON).",
            show_default="audit-places.json in the data directory",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Sign the head, have every place outside cosign or time-stamp it, and keep that with it; run it at intervals.

    What one place answers is kept though another is away (exit code 7) or refuses (exit code 6).
    """
    from voicehive.cli import audit_publication
    from voicehive.cli.output import Output

    raise typer.Exit(asyncio.run(audit_publication.publish(Output(as_json), tenant, places)))


@app.command()
def prove(
    *,
    entry: Annotated[int | None, typer.Option(min=0, help="Prove that this entry is in the log.")] = None,
    since: Annotated[
        int | None, typer.Option(min=0, metavar="SIZE", help="Prove that the log continues the one of this size.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(min=0, help="Under the signed head of this size.", show_default="the newest")
    ] = None,
    tenant: Tenant = "default",
    as_json: Json = False,
) -> None:
    """Print a proof, for `voicehive audit verify` anywhere, or for a witness to cosign."""
    from voicehive.cli import audit_actions
    from voicehive.cli.output import Output

    raise typer.Exit(asyncio.run(audit_actions.prove(Output(as_json), tenant, entry, since, size)))


@app.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the export goes (JSON lines).")],
    *,
    tenant: Tenant = "default",
    withhold: Annotated[bool, typer.Option("--withhold", help="Do not show personal fields.")] = False,
    as_json: Json = False,
) -> None:
    """Sign the head, if the signing key is here, and write the whole log up to its newest signed head."""
    from voicehive.cli import audit_actions
    from voicehive.cli.output import Output

    raise typer.Exit(asyncio.run(audit_actions.export(Output(as_json), tenant, file, withhold)))


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An export, or a proof of `voicehive audit prove`.")],
    *,
    log: Logs = None,
    witness: Witnesses = None,
    known: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Heads seen before or anchored outside, which FILE must continue."),
    ] = None,
    authority: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE",
            help="A time-stamping authority that must have stamped a head, and its root certificates (PEM).",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Verify a file, with no database and no network; name the first bad entry (exit code 3)."""
    from voicehive.cli import audit_verification
    from voicehive.cli.output import Output

    code = audit_verification.verify(
        Output(as_json), file, log=log or [], witness=witness or [], known=known or [], authorities=authority or []
    )
    raise typer.Exit(code)


@app.command()
def cosign(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `voicehive audit prove --since` printed.")],
    *,
    log: Annotated[
        list[str],
        typer.Option(metavar="KEY", help="A log's verifying key, or a file with it; may be repeated."),
    ],
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="What was cosigned last.", show_default="audit-witness.json in the data directory"
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """As a witness, cosign another site's head; refuse one that does not continue the last (exit code 6)."""
    from voicehive.cli import audit_verification
    from voicehive.cli.output import Output

    raise typer.Exit(audit_verification.cosign(Output(as_json), file, log, state))


@app.command()
def erase(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="About whom nothing may be readable any more.")],
    *,
    tenant: Tenant = "default",
    reason: Annotated[str, typer.Option(help="Why; it is kept for ever, so name nobody.")] = "",
    as_json: Json = False,
) -> None:
    """Destroy the key of everything sealed about SUBJECT; the log still verifies. Nothing can bring it back."""
    from voicehive.cli import audit_actions
    from voicehive.cli.output import Output

    raise typer.Exit(asyncio.run(audit_actions.erase(Output(as_json), tenant, subject, reason)))
