"""The action ledger as actions use it: keyed by the step, and speaking this engine's errors."""

from collections.abc import Generator
from contextlib import contextmanager

from voicehive.execution.action import ActionContext
from voicehive.execution.errors import ActionRefused, ActionWithdrawn
from voicehive.model import Model
from voicehive.storage.errors import KeyReused, KeyWithdrawn
from voicehive.storage.ledger import LedgerKey

NEVER_HAPPENED = {"never_happened": True}
"""What a compensation returns when its step never happened, or was another run's doing."""


@contextmanager
def ledger_key(action: str, arguments: Model, context: ActionContext) -> Generator[LedgerKey]:
    """The step's key in the ledger.

    Raises:
        ActionWithdrawn: the step was already compensated.
        ActionRefused: the key stands for something else.
    """
    try:
        yield LedgerKey(context.tenant, context.key, context.owner, action, arguments.content_digest())
    except KeyWithdrawn as error:
        raise ActionWithdrawn(str(error)) from error
    except KeyReused as error:
        raise ActionRefused(str(error)) from error
