"""The typed tree of a formula: what the parser builds and the arithmetic walks."""

from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["number", "boolean", "text"]
"""What an expression's value is."""

FUNCTIONS: dict[str, bool] = {
    **dict.fromkeys(("abs", "sqrt", "exp", "log", "log2", "log10", "floor", "ceil", "round"), False),
    **dict.fromkeys(("sin", "cos", "tan", "tanh"), False),
    **dict.fromkeys(("min", "max"), True),
}
"""Every function of numbers, and whether it takes two or more of them instead of one."""

_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
_DUAL = {"and": "or", "or": "and", "in": "not in", "not in": "in"}


class Constant(NamedTuple):
    """A literal, or a name whose value is known."""

    value: float | bool | str
    kind: Kind


class Name(NamedTuple):
    """A named column."""

    name: str
    kind: Kind


class Operation(NamedTuple):
    """An operator or a function with its arguments.

    Numbers: `+` and the functions `min` and `max` of any number of arguments; `negate`, `*`, `/`, `//`, `%`, `**`, the
    other `FUNCTIONS`. Booleans: `and`, `or`, `in` and `not in` of any number; `not` of a name. Both: `if` of
    condition, value where it holds, value where not.
    """

    operation: str
    arguments: tuple["Node", ...]
    kind: Kind


class Comparison(NamedTuple):
    """Neighbouring operands compared by the operators between them; `every` pair must hold, or else any one."""

    operators: tuple[str, ...]
    operands: tuple["Node", ...]
    every: bool = True
    kind: Kind = "boolean"


Node: TypeAlias = Constant | Name | Operation | Comparison


def names_in(node: Node) -> tuple[str, ...]:
    """List the names that a tree uses, each once, in the order of their first use."""
    match node:
        case Constant():
            return ()
        case Name(name=name):
            return (name,)
        case Operation(arguments=children) | Comparison(operands=children):
            return tuple(dict.fromkeys(name for child in children for name in names_in(child)))


def negation(node: Node) -> Node:
    """Negate a boolean tree, with `not` pushed inwards to the comparisons and names (negation normal form)."""
    match node:
        case Constant(value=value):
            return Constant(not value, "boolean")
        case Name():
            return Operation("not", (node,), "boolean")
        case Comparison(operators=operators, operands=operands, every=every):
            return Comparison(tuple(_OPPOSITE[operator] for operator in operators), operands, not every)
        case Operation(operation="not", arguments=(child,)):
            return child
        case Operation(operation="if", arguments=(condition, value, otherwise)):
            return Operation("if", (condition, negation(value), negation(otherwise)), "boolean")
        case Operation(operation=("in" | "not in") as operation, arguments=arguments):
            return Operation(_DUAL[operation], arguments, "boolean")
        case Operation(operation=operation, arguments=arguments):
            return Operation(_DUAL[operation], tuple(negation(child) for child in arguments), "boolean")
