"""Goals that tests need."""

from datetime import date
from typing import Any

from voicehive.planning.goals import StrategicGoal


def goal(**changes: Any) -> StrategicGoal:
    given = {
        "id": "faster-answer",
        "name": "Answer faster",
        "metric": "service_level",
        "unit": "%",
        "baseline": 70.0,
        "target": 80.0,
        "direction": "maximize",
        "start": date(2026, 1, 1),
        "due": date(2026, 6, 30),
    }
    return StrategicGoal(**(given | changes))
