"""The syntax tree of a checked CEL expression: what it reads, what it compares with, and a guard on its arithmetic.

The runtime hands out an expression as the protocol buffer `cel.expr.CheckedExpr` (cel-spec, proto/cel/expr/syntax.proto
and checked.proto). Only the fields used here are declared; the others are kept as they are when it is written again.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportAttributeAccessIssue=false

import math
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

from cel_expr_python import cel
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory

Constant: TypeAlias = bool | int | float | str

_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "Constant": {
        "bool_value": (2, "bool"),
        "int64_value": (3, "int64"),
        "double_value": (5, "double"),
        "string_value": (6, "string"),
    },
    "Ident": {"name": (1, "string")},
    "Select": {"operand": (1, "Expr"), "field": (2, "string"), "test_only": (3, "bool")},
    "Call": {"target": (1, "Expr"), "function": (2, "string"), "args": (3, "*Expr")},
    "List": {"elements": (1, "*Expr")},
    "Entry": {"map_key": (3, "Expr"), "value": (4, "Expr")},
    "Struct": {"entries": (2, "*Entry")},
    "Comprehension": {
        "iter_var": (1, "string"),
        "iter_range": (2, "Expr"),
        "accu_var": (3, "string"),
        "accu_init": (4, "Expr"),
        "loop_condition": (5, "Expr"),
        "loop_step": (6, "Expr"),
        "result": (7, "Expr"),
        "iter_var2": (8, "string"),
    },
    "Expr": {
        "id": (2, "int64"),
        "const_expr": (3, "Constant"),
        "ident_expr": (4, "Ident"),
        "select_expr": (5, "Select"),
        "call_expr": (6, "Call"),
        "list_expr": (7, "List"),
        "struct_expr": (8, "Struct"),
        "comprehension_expr": (9, "Comprehension"),
    },
    "Reference": {"name": (1, "string"), "overload_id": (3, "*string")},
    "Type": {},
    # A map on the wire is a repeated message of key and value.
    "ReferenceEntry": {"key": (1, "int64"), "value": (2, "Reference")},
    "TypeEntry": {"key": (1, "int64"), "value": (2, "Type")},
    "CheckedExpr": {"reference_map": (2, "*ReferenceEntry"), "type_map": (3, "*TypeEntry"), "expr": (4, "Expr")},
}
_PACKAGE = "voicehive.cel"
_ARITHMETIC = frozenset({"_+_", "_-_", "_*_", "_/_", "double"})
_FINITE = "finite"
# Whatever an operator may give whose operands' types are known at run time only.
_FINITE_OVERLOADS = {
    "finite_double": cel.Type.DOUBLE,
    "finite_int": cel.Type.INT,
    "finite_uint": cel.Type.UINT,
    "finite_string": cel.Type.STRING,
    "finite_bytes": cel.Type.BYTES,
    "finite_list": cel.Type.List(cel.Type.DYN),
    "finite_duration": cel.Type.DURATION,
    "finite_timestamp": cel.Type.TIMESTAMP,
}


def _message_classes() -> dict[str, Any]:
    scalars = {name: getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{name.upper()}") for name in
               ("bool", "int64", "double", "string")}  # fmt: skip
    file = descriptor_pb2.FileDescriptorProto(name="voicehive/cel.proto", package=_PACKAGE, syntax="proto2")
    for message, fields in _MESSAGES.items():
        declared = file.message_type.add(name=message)
        for name, (number, kind) in fields.items():
            field = declared.field.add(name=name, number=number)
            field.label = field.LABEL_REPEATED if kind.startswith("*") else field.LABEL_OPTIONAL
            kind = kind.removeprefix("*")  # noqa: PLW2901
            if kind in scalars:
                field.type = scalars[kind]
            else:
                field.type, field.type_name = field.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = (pool.FindMessageTypeByName(f"{_PACKAGE}.{message}") for message in _MESSAGES)
    return {descriptor.name: message_factory.GetMessageClass(descriptor) for descriptor in found}


_CLASSES = _message_classes()


class Reading(NamedTuple):
    """A fact that an expression reads: a variable, or one key of it. `key` is None for the variable as a whole.

    `tested` where the expression only asks whether the key is there.
    """

    variable: str
    key: str | None = None
    tested: bool = False


class SyntaxTree:
    """A checked expression, taken apart."""

    def __init__(self, expression: cel.Expression) -> None:
        self._envelope = any_pb2.Any.FromString(expression.serialize())
        self._checked = _CLASSES["CheckedExpr"].FromString(self._envelope.value)

    @property
    def readings(self) -> frozenset[Reading]:
        """Every fact that the expression reads or asks for."""
        return frozenset(_readings(self._checked.expr, frozenset()))

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Every constant that stands in it, each once."""
        found = (node.const_expr for node in _nodes(self._checked.expr) if node.HasField("const_expr"))
        values = (getattr(constant, name) for constant in found for name in _set_fields(constant))
        return tuple({(type(value), value): value for value in values}.values())

    @property
    def is_constant(self) -> bool:
        """Whether it is just `true` or `false`."""
        return bool(self._checked.expr.HasField("const_expr"))

    def guarded(self, environment: cel.Env) -> cel.Expression:
        """The same expression, but arithmetic on floating-point numbers whose result is not finite is an error."""
        overloads = {entry.key: tuple(entry.value.overload_id) for entry in self._checked.reference_map}
        risky = [node for node in _nodes(self._checked.expr) if _may_leave_the_numbers(node, overloads)]
        if not risky:
            return environment.deserialize(self._envelope.SerializeToString())
        types = {entry.key: entry.value for entry in self._checked.type_map}
        number = max((node.id for node in _nodes(self._checked.expr)), default=0)
        for node in risky:
            number += 1
            inner = type(node)()
            inner.CopyFrom(node)
            node.Clear()
            node.id = number
            node.call_expr.function = _FINITE
            node.call_expr.args.append(inner)
            self._checked.reference_map.add(key=number).value.overload_id.extend(_FINITE_OVERLOADS)
            if inner.id in types:
                self._checked.type_map.add(key=number).value.CopyFrom(types[inner.id])
        wrapped = any_pb2.Any(type_url=self._envelope.type_url, value=self._checked.SerializeToString())
        return environment.deserialize(wrapped.SerializeToString())


