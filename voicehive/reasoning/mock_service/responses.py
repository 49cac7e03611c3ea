"""The body of a response, whole or with a fault in the answer."""

import hashlib
import json
from typing import Any

from voicehive.reasoning.mock_service.faults import SERVER_TEXT, Fault

_INCOMPLETE = {
    Fault.LENGTH: "max_output_tokens",
    Fault.LENGTH_AT_THE_END: "max_output_tokens",
    Fault.CONTENT_FILTER: "content_filter",
}
_CUT = (Fault.TRUNCATED_JSON, Fault.LENGTH, Fault.CONTENT_FILTER)
_TEXTS = {
    Fault.SCHEMA_VIOLATION: json.dumps({"advice": SERVER_TEXT}),
    Fault.EMPTY_ANSWER: "{}",
    Fault.APOLOGY: "I'm sorry, but I cannot assist with that request.",
}


def response(request: dict[str, Any], text: str, fault: Fault | None = None) -> bytes:
    """The response object (OpenAI API reference) with this text as its answer; equal requests get equal ones.

    A token is counted for every four characters.
    """
    identifier = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:32]
    reason = _INCOMPLETE.get(fault) if fault else None
    given, taken = len(json.dumps(request)) // 4, len(text) // 4
    message = {
        "type": "message",
        "id": f"msg_{identifier}",
        "role": "assistant",
        "status": "incomplete" if reason else "completed",
        "content": [_part(text, fault)],
    }
    content = {
        "id": f"resp_{identifier}",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": "incomplete" if reason else "failed" if fault is Fault.FAILED else "completed",
        "error": {"code": "server_error", "message": SERVER_TEXT} if fault is Fault.FAILED else None,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": request.get("instructions"),
        "max_output_tokens": request.get("max_output_tokens"),
        "model": request.get("model"),
        "output": [] if fault in (Fault.FAILED, Fault.NO_OUTPUT) else [message],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "text": request.get("text"),
        "usage": {
            "input_tokens": given,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": taken,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": given + taken,
        },
    }
    return json.dumps(content).encode()


def _part(text: str, fault: Fault | None) -> dict[str, Any]:
    if fault is Fault.REFUSAL:
        return {"type": "refusal", "refusal": SERVER_TEXT}
    if fault in _CUT:
        text = text[: len(text) // 2]
    return {"type": "output_text", "text": _TEXTS.get(fault, text) if fault else text, "annotations": []}
