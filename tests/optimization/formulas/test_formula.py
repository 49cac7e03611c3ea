"""Formulas: their values against Python's own, their excess against their truth, their refusals."""

import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from voicehive.optimization.errors import InvalidFormula
from voicehive.optimization.evaluators.formula import Formula
from voicehive.optimization.evaluators.formula_evaluator import FormulaEvaluator
from voicehive.optimization.formulas.expression import Expression, Kind
from voicehive.optimization.formulas.parser import MAXIMUM_DEPTH, MAXIMUM_LENGTH
from voicehive.optimization.parameter import Parameter

NAMES: dict[str, Kind] = {"x": "number", "agents.day": "number", "night": "boolean", "model.tier": "text"}
ROWS: list[tuple[float, int, bool, str]] = [
    (0.0, 3, True, "economy"),
    (-1.5, 0, False, "premium"),
    (2.0, 7, True, "premium"),
    (1e200, 1, False, "économie"),
    (0.1, -4, True, "economy"),
]
COLUMNS: dict[str, NDArray[Any]] = {
    "x": np.array([row[0] for row in ROWS]),
    "agents.day": np.array([row[1] for row in ROWS]),
    "night": np.array([row[2] for row in ROWS]),
    "model.tier": np.array([row[3] for row in ROWS], dtype=object),
}
FUNCTIONS: dict[str, Any] = {"abs": abs, "min": min, "max": max, "round": round, "pi": math.pi, "e": math.e} | {
    name: getattr(math, name)
    for name in ("sqrt", "exp", "log", "log2", "log10", "floor", "ceil", "sin", "cos", "tan", "tanh")
}


class Dotted:
    """Something Python reads dotted names from."""

    def __init__(self, **names: object) -> None:
        self.__dict__.update(names)


def by_python(text: str, row: tuple[float, int, bool, str]) -> Any:
    """What Python itself makes of a formula for one row; None where it raises or leaves the real numbers."""
    x, agents, night, tier = row
    scope = {"x": x, "agents": Dotted(day=float(agents)), "night": night, "model": Dotted(tier=tier)}
    try:
        value = eval(text, {"__builtins__": {}}, FUNCTIONS | scope)
    except (ArithmeticError, ValueError, TypeError):
        return None
    return None if isinstance(value, complex) else value


def parse(text: str) -> Expression:
    return Expression.parse(text, NAMES)


