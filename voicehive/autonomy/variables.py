"""Which variables an expression may use, and of which type each is."""

from cel_expr_python import cel

from voicehive.autonomy.policy import When

_TEXT, _NUMBER, _TRUTH = cel.Type.STRING, cel.Type.DOUBLE, cel.Type.BOOL
_TEXTS = cel.Type.List(_TEXT)
_NUMBERS = cel.Type.Map(_TEXT, _NUMBER)
_VALUES = cel.Type.Map(_TEXT, cel.Type.DYN)

_PLACE = {"tenant": _TEXT, "deployment": _TEXT, "kind": _TEXT, "limits": _NUMBERS}
VERDICT_VARIABLES = _PLACE | {
    "requester": _TEXT,
    "current": _NUMBERS,
    "proposed": _NUMBERS,
    "settings": _VALUES,
    "unknown": _TEXTS,
    "changed": _TEXTS,
    "largest_change": _NUMBER,
    "confidence": _NUMBER,
    "feasible": _TRUTH,
}
STEP_VARIABLES = _PLACE | {
    "step": _TEXT,
    "action": _TEXT,
    "arguments": _VALUES,
    "compensation": _VALUES,
    "parameter": _TEXT,
    "value": cel.Type.DYN,
    "earlier": cel.Type.DYN,
    "change": _NUMBER,
}
AFTER_VARIABLES = STEP_VARIABLES | {"result": _VALUES}
VARIABLES: dict[When, dict[str, cel.Type]] = {
    "verdict": VERDICT_VARIABLES,
    "step": STEP_VARIABLES,
    "after": AFTER_VARIABLES,
}
"""What may be named where."""


def maps_of(when: When) -> frozenset[str]:
    """The variables whose keys are named one by one."""
    return frozenset(name for name, kind in VARIABLES[when].items() if kind in (_NUMBERS, _VALUES))


def scalars_of(when: When) -> frozenset[str]:
    """All others."""
    return frozenset(VARIABLES[when]) - maps_of(when)
