"""Problems that the tests of the optimisation engine share, in JSON's terms, and the engine's view of them."""

import json
from pathlib import Path
from typing import Any

from voicehive.optimization import Problem

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "decisions"


def small() -> dict[str, Any]:
    """Two blocks, two tiers, no call-backs: 21 x 21 x 2 candidates, few enough to enumerate."""
    return {
        "parameters": [
            {"name": "agents.day", "kind": "integer", "low": 5, "high": 60, "current": 30, "maximum_change": 10},
            {"name": "agents.night", "kind": "integer", "low": 0, "high": 40, "current": 15, "maximum_change": 10},
            {"name": "model.tier", "kind": "categorical", "choices": ["plain", "fine"], "current": "plain"},
        ],
        "objectives": [
            {"name": "cost", "direction": "minimize"},
            {"name": "abandonment", "direction": "minimize"},
            {"name": "quality", "direction": "maximize"},
        ],
        "constraints": [{"subject": "abandonment", "at_most": 0.1}],
        "evaluator": {
            "kind": "erlang_a",
            "arrivals": [
                {"start": "09:00", "calls": 200},
                {"start": "09:30", "calls": 240},
                {"start": "18:00", "calls": 90},
                {"start": "18:30", "calls": 60},
            ],
            "handling_time_seconds": 200,
            "patience_seconds": 100,
            "blocks": {"day": [{"start": "09:00", "end": "17:00"}], "night": [{"start": "17:00", "end": "24:00"}]},
            "tiers": {
                "plain": {"price_per_minute": 0.05, "quality": 0.8},
                "fine": {"price_per_minute": 0.15, "quality": 0.9, "handling_time_factor": 0.9},
            },
            "price_per_agent_hour": 8.0,
        },
        "budget": {"population": 60, "generations": 40},
    }


def problem(content: dict[str, Any] | None = None) -> Problem:
    """Validate a problem as it would arrive: from JSON."""
    return Problem.model_validate_json(json.dumps(small() if content is None else content))


def example(name: str) -> Problem:
    """Read the problem of one of the project's example decisions."""
    return problem(json.loads((EXAMPLES / name).read_text())["problem"])
