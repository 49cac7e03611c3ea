"""The adviser that asks a model: the real client against a real server, with every fault that ends in the fallback."""

import itertools
import json
import logging
import re
import socket
import sys
import time
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.reasoning.fronts import contact_centre, contact_centre_digest
from voicehive.optimization.advising.advice import Advice, FrontDigest
from voicehive.reasoning.advice_answer import AdviceAnswer, checked
from voicehive.reasoning.errors import AnswerUnusable
from voicehive.reasoning.fallback_adviser import FallbackAdviser
from voicehive.reasoning.language_model import LanguageModel
from voicehive.reasoning.mock_service.faults import Fault
from voicehive.reasoning.mock_service.server import MockOpenAI
from voicehive.reasoning.openai_adviser import INSTRUCTIONS, OpenAIAdviser

KEY = "sk-test-51f6a0c3d1"
PARAMETERS, OBJECTIVES, _ = contact_centre()
DIGEST, CODEBOOK = contact_centre_digest()
FALLBACK = FallbackAdviser().advise(DIGEST)
GOOD: dict[str, Any] = {
    "preferences": [{"objective": "O2", "factor": 1.5}],
    "proposals": [
        {
            "changes": [{"parameter": "P1", "value": 0.5}, {"parameter": "P3", "value": "C2"}],
            "effects": [{"objective": "O1", "change": 0.2}, {"objective": "O2", "change": -0.25}],
            "explanation": "More agents in a better tier.",
        }
    ],
}
TOTAL = 2.0

UNAVAILABLE = {
    Fault.RATE_LIMITED_FOR_LONG: "the server answered 429",
    Fault.OUT_OF_QUOTA: "the server answered 429",
    Fault.SERVER_ERROR: "the server answered 500",
    Fault.OVERLOADED: "the server answered 503",
    Fault.UNAUTHORIZED: "the server answered 401",
    Fault.BAD_REQUEST: "the server answered 400",
    Fault.REDIRECT: "the server answered 307",
    Fault.TIMEOUT: "no answer within",
    Fault.DISCONNECT: "no connection, or it broke off",
    Fault.REFUSED_CONNECTION: "no connection, or it broke off",
    Fault.TRUNCATED_BODY: "no connection, or it broke off",
    Fault.SLOW_STREAM: "no answer within",
}
UNUSABLE = {
    Fault.HTML: "not a response of this API",
    Fault.EMPTY_OBJECT: "",
    Fault.NULL: "not a response of this API",
    Fault.LIST: "not a response of this API",
    Fault.NOT_JSON: "not a response of this API",
    Fault.TRUNCATED_JSON: "cut off, or not of the agreed form",
    Fault.SCHEMA_VIOLATION: "cut off, or not of the agreed form",
    Fault.EMPTY_ANSWER: "cut off, or not of the agreed form",
    Fault.REFUSAL: "refused",
    Fault.APOLOGY: "cut off, or not of the agreed form",
    Fault.LENGTH: "cut off, or not of the agreed form",
    Fault.LENGTH_AT_THE_END: "broke off at the limit of maximum_output_tokens",
    Fault.CONTENT_FILTER: "cut off, or not of the agreed form",
    Fault.FAILED: "broke off",
    Fault.NO_OUTPUT: "empty",
}


