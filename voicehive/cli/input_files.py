"""Reads the files that people write, and says what is wrong with them by the fields' paths."""

from pathlib import Path
from typing import TypeVar

from pydantic import JsonValue, TypeAdapter, ValidationError

from voicehive.cli.errors import InputInvalid
from voicehive.model import Model

ModelType = TypeVar("ModelType", bound=Model)
_JSON = TypeAdapter[JsonValue](JsonValue)


def read_model(path: Path, model: type[ModelType]) -> ModelType:
    """Read a JSON file as a model.

    Raises:
        InputInvalid: the file cannot be read, or does not fit; the message names each field.
    """
    try:
        return model.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputInvalid(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, problem['loc'])) or 'the file'}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise InputInvalid(f"{path}: " + "\n  ".join([*problems, "correct it and run this again"])) from None


def read_json(text: str) -> JsonValue:
    """JSON as it stands.

    Raises:
        ValueError: it is not JSON.
    """
    return _JSON.validate_json(text)


def read_assignments(assignments: list[str]) -> dict[str, JsonValue]:
    """Read `name=value` options; a value that is not JSON is taken as a text.

    Raises:
        InputInvalid: there is no name, or no `=`.
    """
    values: dict[str, JsonValue] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not name or not equals:
            raise InputInvalid(f"--set {assignment!r}: write name=value, for example --set agents.peak=90")
        try:
            values[name] = read_json(value)
        except ValueError:
            values[name] = value
    return values
