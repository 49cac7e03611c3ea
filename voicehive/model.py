"""The base of every model that crosses a boundary, and the digest that names its content."""

import hashlib
import json
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Identifier: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
"""A name that programs use: letters, digits, dots, dashes and underscores, at most a hundred."""


class Model(BaseModel):
    """Immutable, strictly typed, and closed: an unknown field is an error, never ignored."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    def content_digest(self) -> str:
        """SHA-256 over the canonical JSON (sorted keys, no white space), as 64 hexadecimal digits."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()