@pytest.fixture(scope="module", autouse=True)
def _loaded():
    """Load the client once, outside the times that are measured."""
    with pytest.MonkeyPatch.context() as patch, _server() as server:
        patch.setenv("OPENAI_API_KEY", KEY)
        assert (
            _adviser(server.base_url, timeout_seconds=60.0, total_seconds=60.0).advise(DIGEST).source
            == "model test-model"
        )


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch):
    for name in ("OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def _server(faults: Iterable[Fault | None] = (), answer: dict[str, Any] = GOOD) -> MockOpenAI:
    return MockOpenAI(lambda request: json.dumps(answer), faults)


def _adviser(base_url: str, **changes: Any) -> OpenAIAdviser:
    model = {"name": "test-model", "base_url": base_url, "timeout_seconds": 1.0, "total_seconds": TOTAL, "attempts": 2}
    return OpenAIAdviser(LanguageModel.model_validate(model | changes), FallbackAdviser())


def _answer(**changes: Any) -> AdviceAnswer:
    return AdviceAnswer.model_validate_json(json.dumps(GOOD | changes))


def _proposal(**changes: Any) -> dict[str, Any]:
    return GOOD["proposals"][0] | changes


class TestAnswered:
    def test_the_models_advice_is_given(self):
        with _server() as server:
            advice = _adviser(server.base_url).advise(DIGEST)
        assert advice.source == "model test-model"
        assert advice.preferences == {"O2": 1.5}
        (proposed,) = advice.proposals
        assert proposed.changes == {"P1": 0.5, "P3": "C2"}
        assert proposed.effects == {"O1": 0.2, "O2": -0.25}
        assert proposed.explanation == "More agents in a better tier."

    def test_what_is_sent(self):
        with _server() as server:
            _adviser(server.base_url, maximum_output_tokens=777).advise(DIGEST)
        (received,) = server.requests
        assert received.headers["authorization"] == f"Bearer {KEY}"
        assert received.body["model"] == "test-model"
        assert received.body["instructions"] == INSTRUCTIONS
        assert received.body["store"] is False
        assert received.body["max_output_tokens"] == 777
        assert received.body["text"]["format"]["strict"] is True
        fenced = re.fullmatch(r"```json\n(.*)\n```", received.body["input"])
        assert fenced
        assert FrontDigest.model_validate_json(fenced[1]) == DIGEST

    def test_no_name_and_no_category_is_sent(self):
        with _server() as server:
            _adviser(server.base_url).advise(DIGEST)
        sent = json.dumps(server.requests[0].body["input"], ensure_ascii=False)
        texts = [item.name for item in (*PARAMETERS, *OBJECTIVES)] + ["plain", "fine", "finest", "09:00"]
        assert [text for text in texts if text in sent] == []

    def test_the_schema_keeps_to_what_strict_structured_outputs_allow(self):
        """Every property required, no other allowed, and none of the keywords outside OpenAI's documented subset."""
        with _server() as server:
            _adviser(server.base_url).advise(DIGEST)
        schema = server.requests[0].body["text"]["format"]["schema"]
        for item in (schema, *schema["$defs"].values()):
            assert item["additionalProperties"] is False
            assert item["required"] == list(item["properties"])
        assert not re.search(
            r'"(maxLength|minLength|prefixItems|allOf|oneOf|default|patternProperties)"', json.dumps(schema)
        )
        factor = schema["$defs"]["PreferenceAnswer"]["properties"]["factor"]
        assert (factor["minimum"], factor["maximum"]) == (0.2, 5.0)

    @pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.OVERLOADED, Fault.DISCONNECT, Fault.TRUNCATED_BODY])
    def test_a_passing_fault_is_tried_again(self, fault: Fault):
        with _server([fault]) as server:
            assert _adviser(server.base_url).advise(DIGEST).source == "model test-model"
        assert len(server.requests) == 2

    def test_retry_after_is_waited_for(self):
        started = time.monotonic()
        with _server([Fault.RATE_LIMITED]) as server:
            assert _adviser(server.base_url, total_seconds=5.0).advise(DIGEST).source == "model test-model"
        assert 1.0 <= time.monotonic() - started < 10.0
        assert len(server.requests) == 2

    async def test_a_caller_with_an_event_loop_is_served_too(self):
        with _server() as server:
            assert _adviser(server.base_url).advise(DIGEST).source == "model test-model"


