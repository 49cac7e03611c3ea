"""On which parameters a constraint or an outcome depends, and whether linearly."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Literal, NamedTuple

from voicehive.optimization.evaluators.formula import Formula
from voicehive.optimization.formulas.expression import Expression
from voicehive.optimization.formulas.linear import linear_comparison
from voicehive.optimization.formulas.tree import Comparison, Constant, Name, Node, Operation, names_in
from voicehive.optimization.models import Constraint
from voicehive.optimization.problem import Problem
from voicehive.optimization.satisfaction.linear_row import LinearForm, exact

Relation = Literal["<=", "<", "=="]


class Part(NamedTuple):
    """One of the conditions that make up a constraint; it holds where they all do.

    `scope` are the parameters it depends on, without fixed ones, in the problem's order. Where it is linear, it says
    that `form` is in `relation` to 0.
    """

    expression: Expression
    scope: tuple[str, ...]
    form: LinearForm | None
    relation: Relation = "<="


class Dependence(NamedTuple):
    """The parameters that an outcome depends on, without fixed ones, and its linear form, where it has one."""

    scope: tuple[str, ...]
    form: LinearForm | None


class Dependences:
    """What a problem's constraints and outcomes depend on.

    Outcomes that are formulas are traced to the parameters they use; those of any other evaluator depend on all.
    """

    def __init__(self, problem: Problem) -> None:
        self._names = problem.names
        self._order = tuple(p.name for p in problem.parameters if p.kind != "fixed")
        self._fixed = {p.name: _constant(p.current) for p in problem.parameters if p.kind == "fixed"}
        counts = (p.name for p in problem.parameters if p.kind == "integer" or p.reachable_choices == (False, True))
        self._forms = {name: LinearForm({name: exact(1.0)}, exact(0.0)) for name in counts}
        self._scopes: dict[str, tuple[str, ...]] = {p.name: () for p in problem.parameters}
        self._scopes |= {name: (name,) for name in self._order}
        evaluator = problem.evaluator
        self._scopes |= dict.fromkeys(evaluator.outcome_names, self._order)
        if isinstance(evaluator, Formula):
            for name, expression in evaluator.expressions(problem.parameters).items():
                self._trace(name, expression.root)

    def outcome(self, name: str) -> Dependence:
        """Tell what an outcome depends on."""
        return Dependence(self._scopes[name], self._forms.get(name))

    def parts(self, constraint: Constraint) -> tuple[Part, ...]:
        """Take a constraint apart into conditions that must all hold: of a conjunction, or of a chain."""
        return tuple(self._part(node) for node in _conjuncts(expression_of(constraint, self._names).root))

    def _trace(self, outcome: str, root: Node) -> None:
        self._scopes[outcome] = self._scope(names_in(root))
        form = self._form(Comparison(("<=",), (root, Constant(0.0, "number"))))
        if form is not None:
            self._forms[outcome] = form

    def _part(self, node: Node) -> Part:
        expression = Expression("", "boolean", names_in(node), node)
        scope = self._scope(expression.names)
        match node:
            case Comparison(operators=(("<" | "<=" | "==" | ">" | ">=") as operator,), operands=operands):
                if operator in (">", ">="):
                    operands = operands[::-1]
                relation: Relation = "==" if operator == "==" else "<" if operator in ("<", ">") else "<="
                return Part(expression, scope, self._form(Comparison(("<=",), operands)), relation)
            case _:
                return Part(expression, scope, None)

    def _scope(self, names: Iterable[str]) -> tuple[str, ...]:
        used = {parameter for name in names for parameter in self._scopes[name]}
        return tuple(name for name in self._order if name in used)

    def _form(self, comparison: Comparison) -> LinearForm | None:
        linear = linear_comparison(_substituted(comparison, self._fixed), self._forms)
        if linear is None:
            return None
        total: dict[str, Fraction] = {}
        constant = -exact(linear.bound)
        for name, coefficient in linear.coefficients.items():
            own = self._forms[name]
            constant += exact(coefficient) * own.constant
            for parameter, inner in own.coefficients.items():
                total[parameter] = total.get(parameter, exact(0.0)) + exact(coefficient) * inner
        return LinearForm(total, constant)


def expression_of(constraint: Constraint, names: Mapping[str, Literal["number", "boolean", "text"]]) -> Expression:
    """Read a constraint as a boolean expression over the names of its problem, whether a bound or a formula."""
    if constraint.formula:
        return Expression.parse(constraint.formula, names)
    bound = constraint.at_most if constraint.at_most is not None else constraint.at_least
    operator = "<=" if constraint.at_most is not None else ">="
    root = Comparison((operator,), (Name(constraint.subject, "number"), Constant(float(bound or 0.0), "number")))
    return Expression(constraint.label, "boolean", (constraint.subject,), root)


def _conjuncts(node: Node) -> tuple[Node, ...]:
    match node:
        case Operation(operation="and", arguments=arguments):
            return tuple(part for argument in arguments for part in _conjuncts(argument))
        case Comparison(operators=operators, operands=operands, every=True) if len(operators) > 1:
            return tuple(
                Comparison((operator,), operands[place : place + 2]) for place, operator in enumerate(operators)
            )
        case _:
            return (node,)


def _substituted(node: Node, values: Mapping[str, Constant]) -> Node:
    match node:
        case Name(name=name):
            return values.get(name, node)
        case Constant():
            return node
        case Operation(operation=operation, arguments=arguments, kind=kind):
            return Operation(operation, tuple(_substituted(argument, values) for argument in arguments), kind)
        case Comparison(operators=operators, operands=operands, every=every):
            return Comparison(operators, tuple(_substituted(operand, values) for operand in operands), every)


def _constant(value: int | float | str | bool) -> Constant:
    if isinstance(value, bool):
        return Constant(value, "boolean")
    return Constant(value, "text") if isinstance(value, str) else Constant(float(value), "number")
