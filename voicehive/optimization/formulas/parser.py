"""Parses and type-checks formulas. Python's grammar reads the text; nothing of it is ever run."""

import ast
import difflib
import keyword
import math
import re
import sys
import unicodedata
from collections.abc import Mapping, Sequence

from voicehive.optimization.errors import InvalidFormula
from voicehive.optimization.formulas.tree import FUNCTIONS, Comparison, Constant, Kind, Name, Node, Operation, negation

MAXIMUM_LENGTH = 4_000
"""The longest formula, in characters."""
MAXIMUM_DEPTH = 50
"""The deepest nesting; the terms of one sum, however many, are one level."""

_CONSTANTS = {"pi": math.pi, "e": math.e}
_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
}
_ORDERINGS: dict[type[ast.cmpop], str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_EQUALITIES: dict[type[ast.cmpop], str] = {ast.Eq: "==", ast.NotEq: "!="}
_HINTS: dict[type[ast.operator], str] = {
    ast.BitXor: "write ** for a power",
    ast.BitAnd: "write 'and'",
    ast.BitOr: "write 'or'",
}
_LITERAL_OR_QUOTED_NAME = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|`[^`]*`""")
_NAMES_SHOWN = 12
_CHARACTERS_SHOWN = 40


def parse(text: str, names: Mapping[str, Kind], constants: Mapping[str, float]) -> Node:
    """Parse a formula into a typed tree.

    Raises:
        InvalidFormula: it is too long or too deep, does not parse, names what does not exist, or mixes types.
    """
    if len(text) > MAXIMUM_LENGTH:
        raise InvalidFormula(f"the formula has {len(text):,} characters; at most {MAXIMUM_LENGTH:,} are read")
    if not text.strip():
        raise InvalidFormula("the formula is empty; write an expression")
    return _Parser(text, names, constants).tree()


class _Parser:
    def __init__(self, text: str, names: Mapping[str, Kind], constants: Mapping[str, float]) -> None:
        self._text = re.sub(r"\s", " ", text)
        self._names = names
        self._constants = {**_CONSTANTS, **constants}
        # Python's grammar normalises identifiers so (PEP 3131); without it a name such as 'µ' would not be found.
        self._spelling = {unicodedata.normalize("NFKC", name): name for name in (*self._constants, *names)}
        blanked = _LITERAL_OR_QUOTED_NAME.sub(lambda match: match[1] or "_" * len(match[0]), self._text)
        self._indent = len(blanked) - len(blanked.lstrip())
        self._source = blanked.strip()

    def tree(self) -> Node:
        try:
            body = ast.parse(self._source, mode="eval").body
        except SyntaxError as error:
            # Python gives the end of the text as 0.
            column = (error.offset or len(self._source) + 1) + self._indent
            raise InvalidFormula(
                f"the formula cannot be read at column {column}: {error.msg}; equality is ==, and a name "
                "that is not of letters, digits, underscores and dots, or is a word of Python, stands in `backquotes`"
            ) from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise InvalidFormula(f"the formula cannot be read: {error or 'it is nested too deeply'}") from None
        self._bytes = self._source.encode()
        return self._node(body, 1)

    def _node(self, node: ast.expr, depth: int) -> Node:
        if depth > MAXIMUM_DEPTH:
            raise self._fault(node, f"is nested more than {MAXIMUM_DEPTH} levels deep; split the formula")
        match node:
            case ast.Constant():
                return self._literal(node)
            case ast.Name() | ast.Attribute():
                return self._name(node)
            case ast.UnaryOp():
                return self._unary(node, depth)
            case ast.BinOp():
                return self._arithmetic(node, depth)
            case ast.BoolOp(op=operator, values=values):
                conditions = tuple(self._typed(value, "boolean", depth) for value in values)
                return Operation("and" if isinstance(operator, ast.And) else "or", conditions, "boolean")
            case ast.Compare():
                return self._comparison(node, depth)
            case ast.IfExp():
                return self._conditional(node, depth)
            case ast.Call():
                return self._call(node, depth)
            case _:
                raise self._fault(
                    node,
                    "does not belong in a formula; it may hold numbers, names, texts, + - * / // % **, comparisons, "
                    f"and, or, not, in [...], 'a if condition else b', and {', '.join(FUNCTIONS)}",
                )

    def _typed(self, node: ast.expr, kind: Kind, depth: int) -> Node:
        typed = self._node(node, depth + 1)
        if typed.kind != kind:
            hint = "; write (1 if ... else 0)" if (kind, typed.kind) == ("number", "boolean") else ""
            raise self._fault(node, f"is a {typed.kind} where a {kind} is needed{hint}")
        return typed

    def _literal(self, node: ast.Constant) -> Node:
        match node.value:
            case bool() as value:
                return Constant(value, "boolean")
            case str() as value:
                return Constant(value, "text")
            case (int() | float()) as value:
                if abs(value) > sys.float_info.max:
                    raise self._fault(node, "is too large a number")
                return Constant(float(value), "number")
            case _:
                raise self._fault(node, "is neither a number nor a text nor True or False")

    def _name(self, node: ast.Name | ast.Attribute) -> Node:
        segment = self._segment(node)
        written = segment.strip("`") if "`" in segment else self._dotted(node)
        name = written if written in self._names or "`" in segment else self._spelling.get(written, written)
        if name in self._names:
            return Name(name, self._names[name])
        if name in self._constants:
            return Constant(self._constants[name], "number")
        known = [*self._names, *(constant for constant in self._constants if constant not in self._names)]
        raise self._fault(node, f"is unknown; {_listing(name, known)}", what="name ")

    def _dotted(self, node: ast.expr) -> str:
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            raise self._fault(node, "cannot be followed by a dot; dots belong inside names, such as agents.day")
        return ".".join([node.id, *reversed(parts)])

    def _unary(self, node: ast.UnaryOp, depth: int) -> Node:
        if isinstance(node.op, ast.Not):
            return negation(self._typed(node.operand, "boolean", depth))
        if isinstance(node.op, ast.Invert):
            raise self._fault(node, "uses ~, which does not belong in a formula; write 'not'")
        operand = self._typed(node.operand, "number", depth)
        return operand if isinstance(node.op, ast.UAdd) else Operation("negate", (operand,), "number")

    def _arithmetic(self, node: ast.BinOp, depth: int) -> Node:
        if isinstance(node.op, ast.Add | ast.Sub):
            return self._sum(node, depth)
        operator = _ARITHMETIC.get(type(node.op))
        if operator is None:
            hint = _HINTS.get(type(node.op), "write + - * / // % **")
            raise self._fault(node, f"uses an operator that does not belong in a formula; {hint}")
        operands = self._typed(node.left, "number", depth), self._typed(node.right, "number", depth)
        return Operation(operator, operands, "number")

    def _sum(self, node: ast.expr, depth: int) -> Node:
        terms: list[tuple[ast.expr, bool]] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            terms.append((node.right, isinstance(node.op, ast.Sub)))
            node = node.left
        terms.append((node, False))
        signed = [(self._typed(term, "number", depth), minus) for term, minus in reversed(terms)]
        arguments = tuple(Operation("negate", (term,), "number") if minus else term for term, minus in signed)
        return Operation("+", arguments, "number")

    def _comparison(self, node: ast.Compare, depth: int) -> Node:
        operators = [type(operator) for operator in node.ops]
        if len(operators) == 1 and operators[0] in (ast.In, ast.NotIn):
            return self._membership(node, depth)
        sides = (node.left, *node.comparators)
        operands = tuple(self._node(side, depth + 1) for side in sides)
        for index, operator in enumerate(operators):
            left, right = operands[index : index + 2]
            if operator not in _ORDERINGS and operator not in _EQUALITIES:
                raise self._fault(node, "compares in a way that a formula cannot; write < <= > >= == != or in [...]")
            if left.kind != right.kind:
                raise self._fault(sides[index + 1], f"is a {right.kind}, compared with a {left.kind}")
            if operator in _ORDERINGS and left.kind != "number":
                raise self._fault(sides[index], f"is a {left.kind}, which only == and != compare")
        symbols = _ORDERINGS | _EQUALITIES
        return Comparison(tuple(symbols[operator] for operator in operators), operands)

    def _membership(self, node: ast.Compare, depth: int) -> Node:
        choices = node.comparators[0]
        if not isinstance(choices, ast.List | ast.Tuple | ast.Set) or not choices.elts:
            raise self._fault(choices, 'must be a list after \'in\', such as ["a", "b"]')
        subject = self._node(node.left, depth + 1)
        if subject.kind == "boolean":
            raise self._fault(node.left, "is a boolean; 'in' is for numbers and texts")
        items = tuple(self._typed(choice, subject.kind, depth) for choice in choices.elts)
        return Operation("in" if isinstance(node.ops[0], ast.In) else "not in", (subject, *items), "boolean")

    def _conditional(self, node: ast.IfExp, depth: int) -> Node:
        value = self._node(node.body, depth + 1)
        if value.kind == "text":
            raise self._fault(node.body, "is a text; a conditional chooses between numbers or booleans")
        condition = self._typed(node.test, "boolean", depth)
        return Operation("if", (condition, value, self._typed(node.orelse, value.kind, depth)), value.kind)

    def _call(self, node: ast.Call, depth: int) -> Node:
        function = self._segment(node.func)
        if function not in FUNCTIONS:
            raise self._fault(node.func, f"is unknown; {_listing(function, list(FUNCTIONS))}", what="function ")
        several = FUNCTIONS[function]
        if node.keywords or (len(node.args) < 2 if several else len(node.args) != 1):
            raise self._fault(node, f"must hold {'two or more numbers' if several else 'one number'}")
        return Operation(function, tuple(self._typed(argument, "number", depth) for argument in node.args), "number")

    def _fault(self, node: ast.expr, fault: str, what: str = "") -> InvalidFormula:
        segment = self._segment(node)
        shown = segment if len(segment) <= _CHARACTERS_SHOWN else f"{segment[: _CHARACTERS_SHOWN - 3]}..."
        return InvalidFormula(f"{what}{shown!r} at column {self._column(node.col_offset) + 1} {fault}")

    def _segment(self, node: ast.expr) -> str:
        return self._text[self._column(node.col_offset) : self._column(node.end_col_offset or 0)]

    def _column(self, offset: int) -> int:
        """Turn the grammar's offset, in bytes of UTF-8, into a place in the text."""
        return len(self._bytes[:offset].decode()) + self._indent


def _listing(name: str, known: Sequence[str]) -> str:
    nearest = difflib.get_close_matches(name, known, 1)
    meant = f"did you mean {_as_written(nearest[0])}? " if nearest else ""
    more = f" and {len(known) - _NAMES_SHOWN} more" if len(known) > _NAMES_SHOWN else ""
    return f"{meant}there are {list(known[:_NAMES_SHOWN])}{more}"


def _as_written(name: str) -> str:
    plain = all(part.isidentifier() and not keyword.iskeyword(part) for part in name.split("."))
    return repr(name) if plain else f"`{name}`"