def grown(numbers: st.SearchStrategy[str], booleans: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Numeric formulas of the next size."""
    one = st.sampled_from(["abs", "sqrt", "exp", "log", "floor", "ceil", "round", "sin", "tanh", "-", "+"])
    two = st.sampled_from(["+", "-", "*", "/", "//", "%", "**"])
    return st.one_of(
        st.builds("({} {} {})".format, numbers, two, numbers),
        st.builds("{} - {} + {}".format, numbers, numbers, numbers).map("({})".format),
        st.builds("{}({})".format, one, numbers).map("({})".format),
        st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), numbers, numbers),
        st.builds("({} if {} else {})".format, numbers, booleans, numbers),
    )


LITERALS = st.sampled_from(["x", "agents.day", "pi", "2", "0.5", "3.25", "1e3", "0"])
TIERS = st.sampled_from(["model.tier", "'economy'", '"économie"'])


def conditions(numbers: st.SearchStrategy[str], deeper: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Boolean formulas of the next size."""
    order = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    same = st.sampled_from(["==", "!="])
    return st.one_of(
        st.builds("({} {} {})".format, numbers, order, numbers),
        st.builds("({} {} {} {} {})".format, numbers, order, numbers, order, numbers),
        st.builds("({} {} {})".format, TIERS, same, TIERS),
        st.builds("({} {} {})".format, deeper, same, deeper),
        st.builds("({} {} [{}, {}])".format, TIERS, st.sampled_from(["in", "not in"]), TIERS, TIERS),
        st.builds("({} {} {} {} {})".format, deeper, st.just("and"), deeper, st.just("or"), deeper),
        st.builds("(not {})".format, deeper),
        st.builds("({} if {} else {})".format, deeper, deeper, deeper),
    )


SMALL_CONDITIONS = conditions(LITERALS, st.sampled_from(["night", "True", "False"]))
NUMBERS = grown(grown(LITERALS, SMALL_CONDITIONS) | LITERALS, SMALL_CONDITIONS)
CONDITIONS = conditions(NUMBERS | LITERALS, SMALL_CONDITIONS | conditions(LITERALS, SMALL_CONDITIONS))


class TestValues:
    @settings(max_examples=200, deadline=None)
    @given(NUMBERS)
    def test_numbers_are_those_of_python(self, text: str):
        values = parse(text).evaluate(COLUMNS)
        assert values.shape == (len(ROWS),)
        for row, value in zip(ROWS, values.tolist(), strict=True):
            expected = by_python(text, row)
            if expected is not None and math.isfinite(expected):
                assert value == pytest.approx(expected, rel=1e-9, abs=1e-12)

    @settings(max_examples=200, deadline=None)
    @given(CONDITIONS)
    def test_truths_are_those_of_python(self, text: str):
        expression = parse(text)
        values, excess = expression.evaluate(COLUMNS), expression.excess(COLUMNS)
        for row, value, far in zip(ROWS, values.tolist(), excess.tolist(), strict=True):
            expected = by_python(text, row)
            # Python compares whole numbers exactly and its functions may differ from NumPy's in the last digit.
            if expected is not None and not (math.isnan(far) or abs(far) < 1e-9):
                assert value is expected

    @settings(max_examples=200, deadline=None)
    @given(CONDITIONS)
    def test_a_negation_is_undefined_or_broken_exactly_where_the_condition_is_undefined_or_holds(self, text: str):
        excess, negated = parse(text).excess(COLUMNS), parse(f"not {text}").excess(COLUMNS)
        assert (np.isnan(excess) == np.isnan(negated)).all()
        defined = ~np.isnan(excess)
        assert ((excess[defined] > 0) != (negated[defined] > 0)).all()

    def test_division_by_zero_overflow_and_what_has_no_value_pass_without_warnings(self):
        values = {text: parse(text).evaluate(COLUMNS)[0] for text in ("1 / x", "x / x", "log(x)", "sqrt(-1)")}
        assert values["1 / x"] == math.inf
        assert values["log(x)"] == -math.inf
        assert math.isnan(values["x / x"])
        assert math.isnan(values["sqrt(-1)"])
        assert parse("9**9**9**9").evaluate(COLUMNS)[0] == math.inf
        assert parse("1e308 * 10").evaluate(COLUMNS)[0] == math.inf

    def test_what_is_chosen_by_something_undefined_is_undefined(self):
        assert np.isnan(parse("1 if x / x > 2 else 3").evaluate(COLUMNS)[0])
        assert np.isnan(parse("x / x > 2").excess(COLUMNS)[0])
        assert np.isnan(parse("not (x / x > 2)").excess(COLUMNS)[0])

    def test_an_undefined_side_does_not_matter_where_the_other_decides(self):
        assert parse("x > 0 and 1 / x - 1 / x == 0").excess(COLUMNS)[0] > 0
        assert parse("x <= 0 or 1 / x - 1 / x == 0").excess(COLUMNS)[0] <= 0
        assert parse("0 if x <= 0 else log(x)").evaluate(COLUMNS)[0] == 0

    def test_other_names_stand_in_backquotes(self):
        names: dict[str, Kind] = {
            "wait time": "number",
            "class": "number",
            "µ": "number",
            "a-b": "number",
            "`": "number",
        }
        columns = {name: np.array([2.0]) for name in names}
        assert Expression.parse("`wait time` + `class` * `a-b`", names).evaluate(columns).tolist() == [6.0]
        assert Expression.parse("µ + `µ`", names).evaluate(columns).tolist() == [4.0]
        assert Expression.parse("`wait time` == 2 and '`' == '`'", names).names == ("wait time",)

    def test_a_name_hides_a_constant_and_no_function(self):
        names: dict[str, Kind] = {"e": "number", "max": "number"}
        columns = {"e": np.array([1.0]), "max": np.array([5.0])}
        assert Expression.parse("max(e, max) + tau", names, {"tau": 0.5, "e": 9.0}).evaluate(columns).tolist() == [5.5]

    def test_names_are_those_used_in_their_order(self):
        assert parse("x + (1 if night else agents.day) + x").names == ("x", "night", "agents.day")

    def test_line_breaks_are_blanks(self):
        assert parse("\n  x\n  + 1\r\n").evaluate(COLUMNS)[0] == 1.0


class TestDistance:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("x <= 4", [-1.0, -0.5, 0.0, 0.25]),
            ("4 >= x", [-1.0, -0.5, 0.0, 0.25]),
            ("x >= 4", [1.0, 0.5, 0.0, -0.25]),
            ("not (x < 4)", [1.0, 0.5, 0.0, -0.25]),
            ("x <= y", [-2.0, 0.0, 1.0, 0.0]),
            ("x <= 0", [0.0, 2.0, 4.0, 5.0]),
            ("x == 4", [1.0, 0.5, 0.0, 0.25]),
            ("x < 4", [-1.0, -0.5, np.finfo(float).eps, 0.25]),
            ("x != 4", [-1.0, -0.5, np.finfo(float).eps, -0.25]),
            ("2 <= x <= 4", [1.0, 0.0, 0.0, 0.25]),
            ("x <= 2 or x >= 5", [-1.0, 0.0, 0.2, 0.0]),
            ("x in [2, 4]", [1.0, 0.0, 0.0, 0.25]),
            ("tier == 'a'", [0.0, 1.0, 0.0, 1.0]),
            ("tier == 'a' and x <= 2", [0.0, 1.0, 1.0, 1.5]),
        ],
    )
    def test_excess_is_measured_from_the_constant_side(self, text: str, expected: list[float]):
        names: dict[str, Kind] = {"x": "number", "y": "number", "tier": "text"}
        columns = {
            "x": np.array([0.0, 2.0, 4.0, 5.0]),
            "y": np.array([2.0, 2.0, 3.0, 5.0]),
            "tier": np.array(["a", "b", "a", "b"]),
        }
        assert Expression.parse(text, names).excess(columns) == pytest.approx(expected, rel=1e-12, abs=0.0)

    def test_slack_is_in_the_unit_of_what_is_compared(self):
        columns = {"x": np.array([1.0, 5.0])}
        slacks = {
            text: Expression.parse(text, {"x": "number"}).slack(columns).tolist()
            for text in ("x <= 4", "x > 4", "x == 4", "x != 4", "1 <= x <= 4")
        }
        assert slacks["x <= 4"] == [3.0, -1.0]
        assert slacks["x > 4"] == [-3.0, 1.0]
        assert slacks["x == 4"] == [-3.0, -1.0]
        assert slacks["x != 4"] == [3.0, 1.0]
        assert slacks["1 <= x <= 4"] == [0.0, -0.25]

    @given(st.floats(allow_nan=False), st.floats(allow_nan=False), st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
    @example(math.inf, math.inf, "<=")
    @example(5e-324, 0.0, "<=")
    @example(1e308, -1e308, "<")
    @example(math.nextafter(1e300, math.inf), 1e300, "<=")
    def test_excess_is_never_on_the_wrong_side(self, left: float, right: float, operator: str):
        texts = [f"a {operator} b"]
        if math.isfinite(right):
            texts.append(f"a {operator} ({right!r})")
        columns = {"a": np.array([left]), "b": np.array([right])}
        for text in texts:
            expression = Expression.parse(text, {"a": "number", "b": "number"})
            holds = bool(eval(f"a {operator} b", {}, {"a": left, "b": right}))
            assert bool(expression.excess(columns)[0] <= 0) is holds
            assert bool(expression.evaluate(columns)[0]) is holds

    def test_only_a_boolean_has_an_excess(self):
        with pytest.raises(TypeError, match="is a number"):
            parse("x + 1").excess(COLUMNS)


class TestLinear:
    @pytest.mark.parametrize(
        ("text", "coefficients", "bound", "operator"),
        [
            ("2 * a + 3 <= b / 2 - 1", {"a": 2.0, "b": -0.5}, -4.0, "<="),
            ("-(a - b) * 3 >= 6", {"a": -3.0, "b": 3.0}, 6.0, ">="),
            ("a == max(1, 2) * rate + b", {"a": 1.0, "b": -1.0}, 8.0, "=="),
            ("not (a > 3)", {"a": 1.0}, 3.0, "<="),
            ("a - a <= 3", {"a": 0.0}, 3.0, "<="),
        ],
    )
    def test_linear_comparisons(self, text: str, coefficients: dict[str, float], bound: float, operator: str):
        expression = Expression.parse(text, {"a": "number", "b": "number"}, {"rate": 4.0})
        assert expression.linear({"a", "b"}) == (coefficients, bound, operator)

    @pytest.mark.parametrize(
        "text",
        ["a * b <= 1", "a < 3", "a != 3", "1 <= a <= 3", "a / 0 <= 1", "c <= 1", "abs(a) <= 1", "a + log(-1) <= 1"],
    )
    def test_others_are_not(self, text: str):
        assert Expression.parse(text, dict.fromkeys("abc", "number")).linear({"a", "b"}) is None

    @given(st.lists(st.integers(-9, 9), min_size=4, max_size=4), st.sampled_from(["<=", ">="]))
    def test_it_says_the_same_as_the_formula(self, factors: list[int], operator: str):
        p, q, r, s = factors
        expression = Expression.parse(
            f"({p}) * a - b * ({q}) {operator} ({r}) - (a - ({s}))", dict.fromkeys("ab", "number")
        )
        linear = expression.linear({"a", "b"})
        assert linear is not None
        grid = np.meshgrid(np.arange(-4.0, 5.0), np.arange(-4.0, 5.0))
        columns = {"a": grid[0].ravel(), "b": grid[1].ravel()}
        left = sum((weight * columns[name] for name, weight in linear.coefficients.items()), np.zeros(81))
        holds = left <= linear.bound if operator == "<=" else left >= linear.bound
        assert (expression.evaluate(columns) == holds).all()


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("x + agnets.day", r"name 'agnets.day' at column 5 is unknown; did you mean 'agents.day'\? there are \["),
            ("'é' == model.teir", r"'model.teir' at column 8 .* 'model.tier'"),
            ("   x + y", "'y' at column 8 is unknown"),
            ("x +", "cannot be read at column 4"),
            ("x = 3", "at column 3: .*equality is =="),
            ("(x", r"column 1: '\(' was never closed"),
            ("class + 1", "column 1: .*backquotes"),
            ("x < 3 and night + 1 > 0", "'night' at column 11 is a boolean where a number is needed"),
            ("model.tier + 1", "'model.tier' at column 1 is a text where a number is needed"),
            ("model.tier < 'b'", "'model.tier' at column 1 is a text, which only == and != compare"),
            ("model.tier == 1", "'1' at column 15 is a number, compared with a text"),
            ("x in [1, 'a']", "'a'\" at column 10 is a text where a number is needed"),
            ("x in x", "'x' at column 6 must be a list"),
            ("night in [True]", "'night' at column 1 is a boolean"),
            ("1 if x else 2", "'x' at column 6 is a number where a boolean is needed"),
            ("1 if night else False", "'False' at column 17 is a boolean where a number"),
            ("'a' if night else 'b'", "at column 1 is a text; a conditional"),
            ("not x", "'x' at column 5 is a number where a boolean"),
            ("~night", "write 'not'"),
            ("x ^ 2", r"write \*\* for a power"),
            ("night & night", "write 'and'"),
            ("x is 3", "compares in a way"),
            ("sqrtt(x)", r"function 'sqrtt' at column 1 is unknown; did you mean 'sqrt'\?"),
            ("__import__('os')", "function '__import__' at column 1 is unknown"),
            ("x.real", "name 'x.real' at column 1 is unknown"),
            ("(1).real", "'1' at column 2 cannot be followed by a dot"),
            ("min(x)", "must hold two or more numbers"),
            ("abs(x, x)", "must hold one number"),
            ("max(1, 2, key=3)", "must hold two or more numbers"),
            ("min(*x, 2)", "does not belong in a formula"),
            ("[x for x in x]", "does not belong in a formula"),
            ("lambda: 1", "does not belong in a formula"),
            ("f'{x}'", "does not belong in a formula"),
            ("None", "neither a number nor a text"),
            ("1j", "neither a number nor a text"),
            ("1e999", "too large a number"),
            ("9" * 400, "too large a number"),
            (" \n", "is empty"),
            ("x" * (MAXIMUM_LENGTH + 1), "4,001 characters"),
            ("abs(" * 60 + "x" + ")" * 60, "nested more than 50 levels"),
            ("(" * 1000 + "1" + ")" * 1000, "cannot be read"),
            ("-" * 3000 + "1", "cannot be read|nested"),
            ("x\x00", "cannot be read"),
            ("\ud800", "cannot be read"),
        ],
    )
    def test_each_says_what_is_wrong_and_where(self, text: str, message: str):
        with pytest.raises(InvalidFormula, match=message):
            parse(text)

    def test_what_is_not_nested_is_bounded_by_length_alone(self):
        terms = MAXIMUM_LENGTH // 4
        assert parse("+".join(["x-1"] * terms)).evaluate({"x": np.array([3.0])}).tolist() == [2.0 * terms]

    def test_nesting_up_to_the_limit_is_evaluated(self):
        levels = MAXIMUM_DEPTH - 1
        assert parse("abs(" * levels + "x" + ")" * levels).evaluate({"x": np.array([-3.0])}).tolist() == [3.0]

    def test_chains_within_chains_take_no_longer_than_their_length(self):
        text = "night"
        for _ in range(22):
            text = f"(not (night == {text} == night))"
        started = time.thread_time()
        parse(text).excess(COLUMNS)
        assert time.thread_time() - started < 1.0

    @pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")
    @settings(max_examples=300, deadline=1000)
    @given(
        st.text(max_size=200)
        | st.text(alphabet="x().+-*/ <>=!\"'`[],0123456789e_\\andortifels#\n", max_size=300)
        | st.lists(st.sampled_from(["x", "(", ")", "not ", "-", " if ", " else ", "**", "9", "[", "'", "`", "=="])).map(
            "".join
        )
    )
    def test_any_text_parses_or_is_refused(self, text: str):
        try:
            expression = parse(text)
        except InvalidFormula:
            return
        assert expression.evaluate(COLUMNS).shape == (len(ROWS),)

    @given(CONDITIONS, st.sampled_from(["x", "night", "model.tier", "2"]), st.sampled_from(["y", "nihgt", "model"]))
    def test_an_unknown_name_is_found_where_it_stands(self, text: str, known: str, unknown: str):
        place = text.find(f" {known})")
        assume(place >= 0)
        broken = f"{text[:place]} {unknown}){text[place + len(known) + 2 :]}"
        with pytest.raises(InvalidFormula, match=f"name {unknown!r} at column {place + 2} "):
            parse(broken)


