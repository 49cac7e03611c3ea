"""Runs the mock OpenAI service until stopped."""

import asyncio
from collections.abc import Iterable

from voicehive.cli import rendering, services
from voicehive.cli.errors import InputInvalid
from voicehive.cli.exit_codes import ExitCode
from voicehive.cli.output import Output
from voicehive.reasoning.mock_service.faults import DESCRIPTIONS, Fault
from voicehive.reasoning.mock_service.server import MockOpenAI


def serve(output: Output, host: str, port: int, faults: Iterable[str], standing: str | None) -> ExitCode:
    """Serve, with the faults of the first requests one after another, and the standing one for all others.

    Raises:
        InputInvalid: a fault has no such name, or the port is taken.
    """
    queue = [None if name == "none" else _fault(name) for name in faults]
    try:
        mock = MockOpenAI(faults=queue, standing=_fault(standing) if standing else None, host=host, port=port)
    except OSError as error:
        raise InputInvalid(
            f"--host, --port: {host}:{port} cannot be listened on ({error.strerror}); choose another"
        ) from error
    with mock:
        output.console.print(rendering.line("✔", f"mock OpenAI service: {mock.base_url}; Ctrl-C to stop", "green"))
        output.console.print(f"    export OPENAI_BASE_URL={mock.base_url} OPENAI_API_KEY=mock", soft_wrap=True)
        output.document({"base_url": mock.base_url, "faults": [fault.value for fault in Fault]})
        try:
            asyncio.run(services.ending_on_sigterm(services.stay(None)))
        except (KeyboardInterrupt, asyncio.CancelledError):
            output.console.print("stopped")
    return ExitCode.DONE


def _fault(name: str) -> Fault:
    try:
        return Fault(name)
    except ValueError:
        known = "; ".join(f"{fault.value}: {DESCRIPTIONS[fault]}" for fault in Fault)
        raise InputInvalid(f"there is no fault {name!r}; take none, or one of these: {known}") from None
