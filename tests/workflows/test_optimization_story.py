"""How an optimisation is told in the web UI's Markdown."""

import json
import re

from tests.optimization.results import objectives, result
from tests.workflows.optimizations import request
from voicehive.optimization.request import OptimizationInput, OptimizationOutcome, OptimizationStatus
from workflows.optimization_story import of_optimization


def test_a_bar_in_a_name_ends_no_cell() -> None:
    name = "cost | day"
    document = request()
    document["problem"]["objectives"][0]["name"] = name
    document["problem"]["evaluator"]["outcomes"][name] = "x0"
    asked = OptimizationInput.model_validate_json(json.dumps(document))
    whole = result(2, 5, current=None)
    first = objectives(2)[0].name
    front = tuple(
        solution.model_copy(update={"outcomes": {name: solution.outcomes[first]}}) for solution in whole.front
    )
    outcome = OptimizationOutcome.of("0" * 64, whole.model_copy(update={"front": front}))
    status = OptimizationStatus(stage="closed", epoch=1, epochs=1, outcome=outcome)
    [row] = [line for line in of_optimization(asked, status).splitlines() if line.startswith("| cost")]
    # GitHub Flavored Markdown, section 4.10: a cell ends at a bar that no backslash stands before.
    assert len(re.findall(r"(?<!\\)\|", row)) == 4
    assert row.startswith(r"| cost \| day (minimize) |")
