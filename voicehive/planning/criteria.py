"""Success criteria: expressions in the Common Expression Language over metrics, by the policy's own runtime.

A criterion reads `metrics.NAME` or `metrics['NAME']`, all of which are double: numbers in it need a decimal point.
Whatever is not known, or is no number, leaves the expression without a value, and then it is not met.
"""

import difflib
import math
from collections.abc import Collection, Iterable, Mapping
from typing import Literal, TypeAlias

from cel_expr_python import cel

from voicehive.autonomy.expressions import Reading, SyntaxTree, finite_function
from voicehive.model import Model
from voicehive.planning.errors import CriterionInvalid

Judged: TypeAlias = Literal["met", "unmet", "unknown"]

_VARIABLE = "metrics"
_ENVIRONMENT = cel.NewEnv(
    variables={_VARIABLE: cel.Type.Map(cel.Type.STRING, cel.Type.DOUBLE)}, functions=[finite_function()]
)


class Judgement(Model):
    """Whether a criterion is met; `cause` says why that is `unknown`."""

    judged: Judged
    cause: str = ""

    @property
    def is_met(self) -> bool:
        """Whether it is known to be met."""
        return self.judged == "met"


class Criterion:
    """An expression compiled once against the metrics that there are.

    Args:
        item: whose criterion it is, for the messages.
        text: the expression.
        known: the names of the metrics.

    Raises:
        CriterionInvalid: it does not compile, is not true or false, reads no metric, or reads one that is not known.
    """

    def __init__(self, item: str, text: str, known: Collection[str]) -> None:
        self.text = text
        try:
            checked = _ENVIRONMENT.compile(text)
        except RuntimeError as error:
            raise CriterionInvalid(item, f"{text!r} does not compile: {error}", _SYNTAX) from None
        if checked.return_type() != cel.Type.BOOL:
            kind = checked.return_type().name()
            raise CriterionInvalid(item, f"{text!r} is of type {kind}", "compare it with a number, as in `>= 80.0`")
        tree = SyntaxTree(checked)
        self.metrics = _names(item, text, tree.readings, known)
        self._expression = tree.guarded(_ENVIRONMENT)

    def judge(self, values: Mapping[str, float | None]) -> Judgement:
        """Judge by the metrics' present values; None, NaN, infinite and absent ones are not known.

        A known part may decide alone, as `true` does in `a || b` (CEL's logical operators absorb errors then).
        """
        usable = {
            name: float(value)
            for name in self.metrics
            if (value := values.get(name)) is not None and math.isfinite(value)
        }
        result = self._expression.eval(_ENVIRONMENT.Activation({_VARIABLE: usable}))
        # An error comes back as a value, which Python takes for true.
        if result.type() == cel.Type.BOOL:
            return Judgement(judged="met" if result.value() is True else "unmet")
        missing = sorted(self.metrics - usable.keys())
        return Judgement(
            judged="unknown", cause=f"no value of {', '.join(missing)}" if missing else str(result.value())
        )


def judge_all(criteria: Iterable[Criterion], values: Mapping[str, float | None]) -> Judgement:
    """Judge criteria that must all be met: one that is unmet decides, and so does one unknown after that.

    None at all are unknown.
    """
    judgements = [criterion.judge(values) for criterion in criteria]
    if not judgements:
        return Judgement(judged="unknown", cause="there is no criterion")
    for judged in ("unmet", "unknown"):
        if found := next((one for one in judgements if one.judged == judged), None):
            return found
    return judgements[0]


_SYNTAX = "write it as `metrics.NAME >= 80.0`, numbers with a decimal point"


def _names(item: str, text: str, readings: Iterable[Reading], known: Collection[str]) -> frozenset[str]:
    """The metrics that are read, each of which must be known and read by its name.

    Asking whether a metric is there is refused too: its negation would be met by what is not known.
    """
    names: set[str] = set()
    for reading in sorted(readings, key=str):
        if reading.key is None or reading.tested:
            raise CriterionInvalid(item, f"{text!r} does not read each metric by its name", _SYNTAX)
        if reading.key not in known:
            close = difflib.get_close_matches(reading.key, known, n=1)
            remedy = f"did you mean {close[0]!r}?" if close else f"declare it; known: {', '.join(sorted(known)) or '-'}"
            raise CriterionInvalid(item, f"{text!r} reads the unknown metric {reading.key!r}", remedy)
        names.add(reading.key)
    if not names:
        raise CriterionInvalid(item, f"{text!r} reads no metric", _SYNTAX)
    return frozenset(names)
