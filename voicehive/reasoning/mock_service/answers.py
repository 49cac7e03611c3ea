"""What the mock answers: a plain rule for each form it knows, and for any other form the least that fits its schema.

It depends on nothing but the request, so the same content gets the same answer, byte for byte.
"""

import json
from collections.abc import Callable
from typing import Any, TypeAlias

from voicehive.reasoning.choosing import QuestionDigest
from voicehive.reasoning.remarks import RemarkDigest

AnswerMaker: TypeAlias = Callable[[dict[str, Any]], str]
"""Makes the text of the answer from the request's body."""

_DOUBTFUL = {
    "incident": ("outage", "incident", "störung", "panne", "down"),
    "asks_to_wait": ("wait", "hold off", "freeze", "do not change", "not before", "warten"),
    "extraordinary_demand": ("campaign", "launch", "strike", "peak", "black friday"),
    "instructs_the_model": ("ignore", "instruction", "approved", "system:", "confidence", "execute"),
}


def answer(request: dict[str, Any]) -> str:
    """The answer's text, as JSON."""
    schema = _schema(request)
    names = set(schema.get("properties", {}))
    if names == {"choice", "doubt", "explanation"}:
        return json.dumps(_choice(QuestionDigest.model_validate_json(_document(request))))
    if names == {"doubt", "concerns"}:
        return json.dumps(_review(RemarkDigest.model_validate_json(_document(request))))
    return json.dumps(_least(schema, schema.get("$defs", {})))


def _choice(question: QuestionDigest) -> dict[str, Any]:
    """The candidate of the least weighted sum of scaled outcomes; the recommended one unless another is plainly less.

    There is doubt where an objective of safety gets worse.
    """
    weights = {objective.code: objective.weight for objective in question.objectives}
    sums = {
        candidate.code: sum(weights[code] * value for code, value in candidate.outcomes.items())
        for candidate in question.candidates
    }
    best = min(sums, key=lambda code: sums[code])
    choice = best if sums[best] < sums[question.recommended] - 0.05 else question.recommended
    outcomes = next(candidate.outcomes for candidate in question.candidates if candidate.code == choice)
    safety = [objective.code for objective in question.objectives if objective.category == "safety"]
    worse = [code for code in safety if outcomes[code] > question.today[code]]
    explanation = f"{choice} has the least weighted sum of what counts, {sums[choice]:.2f} of 1."
    return {"choice": choice, "doubt": "some" if worse else "none", "explanation": explanation}


def _review(remark: RemarkDigest) -> dict[str, Any]:
    """Doubt wherever one of a few words stands."""
    text = remark.text.casefold()
    concerns = [concern for concern, words in _DOUBTFUL.items() if any(word in text for word in words)]
    doubt = "grave" if {"incident", "asks_to_wait"} & set(concerns) else "some" if concerns else "none"
    return {"doubt": doubt, "concerns": concerns}


def _least(schema: dict[str, Any], definitions: dict[str, Any]) -> Any:
    """The smallest value of a schema of strict structured outputs (OpenAI's guide, supported schemas)."""
    if "$ref" in schema:
        return _least(definitions[str(schema["$ref"]).rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return _least(schema["anyOf"][0], definitions)
    if "enum" in schema or "const" in schema:
        return schema["enum"][0] if "enum" in schema else schema["const"]
    match schema.get("type"):
        case "object":
            return {name: _least(inner, definitions) for name, inner in schema.get("properties", {}).items()}
        case "array":
            return [_least(schema["items"], definitions)] * int(schema.get("minItems", 0))
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return False
        case "null":
            return None
        case _:
            return ""


def _schema(request: dict[str, Any]) -> dict[str, Any]:
    """The schema that the answer is to follow (`text.format.schema`)."""
    return request.get("text", {}).get("format", {}).get("schema", {})


def _document(request: dict[str, Any]) -> str:
    """What stands in the fence."""
    return str(request["input"]).removeprefix("```json\n").removesuffix("\n```")
