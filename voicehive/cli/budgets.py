"""The option `--budget`: how long a search may go on, in few characters."""

import math
import re
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from voicehive.cli.errors import InputInvalid
from voicehive.optimization.models import MOST_GENERATIONS, Budget

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_TIME = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_SHAPE = re.compile(r"([0-9]+)x([0-9]+)")
_EVALUATIONS = re.compile(r"[0-9]+")
_FORMS = "5s (or ms, m, h), 20000 (evaluations) or 100x200 (population x generations), several separated by commas"


def read_budget(text: str, own: Budget) -> Budget:
    """Read a budget; what it does not name stays as the problem has it.

    A number of evaluations, or a time, brings as many generations as it takes, unless they are named.

    Raises:
        InputInvalid: it has none of the forms, or a number is out of bounds.
    """
    changes: dict[str, Any] = {}
    for part in text.replace(" ", "").split(","):
        found = _read_part(text, part)
        if repeated := changes.keys() & found.keys():
            raise InputInvalid(f"--budget {text!r}: names {', '.join(sorted(repeated))} twice; keep one")
        changes |= found
    if "evaluations" in changes and "generations" not in changes:
        changes["generations"] = max(1, math.ceil(changes["evaluations"] / own.population))
    elif "time" in changes and "generations" not in changes:
        changes["generations"] = MOST_GENERATIONS
    try:
        return Budget.model_validate(dict(own) | changes)
    except ValidationError as error:
        faults = "; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors(include_url=False))
        raise InputInvalid(f"--budget {text!r}: {faults}") from None


def _read_part(text: str, part: str) -> dict[str, Any]:
    if match := _TIME.fullmatch(part):
        return {"time": _duration(text, float(match[1]) * _SECONDS[match[2]])}
    if match := _SHAPE.fullmatch(part):
        return {"population": _whole(text, match[1]), "generations": _whole(text, match[2])}
    if _EVALUATIONS.fullmatch(part):
        return {"evaluations": _whole(text, part)}
    raise InputInvalid(f"--budget {text!r}: write {_FORMS}")


def _duration(text: str, seconds: float) -> timedelta:
    try:
        return timedelta(seconds=seconds)
    except OverflowError:
        raise InputInvalid(f"--budget {text!r}: the time is out of bounds; give at most 1h") from None


def _whole(text: str, digits: str) -> int:
    if len(digits) > 12:
        raise InputInvalid(f"--budget {text!r}: {digits[:12]}... is out of bounds; give fewer")
    return int(digits)