PARAMETERS = (
    Parameter(name="agents.day", kind="integer", low=0, high=9, current=3),
    Parameter(name="night", kind="boolean", current=True),
    Parameter(name="tier", kind="categorical", choices=("a", "b"), current="a"),
    Parameter(name="region", kind="fixed", current="north"),
    Parameter(name="rate", kind="fixed", current=2.5),
)


def formula(outcomes: dict[str, str], **constants: float) -> Formula:
    return Formula(kind="formula", outcomes=outcomes, constants=constants)


class TestFormulaEvaluator:
    def test_outcomes_build_on_each_other_in_any_order(self):
        description = formula(
            {
                "profit": "income - cost",
                "cost": "wage * agents.day * (2 if night else 1) + (rate if tier == 'b' else 0)",
                "income": "100 * log(agents.day) if region == 'north' else 0",
            },
            wage=10.0,
        )
        description.check_parameters(PARAMETERS)
        outcomes = FormulaEvaluator(description, PARAMETERS).evaluate(
            {
                "agents.day": np.array([1, 4, 0]),
                "night": np.array([True, False, False]),
                "tier": np.array(["a", "b", "b"], dtype=object),
                "region": np.full(3, "north", dtype=object),
                "rate": np.full(3, 2.5),
            }
        )
        assert tuple(outcomes) == description.outcome_names == ("profit", "cost", "income")
        assert outcomes["cost"].tolist() == [20.0, 42.5, 2.5]
        assert outcomes["profit"][:2] == pytest.approx([-20.0, 100 * math.log(4) - 42.5], rel=1e-15)
        assert np.isnan([outcomes["income"][2], outcomes["profit"][2]]).all(), "the logarithm of 0 is quarantined"

    @pytest.mark.parametrize(
        ("outcomes", "message"),
        [
            ({"cost": "2 * agnets.day"}, "outcome 'cost': name 'agnets.day' at column 5 .* 'agents.day'"),
            ({"cost": "tier * 2"}, "outcome 'cost': 'tier' at column 1 is a text"),
            ({"cost": "night"}, "outcome 'cost' comes to a boolean, but outcomes are numbers; write 1 if"),
            ({"cost": "tier"}, "outcome 'cost' comes to a text"),
            ({"a": "b", "b": "c + 1", "c": "a"}, "in a circle: 'a' needs 'b' needs 'c' needs 'a'"),
            ({"a": "a"}, "in a circle: 'a' needs 'a'"),
            ({"night": "1"}, "'night' is both a parameter and an outcome"),
        ],
    )
    def test_what_cannot_be_computed_is_refused(self, outcomes: dict[str, str], message: str):
        with pytest.raises(ValueError, match=message):
            formula(outcomes).check_parameters(PARAMETERS)

    def test_names_are_given_once(self):
        with pytest.raises(ValidationError, match="both an outcome and a constant"):
            formula({"wage": "1"}, wage=1.0)
        with pytest.raises(ValueError, match="both a parameter and a constant"):
            formula({"cost": "1"}, night=1.0).check_parameters(PARAMETERS)
        with pytest.raises(ValueError, match="parameters is empty"):
            formula({"cost": "1"}).check_parameters(())

    def test_structure_holds_the_formulas_and_not_the_constants_values(self):
        dear, cheap = (formula({"cost": "wage * agents.day"}, wage=wage) for wage in (10.0, 20.0))
        assert dear.structure() == cheap.structure()
        assert dear.structure() != formula({"cost": "wage"}, wage=10.0).structure()

    def test_ten_thousand_candidates_take_milliseconds(self):
        terms = " + ".join(f"{index} * agents.day ** 2" for index in range(50))
        evaluator = FormulaEvaluator(formula({"cost": terms}), PARAMETERS[:1])
        columns = {"agents.day": np.arange(10_000)}
        started = time.thread_time()
        assert evaluator.evaluate(columns)["cost"][2] == 4 * sum(range(50))
        assert time.thread_time() - started < 0.5
