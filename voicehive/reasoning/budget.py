"""What a tenant's language models may use. Light, because settings are read by every command."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import Field, FiniteFloat

from voicehive.model import Model

MICROS = 1_000_000


class ModelBudget(Model):
    """What a tenant's models may use in a day or a month, which begin at midnight UTC; None is without limit.

    `money` is in the currency of the models' prices.
    """

    period: Literal["day", "month"] = "day"
    tokens: Annotated[int, Field(ge=0)] | None = None
    money: Annotated[FiniteFloat, Field(ge=0, le=1e12)] | None = None

    def allows(self, tokens: int, cost_micros: int) -> bool:
        """Whether this much in all is within the budget."""
        within_tokens = self.tokens is None or tokens <= self.tokens
        return within_tokens and (self.money is None or cost_micros <= round(self.money * MICROS))

    def name(self, time: datetime) -> str:
        """The period that a time is in, such as 2026-11-24 or 2026-11."""
        return time.astimezone(UTC).strftime("%Y-%m-%d" if self.period == "day" else "%Y-%m")
