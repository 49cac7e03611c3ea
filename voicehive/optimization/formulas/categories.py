"""Finds texts in a formula that its parameters can never be: most often a misspelt category."""

import difflib
from collections.abc import Mapping, Sequence

from voicehive.optimization.errors import InvalidFormula
from voicehive.optimization.formulas.tree import Comparison, Constant, Name, Node, Operation


def check_categories(root: Node, choices: Mapping[str, Sequence[str]]) -> None:
    """Check every text that is compared with a categorical parameter.

    Args:
        root: of the formula.
        choices: each categorical parameter's, by its name.

    Raises:
        InvalidFormula: a text is none of the parameter's choices.
    """
    match root:
        case Comparison(operands=operands) | Operation(operation="in" | "not in", arguments=operands):
            for name in (node.name for node in operands if isinstance(node, Name) and node.name in choices):
                for text in (node.value for node in operands if isinstance(node, Constant)):
                    _check(name, str(text), choices[name])
            children = operands
        case Operation(arguments=children):
            pass
        case _:
            return
    for child in children:
        check_categories(child, choices)


def _check(name: str, text: str, choices: Sequence[str]) -> None:
    if text not in choices:
        nearest = difflib.get_close_matches(text, choices, 1)
        meant = f"did you mean {nearest[0]!r}? " if nearest else ""
        raise InvalidFormula(f"{text!r} is no choice of {name!r}; {meant}there are {list(choices)}")
