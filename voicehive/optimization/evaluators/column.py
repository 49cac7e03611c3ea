"""A column of measured values, as it stands in a document; `column_arrays` turns it into an array and back."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeAlias, cast

from pydantic import Discriminator, Field, Tag, field_validator

from voicehive.model import Model
from voicehive.optimization.formulas.tree import Kind

_BYTES_PER_NUMBER = 8


class PackedNumbers(Model):
    """Many numbers as one text: the base64 code (RFC 4648) of little-endian IEEE 754 doubles; NaN is not measured.

    Long columns stand so: they are checked, hashed and stored many times faster than a list of numbers.
    """

    float64: str = Field(min_length=1)

    @field_validator("float64")
    @classmethod
    def _whole(cls, text: str) -> str:
        try:
            size = len(base64.b64decode(text, validate=True))
        except binascii.Error as error:
            raise ValueError(f"float64 is not base64 ({error}); give a list of numbers instead") from None
        if size % _BYTES_PER_NUMBER:
            raise ValueError(f"float64 holds {size} bytes, which are no whole doubles; give a list of numbers instead")
        return text

    def __len__(self) -> int:
        """Count the numbers."""
        return (len(self.float64) // 4 * 3 - self.float64.count("=", -2)) // _BYTES_PER_NUMBER


def _tag(column: object) -> str:
    if isinstance(column, (PackedNumbers, Mapping)):
        return "packed"
    if not isinstance(column, (tuple, list)):
        return "number"
    values = cast("Sequence[Any]", column)
    first = next((value for value in values if value is not None), None)
    return "boolean" if isinstance(first, bool) else "text" if isinstance(first, str) else "number"


Column: TypeAlias = Annotated[
    Annotated[PackedNumbers, Tag("packed")]
    | Annotated[tuple[float | None, ...], Field(fail_fast=True), Tag("number")]
    | Annotated[tuple[bool | None, ...], Field(fail_fast=True), Tag("boolean")]
    | Annotated[tuple[str | None, ...], Field(fail_fast=True), Tag("text")],
    Discriminator(_tag),
]
"""A value a row, all of one kind, that of the first; None where nothing was measured."""


def kind_of_column(column: Column) -> Kind:
    """Tell what a column holds; one where nothing was measured counts as numbers."""
    match _tag(column):
        case "boolean":
            return "boolean"
        case "text":
            return "text"
        case _:
            return "number"
