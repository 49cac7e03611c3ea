"""Evaluates formulas for whole populations at a time.

A comparison with NaN neither holds nor fails, so truth has three values (Kleene 1952, Introduction to Metamathematics,
section 64): an `and` with a false side is false and an `or` with a true side is true, whatever the other is; otherwise
what depends on the undefined is undefined.
"""

import math
from collections.abc import Callable, Sequence
from functools import reduce
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.formulas.tree import Comparison, Constant, Name, Node, Operation, names_in

if TYPE_CHECKING:
    from voicehive.optimization.evaluators.description import Columns

Floats: TypeAlias = NDArray[np.float64]

_EPSILON = float(np.finfo(np.float64).eps)
_MOST = float(np.finfo(np.float64).max)
_OPERATIONS: dict[str, Callable[..., Floats]] = {
    "+": lambda *terms: reduce(np.add, terms),
    "negate": np.negative,
    "*": np.multiply,
    "/": np.divide,
    "//": np.floor_divide,
    "%": np.remainder,
    "**": np.power,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "tanh": np.tanh,
    "min": lambda *numbers: reduce(np.minimum, numbers),
    "max": lambda *numbers: reduce(np.maximum, numbers),
}


def evaluate(node: Node, columns: "Columns") -> NDArray[Any]:
    """Compute an expression's values (N,): floats, booleans or text."""
    with np.errstate(all="ignore"):
        if node.kind == "boolean":
            return _for_all(_excess(node, columns), columns) <= 0.0
        return _for_all(_number(node, columns) if node.kind == "number" else _text(node, columns), columns)


def excess(node: Node, columns: "Columns") -> Floats:
    """Compute how far a boolean expression is from holding (N,); see `Expression.excess`."""
    _require_boolean(node)
    with np.errstate(all="ignore"):
        excesses = _for_all(_excess(node, columns), columns)
    return np.maximum(excesses, -_MOST) + 0.0  # finite where it holds; no negative zeros in results


def slack(node: Node, columns: "Columns") -> Floats:
    """Compute the room left before a boolean expression stops to hold (N,); see `Expression.slack`."""
    _require_boolean(node)
    match node:
        case Comparison(operators=(operator,), operands=(left, right)) if left.kind == "number":
            with np.errstate(all="ignore"):
                room = _for_all(-_distance(operator, _number(left, columns), _number(right, columns)), columns)
            return np.minimum(room, _MOST) + 0.0
        case _:
            return 0.0 - excess(node, columns)


def constant(node: Node) -> float:
    """Compute a number that uses no names."""
    with np.errstate(all="ignore"):
        return float(_number(node, {}))


def _require_boolean(node: Node) -> None:
    if node.kind != "boolean":
        raise TypeError(f"the expression is a {node.kind}; only a boolean one can hold or not")


def _for_all(values: NDArray[Any], columns: "Columns") -> NDArray[Any]:
    return np.array(np.broadcast_to(values, len(next(iter(columns.values())))))


def _number(node: Node, columns: "Columns") -> Floats:
    match node:
        case Constant(value=value):
            return np.asarray(value, dtype=np.float64)
        case Name(name=name):
            return np.asarray(columns[name], dtype=np.float64)
        case Operation(operation="if", arguments=(condition, value, otherwise)):
            return _chosen(_excess(condition, columns), _number(value, columns), _number(otherwise, columns))
        case Operation(operation=operation, arguments=arguments):
            return np.asarray(_OPERATIONS[operation](*[_number(argument, columns) for argument in arguments]))
        case Comparison():
            raise TypeError("a comparison is no number")


def _text(node: Node, columns: "Columns") -> NDArray[Any]:
    match node:
        case Name(name=name):
            return np.asarray(columns[name])
        case Constant(value=value):
            return np.asarray(value)
        case _:
            raise TypeError("a text is a name or a literal")


def _excess(node: Node, columns: "Columns") -> Floats:
    match node:
        case Constant(value=value):
            return np.asarray(0.0 if value else 1.0)
        case Name(name=name):
            return np.where(columns[name], 0.0, 1.0)
        case Comparison(operators=operators, operands=operands, every=every):
            values = [_operand(operand, columns) for operand in operands]
            gaps = [
                _gap(operator, first, second, _scale(*nodes))
                for operator, (first, second), nodes in zip(
                    operators, pairwise(values), pairwise(operands), strict=True
                )
            ]
            return _all(gaps) if every else _any(gaps)
        case Operation(operation="if", arguments=(condition, value, otherwise)):
            return _chosen(_excess(condition, columns), _excess(value, columns), _excess(otherwise, columns))
        case Operation(operation=("in" | "not in") as operation, arguments=(subject, *items)):
            value = _operand(subject, columns)
            operator = "==" if operation == "in" else "!="
            gaps = [_gap(operator, value, _operand(item, columns), _scale(subject, item)) for item in items]
            return _any(gaps) if operation == "in" else _all(gaps)
        case Operation(operation="not", arguments=(name,)):
            return 1.0 - _excess(name, columns)
        case Operation(operation=operation, arguments=arguments):
            excesses = [_excess(argument, columns) for argument in arguments]
            return _all(excesses) if operation == "and" else _any(excesses)


def _chosen(condition: Floats, value: Floats, otherwise: Floats) -> Floats:
    return np.where(np.isnan(condition), np.nan, np.where(condition <= 0.0, value, otherwise))


def _all(excesses: Sequence[Floats]) -> Floats:
    known = reduce(np.fmax, excesses)
    return np.where(known > 0.0, known, reduce(np.maximum, excesses))


def _any(excesses: Sequence[Floats]) -> Floats:
    known = reduce(np.fmin, excesses)
    return np.where(known <= 0.0, known, reduce(np.minimum, excesses))


def _operand(node: Node, columns: "Columns") -> NDArray[Any]:
    """Compute a side of a comparison: numbers, texts, or truth as 1, 0 or NaN."""
    if node.kind == "boolean":
        distance = _excess(node, columns)
        return np.where(np.isnan(distance), np.nan, distance <= 0.0)
    return _number(node, columns) if node.kind == "number" else _text(node, columns)


def _scale(left: Node, right: Node) -> float:
    """Return the magnitude of the constant side of a comparison of numbers, 1 where there is none to scale by."""
    for side in (right, left):
        if side.kind == "number" and not names_in(side):
            magnitude = abs(constant(side))
            return magnitude if 0.0 < magnitude < math.inf else 1.0
    return 1.0


def _gap(operator: str, left: NDArray[Any], right: NDArray[Any], scale: float) -> Floats:
    """Compute how far two sides are from comparing so; above 0 where a strict comparison finds them equal."""
    if left.dtype.kind != "f":
        return np.where((left == right) == (operator == "=="), 0.0, 1.0)
    distance = _distance(operator, left, right) / scale
    return np.where(distance == 0.0, _EPSILON, distance) if operator in ("<", ">", "!=") else distance


def _distance(operator: str, left: Floats, right: Floats) -> Floats:
    # Equal infinities are no distance apart; their difference would be NaN.
    difference = np.where(left == right, 0.0, left - right)
    match operator:
        case "<=" | "<":
            return difference
        case ">=" | ">":
            return -difference
        case "==":
            return np.abs(difference)
        case _:
            return -np.abs(difference)
