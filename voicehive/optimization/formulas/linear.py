"""Reads a comparison as a linear one: coefficients, operator, right-hand side. A boolean counts as 0 or 1."""

import math
from collections.abc import Container
from typing import Literal, NamedTuple, TypeAlias

from voicehive.optimization.formulas.tree import Comparison, Constant, Name, Node, Operation, names_in


class Linear(NamedTuple):
    """The sum of `coefficients[name] * name` compared with `bound`. A name that cancels out has the coefficient 0."""

    coefficients: dict[str, float]
    bound: float
    operator: Literal["<=", ">=", "=="]


_Form: TypeAlias = tuple[dict[str, float], float]
"""Coefficients by name, and the constant term."""


def linear_comparison(node: Node, names: Container[str]) -> Linear | None:
    """Read a single comparison `<=`, `>=` or `==` of two sides that are linear in `names`; None where it is not one."""
    match node:
        case Comparison(operators=(("<=" | ">=" | "==") as operator,), operands=(left, right)) if left.kind == "number":
            form = _sum([_form(left, names), _scaled(_form(right, names), -1.0)])
        case _:
            return None
    if form is None or not all(math.isfinite(number) for number in (form[1], *form[0].values())):
        return None
    return Linear(form[0], 0.0 - form[1], operator)


def _form(node: Node, names: Container[str]) -> _Form | None:
    if not names_in(node):
        return {}, _constant(node)
    match node:
        case Name(name=name):
            return ({name: 1.0}, 0.0) if name in names else None
        case Operation(operation="+", arguments=terms):
            return _sum([_form(term, names) for term in terms])
        case Operation(operation="negate", arguments=(term,)):
            return _scaled(_form(term, names), -1.0)
        case Operation(operation="*", arguments=(left, right)) if not names_in(left):
            return _scaled(_form(right, names), _constant(left))
        case Operation(operation="*", arguments=(left, right)) if not names_in(right):
            return _scaled(_form(left, names), _constant(right))
        case Operation(operation="/", arguments=(left, right)) if not names_in(right) and _constant(right):
            return _scaled(_form(left, names), 1.0 / _constant(right))
        case Operation(operation="if", arguments=(condition, value, otherwise)):
            return _conditional(condition, _form(value, names), _form(otherwise, names), names)
        case _:
            return None


def _conditional(condition: Node, value: _Form | None, otherwise: _Form | None, names: Container[str]) -> _Form | None:
    """One that is decided, or that a boolean in `names` decides: linear where its sides differ by a constant alone."""
    match condition:
        case Constant(value=known):
            return value if known else otherwise
        case Name(name=name) if name in names:
            return _switched(name, value, otherwise)
        case Operation(operation="not", arguments=(Name(name=name),)) if name in names:
            return _switched(name, otherwise, value)
        case _:
            return None


def _switched(name: str, value: _Form | None, otherwise: _Form | None) -> _Form | None:
    difference = _sum([value, _scaled(otherwise, -1.0)])
    if difference is None or any(difference[0].values()):
        return None
    return _sum([otherwise, ({name: difference[1]}, 0.0)])


def _sum(forms: list[_Form | None]) -> _Form | None:
    coefficients: dict[str, float] = {}
    constant = 0.0
    for form in forms:
        if form is None:
            return None
        for name, coefficient in form[0].items():
            coefficients[name] = coefficients.get(name, 0.0) + coefficient
        constant += form[1]
    return coefficients, constant


def _scaled(form: _Form | None, factor: float) -> _Form | None:
    if form is None:
        return None
    return {name: factor * coefficient for name, coefficient in form[0].items()}, factor * form[1]


def _constant(node: Node) -> float:
    from voicehive.optimization.formulas.arithmetic import constant  # noqa: PLC0415 - numpy only when computing

    return constant(node)
