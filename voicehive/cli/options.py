"""Options and arguments that several commands share."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Json: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on standard output, everything else on stderr.")
]
Id: TypeAlias = Annotated[str, typer.Argument(metavar="ID", help="The id of a decision or of an execution.")]
File: TypeAlias = Annotated[Path, typer.Argument(metavar="FILE", help="A JSON file.")]
Assignments: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting's value, as JSON or as a text; may be repeated."),
]
Reviewer: TypeAlias = Annotated[
    str | None,
    typer.Option(envvar="VOICEHIVE_REVIEWER", help="Who says it, as the policy names you.", show_default="login name"),
]
Reason: TypeAlias = Annotated[str, typer.Option(help="Why; it is kept.")]
Digest: TypeAlias = Annotated[
    str | None, typer.Option(help="What you saw; refused if that is no longer what would run.")
]
StepName: TypeAlias = Annotated[
    str | None, typer.Option("--step", help="The step it is about, where more than one waits.")
]
