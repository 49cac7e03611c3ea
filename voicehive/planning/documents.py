"""Reads plans from files: YAML or JSON."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from voicehive.optimization.documents.yaml_document import parse_yaml
from voicehive.optimization.errors import InvalidData
from voicehive.planning.errors import PlanningError
from voicehive.planning.plan import StrategicPlan

SUFFIXES = (".yaml", ".yml", ".json")
MAXIMUM_BYTES = 16 * 1024 * 1024


class PlanUnreadable(PlanningError):
    """A plan's file cannot be read, or what it holds does not fit; the message names each field."""


def read_plan(path: Path) -> StrategicPlan:
    """Read a plan.

    Raises:
        PlanUnreadable: it cannot be read, or is not right.
    """
    content = _content(path)
    if not isinstance(content, dict):
        raise PlanUnreadable(str(path), "holds no plan", "write an object with name, horizon and goals")
    try:
        # Through JSON, because dates are texts in both, and only there a strict model takes a text for a date.
        return StrategicPlan.model_validate_json(json.dumps(content, allow_nan=False))
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, fault['loc'])) or 'the plan'}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise PlanUnreadable(str(path), "\n  ".join(faults), "correct it and run this again") from None
    except ValueError as error:
        problem = f"holds what JSON cannot express ({error})"
        raise PlanUnreadable(str(path), problem, "write finite numbers") from None


def _content(path: Path) -> Any:
    if path.suffix not in SUFFIXES:
        raise PlanUnreadable(str(path), "is of no known kind", f"give it a name that ends in {', '.join(SUFFIXES)}")
    try:
        if (size := path.stat().st_size) > MAXIMUM_BYTES:
            raise PlanUnreadable(str(path), f"has {size:,} bytes", f"keep it below {MAXIMUM_BYTES:,}")
        text = path.read_bytes()
    except OSError as error:
        raise PlanUnreadable(str(path), f"cannot be read ({error.strerror})", "check the path") from None
    try:
        return from_json(text, allow_inf_nan=False) if path.suffix == ".json" else parse_yaml(text, str(path))
    except InvalidData as error:
        raise PlanUnreadable(str(path), str(error).removeprefix(f"{path}: "), "correct it") from None
    except ValueError as error:
        raise PlanUnreadable(str(path), f"is not JSON: {error}", "correct it") from None
