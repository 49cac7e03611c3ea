"""Execution plans, the actions they are made of, and the registry that knows them.

This package itself holds only models and errors, light enough for a workflow to import; `action`, `registry` and the
actions bring the HTTP client and the store.
"""

from voicehive.execution.errors import (
    ActionFailed,
    ActionRefused,
    ActionWithdrawn,
    CompensationConflict,
    ExecutionError,
    PlanInvalid,
)
from voicehive.execution.plan import ActionCall, Arguments, Compensation, ExecutionPlan, HumanGate, RetryPolicy, Step

__all__ = [
    "ActionCall",
    "ActionFailed",
    "ActionRefused",
    "ActionWithdrawn",
    "Arguments",
    "Compensation",
    "CompensationConflict",
    "ExecutionError",
    "ExecutionPlan",
    "HumanGate",
    "PlanInvalid",
    "RetryPolicy",
    "Step",
]
