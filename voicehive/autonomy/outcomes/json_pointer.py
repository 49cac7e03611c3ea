"""JSON Pointer (RFC 6901): one value inside a document."""

from pydantic import JsonValue


def resolve_pointer(document: JsonValue, pointer: str) -> JsonValue:
    """The value that a pointer names; raises LookupError, naming the part, where there is none."""
    value = document
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and _is_index(key) and int(key) < len(value):
            value = value[int(key)]
        else:
            raise LookupError(f"there is no {key!r}")
    return value


def _is_index(key: str) -> bool:
    """An array index of RFC 6901, section 4: digits without a leading zero."""
    return key.isascii() and key.isdigit() and (key == "0" or not key.startswith("0"))