def finite_function() -> cel.FunctionDecl:
    """The function that `SyntaxTree.guarded` puts around arithmetic; an environment must know it."""
    overloads = [cel.Overload(name, kind, [kind], impl=_finite) for name, kind in _FINITE_OVERLOADS.items()]
    return cel.FunctionDecl(_FINITE, overloads)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"arithmetic gave {value}, which is no number to compare with")
    return value


def _may_leave_the_numbers(node: Any, overloads: dict[int, tuple[str, ...]]) -> bool:
    if not node.HasField("call_expr") or node.call_expr.function not in _ARITHMETIC:
        return False
    return any("double" in overload for overload in overloads.get(node.id, ()))


def _children(node: Any) -> Iterator[Any]:
    """The expressions directly within a node."""
    for kind in ("select_expr", "call_expr", "list_expr", "struct_expr", "comprehension_expr"):
        if node.HasField(kind):
            yield from _expressions_of(getattr(node, kind))


def _expressions_of(message: Any) -> Iterator[Any]:
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        for part in value if descriptor.is_repeated else (value,):
            if descriptor.message_type.name == "Expr":
                yield part
            else:
                yield from _expressions_of(part)


def _nodes(node: Any) -> Iterator[Any]:
    """A node and everything below it, what is below first."""
    for child in _children(node):
        yield from _nodes(child)
    yield node


def _readings(node: Any, bound: frozenset[str]) -> Iterator[Reading]:
    """What is read below a node, where the names in `bound` are a comprehension's own variables."""
    if (reading := _keyed(node, bound)) is not None:
        yield reading
        return
    if node.HasField("ident_expr"):
        if node.ident_expr.name not in bound:
            yield Reading(node.ident_expr.name)
        return
    if node.HasField("comprehension_expr"):
        loop = node.comprehension_expr
        yield from _readings(loop.iter_range, bound)
        inner = bound | {loop.iter_var, loop.iter_var2, loop.accu_var}
        for part in (loop.accu_init, loop.loop_condition, loop.loop_step, loop.result):
            yield from _readings(part, inner)
        return
    for child in _children(node):
        yield from _readings(child, bound)


def _keyed(node: Any, bound: frozenset[str]) -> Reading | None:
    """`variable.key`, `variable['key']`, `has(variable.key)` or `'key' in variable`; None for anything else."""
    if node.HasField("select_expr"):
        select = node.select_expr
        return _reading(select.operand, select.field, bound, tested=select.test_only)
    if node.HasField("call_expr") and len(node.call_expr.args) == 2:
        first, second = node.call_expr.args
        if node.call_expr.function == "_[_]" and second.const_expr.HasField("string_value"):
            return _reading(first, second.const_expr.string_value, bound, tested=False)
        if node.call_expr.function == "@in" and first.const_expr.HasField("string_value"):
            return _reading(second, first.const_expr.string_value, bound, tested=True)
    return None


def _reading(operand: Any, key: str, bound: frozenset[str], *, tested: bool) -> Reading | None:
    if not operand.HasField("ident_expr") or operand.ident_expr.name in bound:
        return None
    return Reading(operand.ident_expr.name, key, tested)


def _set_fields(constant: Any) -> list[str]:
    return [descriptor.name for descriptor, _ in constant.ListFields()]
