"""Where this installation keeps its data and what it connects to."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, FiniteFloat, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from voicehive.model import Identifier
from voicehive.reasoning.budget import ModelBudget
from workers.errors import SettingsInvalid

PREFIX = "VOICEHIVE_"
NOT_REACHED = "default_factory_not_called"
"""Pydantic's error for a default that builds on a setting which is itself wrong."""

Price = Annotated[FiniteFloat, Field(ge=0, le=1e12)]
Port = Annotated[int, Field(ge=1, le=65535)]


Kept = Annotated[timedelta, Field(ge=timedelta(days=60), le=timedelta(days=36_500))]
"""A retention: longer than any observation runs, which is a month, or any budget's period lasts."""


def _absolute(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise ValueError(f"{path} names the home of a user that does not exist") from None


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]


def _sqlite_beside_the_data(fields: dict[str, Any]) -> str:
    return f"sqlite+aiosqlite:///{fields['data_directory'] / 'voicehive.db'}"


class Settings(BaseSettings):
    """Every setting, each from its variable `VOICEHIVE_<NAME>`.

    Which Temporal server is used is not here: that is `TEMPORAL_ADDRESS` and its companions, see `workers.client`.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    data_directory: AbsolutePath = Field(default=Path(".voicehive"), validate_default=True)
    """Holds the SQLite files, the embedded server's log and its address."""
    database_url: str = Field(default_factory=_sqlite_beside_the_data)
    """The store, as `voicehive.storage` takes it: `sqlite:///file` or `postgresql://user:password@host/name`."""
    task_queue: str = Field(default="voicehive", min_length=1)
    temporal_cli: AbsolutePath | None = None
    """The Temporal CLI to use instead of searching for one."""
    temporal_port: Port = 7233
    """The embedded server's first choice of port; the next free one is taken where it is in use."""
    ui_port: Port = 8233
    """The same for its web UI."""

    language_model: str | None = None
    """The model that judges decisions and advises on fronts, with the key in OPENAI_API_KEY; without it, rules do."""
    language_model_url: str | None = None
    """Where the model is served, if not by OpenAI: the base URL of a service with the same API."""
    language_model_samples: Annotated[int, Field(ge=1, le=9)] = 3
    """How often the model is asked the same, to see whether it agrees with itself."""
    language_model_tokens_a_day: Annotated[int, Field(ge=0)] | None = None
    """At most so many tokens a tenant a day (UTC); then the fallback judges."""
    language_model_input_price: Price = 0.0
    """What a million tokens that it reads cost, in the currency of the limits in money."""
    language_model_output_price: Price = 0.0
    """What a million tokens that it writes cost."""
    language_model_money_a_day: Price | None = None
    """At most so much money a tenant a day (UTC); then the fallback judges."""
    language_model_budgets: dict[Identifier, ModelBudget] = {}
    """Tenants with limits of their own, in place of the two above, as JSON such as `{"a": {"period": "month"}}`."""
    language_model_vocabulary: frozenset[str] = frozenset()
    """Names that may reach the model as they are, as a JSON list; all others go as codes."""
    language_model_reads: frozenset[str] = frozenset()
    """Remarks that the model may read, redacted, as a JSON list; `["note"]` for a request's note."""

    observations_kept: Kept = timedelta(days=180)
    """How long what was read of an observation stays after its window, as an ISO 8601 duration such as P180D.

    The verdict it came to is in the decision and in the audit log, which nothing removes.
    """
    model_charges_kept: Kept = timedelta(days=400)
    """The same for what the tenants' language models used, in whole months."""

    @classmethod
    def load(cls) -> Self:
        """Read the environment; raises `SettingsInvalid`, which names every variable that is wrong."""
        try:
            return cls()
        except ValidationError as error:
            problems = [_explain(problem) for problem in error.errors() if problem["type"] != NOT_REACHED]
            raise SettingsInvalid("\n".join(problems)) from None


def _explain(problem: Any) -> str:
    variable = PREFIX + "_".join(str(part) for part in problem["loc"]).upper()
    return f"{variable}: {problem['msg']}"