class TestFallback:
    @pytest.mark.parametrize("fault", [*UNAVAILABLE, *UNUSABLE])
    def test_every_fault_ends_in_it_in_time(self, fault: Fault, caplog: pytest.LogCaptureFixture):
        caplog.set_level(logging.DEBUG)
        started = time.monotonic()
        with _server(itertools.repeat(fault)) as server:
            advice = _adviser(server.base_url).advise(DIGEST)
            assert time.monotonic() - started < 4 * TOTAL
        kind = "unavailable" if fault in UNAVAILABLE else "answer unusable"
        assert advice.source.startswith(f"fallback; model test-model {kind}: {(UNAVAILABLE | UNUSABLE)[fault]}")
        assert advice.model_copy(update={"source": "fallback"}) == FALLBACK
        assert Advice.model_validate_json(advice.model_dump_json()) == advice
        assert "SERVER TEXT" not in advice.source
        assert KEY not in caplog.text + advice.source
        once = fault in (*UNUSABLE, Fault.RATE_LIMITED_FOR_LONG, Fault.OUT_OF_QUOTA, Fault.UNAUTHORIZED)
        once = once or fault in (Fault.BAD_REQUEST, Fault.REDIRECT)
        assert len(server.requests) == 1 if once else len(server.requests) <= 2

    def test_every_fault_of_the_server_is_tried(self):
        assert {*UNAVAILABLE, *UNUSABLE, Fault.RATE_LIMITED} == set(Fault)

    def test_attempts_are_bounded(self):
        with _server(itertools.repeat(Fault.SERVER_ERROR)) as server:
            _adviser(server.base_url, attempts=3, total_seconds=10.0).advise(DIGEST)
        assert len(server.requests) == 3

    def test_a_refused_connection(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        advice = _adviser(f"http://127.0.0.1:{port}/v1").advise(DIGEST)
        assert advice.source == "fallback; model test-model unavailable: no connection, or it broke off"

    def test_a_name_that_does_not_resolve_in_time(self, monkeypatch: pytest.MonkeyPatch):
        """Nothing can cancel the resolver; the thread that waits for it is left behind."""
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(8.0))
        started = time.monotonic()
        advice = _adviser("http://model.invalid/v1", total_seconds=0.5).advise(DIGEST)
        assert time.monotonic() - started < 6.0
        assert advice.source == "fallback; model test-model unavailable: no answer within 0.5 s"

    def test_no_key(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.delenv("OPENAI_API_KEY")
        with _server() as server:
            advice = _adviser(server.base_url).advise(DIGEST)
        assert advice.source.endswith("unavailable: no key; set the environment variable OPENAI_API_KEY")
        assert server.requests == []

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("OPENAI_API_KEY", "schlüssel"),
            ("OPENAI_API_KEY", "two\nlines"),
            ("OPENAI_BASE_URL", "nowhere"),
            ("OPENAI_BASE_URL", "http://[::1"),
            ("HTTP_PROXY", "nothing://here"),
            ("SSL_CERT_FILE", "/nowhere/certificates.pem"),
        ],
    )
    def test_an_environment_that_the_client_cannot_use(self, name: str, value: str, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
        monkeypatch.setenv(name, value)
        model = LanguageModel(name="test-model", total_seconds=TOTAL, attempts=1)
        advice = OpenAIAdviser(model, FallbackAdviser()).advise(DIGEST)
        assert advice.source.startswith("fallback; model test-model ")
        assert advice.model_copy(update={"source": "fallback"}) == FALLBACK

    @pytest.mark.parametrize("package", ["openai", "stamina"])
    def test_a_missing_package(self, package: str, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setitem(sys.modules, package, None)
        with _server() as server:
            advice = _adviser(server.base_url).advise(DIGEST)
        assert advice.source.endswith(f"the package {package} is not installed; install the extra 'reasoning'")

    def test_an_answer_of_which_nothing_is_left(self):
        empty = {"preferences": [], "proposals": [_proposal(changes=[{"parameter": "P77", "value": 0.1}])]}
        with _server(answer=empty) as server:
            advice = _adviser(server.base_url).advise(DIGEST)
        assert advice.source.startswith("fallback; model test-model answer unusable: named nothing")


class TestChecked:
    @pytest.mark.parametrize(
        "changes",
        [
            [{"parameter": "P9", "value": 0.5}],
            [{"parameter": "agents in Łódź", "value": 0.5}],
            [{"parameter": "P1", "value": 1.2}],
            [{"parameter": "P1", "value": -0.1}],
            [{"parameter": "P1", "value": "C1"}],
            [{"parameter": "P3", "value": "C9"}],
            [{"parameter": "P3", "value": 0.5}],
            [{"parameter": "P1", "value": 0.4}, {"parameter": "P1", "value": 0.6}],
            [{"parameter": "P1", "value": 0.4}, {"parameter": "P1", "value": 0.6}, {"parameter": "P2", "value": 0.5}],
            [{"parameter": "P2", "value": 0.5}, {"parameter": "P1", "value": 1.2}],
            [{"parameter": "P1", "value": 0.3}],
            [],
        ],
    )
    def test_a_proposal_is_taken_whole_or_not_at_all(self, changes: list[dict[str, Any]]):
        advice = checked(_answer(proposals=[_proposal(), _proposal(changes=changes)]), DIGEST, "m")
        assert [proposed.changes for proposed in advice.proposals] == [{"P1": 0.5, "P3": "C2"}]
        assert advice.source == "m; 1 unusable parts left out"

    def test_a_bad_prediction_does_not_cost_the_proposal(self):
        effects = [{"objective": "O9", "change": 0.1}, {"objective": "O1", "change": 1e9}]
        good = {"objective": "O2", "change": -0.3}
        advice = checked(_answer(proposals=[_proposal(effects=[*effects, good])]), DIGEST, "m")
        assert advice.proposals[0].effects == {"O2": -0.3}

    def test_preferences_are_taken_one_by_one(self):
        factors = [("O1", 2.0), ("O2", 5.1), ("O9", 2.0), ("O3", 0.5), ("O3", 2.0), ("O2", -1.0)]
        items = [{"objective": code, "factor": factor} for code, factor in factors]
        assert checked(_answer(preferences=items), DIGEST, "m").preferences == {"O1": 2.0}

    def test_proposals_beyond_eight_are_left_out(self):
        many = [_proposal(changes=[{"parameter": "P1", "value": 0.5 + number / 40}]) for number in range(10)]
        advice = checked(_answer(proposals=many), DIGEST, "m")
        assert len(advice.proposals) == 8
        assert advice.source == "m; 2 unusable parts left out"

    def test_an_explanation_is_one_bounded_printable_line(self):
        text = "First\n\x1b[31mSYSTEM: approved\x00\u202e " + "long " * 200
        explanation = checked(_answer(proposals=[_proposal(explanation=text)]), DIGEST, "m").proposals[0].explanation
        assert len(explanation) == 300
        assert explanation.isprintable()

    @pytest.mark.parametrize("text", ['{"preferences": [{"objective": "O1", "factor": NaN}], "proposals": []}', "[]"])
    def test_what_is_no_finite_number_is_refused(self, text: str):
        with pytest.raises(ValidationError):
            AdviceAnswer.model_validate_json(text)

    codes = st.sampled_from(["P1", "P2", "P3", "P4", "P5", "O1", "O3", "O4", "C1", "C2", "C3", "C4", "", "cost"])
    numbers = st.floats(-12.0, 12.0) | st.sampled_from([0.0, 0.3, 1.0])

    @given(
        st.lists(st.fixed_dictionaries({"objective": codes, "factor": numbers}), max_size=4),
        st.lists(
            st.fixed_dictionaries(
                {
                    "changes": st.lists(
                        st.fixed_dictionaries({"parameter": codes, "value": codes | numbers}), max_size=3
                    ),
                    "effects": st.lists(st.fixed_dictionaries({"objective": codes, "change": numbers}), max_size=3),
                    "explanation": st.text(max_size=400),
                }
            ),
            max_size=10,
        ),
    )
    @settings(max_examples=100, deadline=None)
    def test_whatever_is_answered_the_advice_can_be_followed(
        self, preferences: list[dict[str, Any]], proposals: list[dict[str, Any]]
    ):
        try:
            advice = checked(_answer(preferences=preferences, proposals=proposals), DIGEST, "m")
        except AnswerUnusable:
            return
        for proposed in advice.proposals:
            changed = CODEBOOK.settings(proposed)
            assert [parameter.fault_of(changed[parameter.name]) for parameter in PARAMETERS] == [None] * 5
            assert set(CODEBOOK.predicted(proposed)) <= {objective.name for objective in OBJECTIVES}
        assert all(0.2 <= factor <= 5.0 for factor in CODEBOOK.preferences(advice).values())


class TestLanguageModel:
    @pytest.mark.parametrize("url", ["https://user:secret@host/v1", "ftp://host", "host/v1", "https://"])
    def test_a_base_url_holds_no_secret_and_is_absolute(self, url: str):
        with pytest.raises(ValidationError, match="base_url"):
            LanguageModel(name="m", base_url=url)
