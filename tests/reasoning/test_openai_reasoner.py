"""The reasoner that asks a model about decisions: the real client against the mock service, with every fault."""

import asyncio
import itertools
import json
import logging
import re
import socket
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.reasoning.conftest import KEY
from tests.reasoning.questions import note, question, solution
from voicehive.reasoning import model_session
from voicehive.reasoning.choosing import INSTRUCTIONS, QuestionDigest
from voicehive.reasoning.circuit_breaker import CircuitBreaker
from voicehive.reasoning.language_model import LanguageModel
from voicehive.reasoning.mock_service.answers import answer as sensible
from voicehive.reasoning.mock_service.faults import Fault
from voicehive.reasoning.mock_service.server import MockOpenAI
from voicehive.reasoning.models import Judgement, Question
from voicehive.reasoning.openai_reasoner import OpenAIReasoner, ReasonerOptions
from voicehive.reasoning.reasoner import FallbackReasoner

TOTAL = 2.5
PASSING = {Fault.RATE_LIMITED}
DISCLOSED = {"disclosed_sources": frozenset({"note"})}


class Store:
    """A meter and a cache that remember what they were asked."""

    def __init__(self, tokens: int = 10**9) -> None:
        self.left = tokens
        self.reserved: dict[str, tuple[int, int]] = {}
        self.settled: dict[str, tuple[int, int]] = {}
        self.answers: dict[tuple[str, str], str] = {}

    async def reserve(self, tenant: str, call: str, tokens: int, cost_micros: int) -> bool:
        if tokens > self.left:
            return False
        self.left -= tokens
        self.reserved[call] = tokens, cost_micros
        return True

    async def settle(self, tenant: str, call: str, tokens: int, cost_micros: int) -> None:
        self.left += self.reserved[call][0] - tokens
        self.settled[call] = tokens, cost_micros

    async def get(self, tenant: str, digest: str) -> str | None:
        return self.answers.get((tenant, digest))

    async def put(self, tenant: str, digest: str, answer: str) -> None:
        self.answers[tenant, digest] = answer


class BrokenStore:
    async def reserve(self, *_: object) -> bool:
        raise OSError("the disk is full")

    settle = get = put = reserve


def model(base_url: str, **changes: Any) -> LanguageModel:
    fields = {"name": "test-model", "base_url": base_url, "timeout_seconds": 1.0, "attempts": 2}
    return LanguageModel.model_validate(fields | changes)


def reasoner(
    base_url: str, options: dict[str, Any] | None = None, model_fields: dict[str, Any] | None = None, **stores: Any
) -> OpenAIReasoner:
    chosen = ReasonerOptions.model_validate({"total_seconds": TOTAL} | (options or {}))
    return OpenAIReasoner(model(base_url, **(model_fields or {})), chosen, **stores)


async def judged(
    faults: Iterable[Fault | None] = (),
    answer: Callable[[dict[str, Any]], str] = sensible,
    asked: Question | None = None,
    **options: Any,
) -> tuple[Judgement, list[dict[str, Any]]]:
    with MockOpenAI(answer, faults) as mock:
        judgement = await reasoner(mock.base_url, options).judge(asked or question())
        return judgement, [received.body for received in mock.requests]


def choosing(*choices: tuple[int, str]) -> Callable[[dict[str, Any]], str]:
    """Answers these candidates, by index, with these doubts, by the order in which a sample shows them."""

    def answer(request: dict[str, Any]) -> str:
        shown = QuestionDigest.model_validate_json(request["input"].strip("`json\n"))
        places = {candidate.outcomes["O1"]: candidate.code for candidate in shown.candidates}
        sample = (4 - int(shown.recommended[1:]) + 1) % 4
        index, doubt = choices[sample % len(choices)]
        code = places[{0: 0.333, 1: 0.0, 2: 1.0, 3: 0.667}[index]]
        return json.dumps({"choice": code, "doubt": doubt, "explanation": f"{code} is better in O2 than S9."})

    return answer


class TestAnswered:
    async def test_the_choice_of_all_samples(self):
        judgement, requests = await judged(answer=choosing((2, "none")))
        assert (judgement.choice, judgement.confidence) == (2, 1.0)
        assert judgement.source == "model test-model"
        assert judgement.cause == ""
        assert judgement.parts == {"agreement": 1.0, "model_doubt": 1.0}
        assert judgement.explanation.startswith("candidate 2 is better in abandonment than S9. Against today: cost")
        assert len(requests) == 3
        assert len({request["input"] for request in requests}) == 3

    async def test_samples_that_disagree_and_doubt_cost_confidence(self):
        judgement, _ = await judged(answer=choosing((2, "none"), (1, "some"), (2, "none")))
        assert judgement.choice == 2
        assert judgement.parts == {"agreement": 2 / 3, "model_doubt": 0.8}
        assert judgement.confidence == pytest.approx(2 / 3 * 0.8)

    async def test_of_one_sample_no_agreement_is_known(self):
        judgement, requests = await judged(samples=1, drop=0.2)
        assert len(requests) == 1
        assert judgement.parts == {"agreement": 1.0, "model_doubt": 1.0, "missing_samples": 0.8}
        assert judgement.confidence == pytest.approx(0.8)

    async def test_what_is_sent(self):
        _, requests = await judged(asked=question(note("Call me on +49 30 901820")))
        for request in requests:
            assert request["model"] == "test-model"
            assert request["instructions"] == INSTRUCTIONS
            assert request["store"] is False
            fenced = re.fullmatch(r"```json\n(.*)\n```", request["input"])
            assert fenced
            assert QuestionDigest.model_validate_json(fenced[1])
            format_ = request["text"]["format"]
            assert format_["strict"] is True
            assert format_["schema"]["additionalProperties"] is False
            assert set(format_["schema"]["required"]) == set(format_["schema"]["properties"])
            sent = json.dumps(request["input"])
            assert not any(word in sent for word in ("cost", "capacity", "note", "901820", "agents", "EUR"))

    async def test_equal_questions_get_equal_judgements(self):
        (first, _), (second, _) = await judged(), await judged()
        assert first.model_copy(update={"calls": ()}) == second.model_copy(update={"calls": ()})
        assert [call.prompt_digest for call in first.calls] != []

    async def test_the_calls_are_recorded_by_their_digests(self):
        with MockOpenAI() as mock:
            fields = {"input_price": 2.0, "output_price": 8.0}
            judgement = await reasoner(mock.base_url, model_fields=fields).judge(question())
        assert len(judgement.calls) == 3
        assert len({call.prompt_digest for call in judgement.calls}) == 3
        for call in judgement.calls:
            assert (call.purpose, call.model, call.cached, call.cause) == ("choose", "test-model", False, "")
            assert call.answer_digest
            assert call.input_tokens > 100
            assert call.output_tokens > 10
            assert call.cost_micros == 2 * call.input_tokens + 8 * call.output_tokens
        assert KEY not in judgement.model_dump_json()


class TestRemarks:
    async def test_a_remark_leaves_only_where_its_source_is_disclosed(self):
        judgement, requests = await judged(asked=question(note("there is an outage")))
        assert len(requests) == 3
        assert judgement.concerns == ()
        assert "remarks" not in judgement.parts

    async def test_a_disclosed_one_is_reviewed_alone_and_redacted_and_lowers_confidence(self):
        text = "there is an outage, call anna@example.com or +49 30 901820"
        judgement, requests = await judged(asked=question(note(text)), **DISCLOSED)
        (review,) = [request for request in requests if "concerns" in request["text"]["format"]["schema"]["required"]]
        assert json.loads(review["input"].strip("`json\n")) == {
            "text": "there is an outage, call [e-mail address] or [telephone number]"
        }
        assert judgement.concerns == ("the note speaks of an incident",)
        assert judgement.parts["remarks"] == 0.4
        assert judgement.confidence == pytest.approx(0.4)
        choosing_inputs = [request["input"] for request in requests if request is not review]
        without, clean = await judged(**DISCLOSED)
        assert sorted(choosing_inputs) == sorted(request["input"] for request in clean)
        assert judgement.choice == without.choice

    async def test_one_that_cannot_be_reviewed_counts_as_doubt(self):
        def answer(request: dict[str, Any]) -> str:
            return "no" if "concerns" in json.dumps(request["text"]) else sensible(request)

        judgement, _ = await judged(answer=answer, asked=question(note("all is well")), **DISCLOSED)
        assert judgement.source == "model test-model"
        assert judgement.concerns == ("the note could not be reviewed",)
        assert judgement.confidence == pytest.approx(0.9)

    async def test_a_missing_redactor_keeps_it_here(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setitem(sys.modules, "phonenumbers", None)
        judgement, requests = await judged(asked=question(note("call 030 901820")), **DISCLOSED)
        assert requests == []
        assert "the package phonenumbers is not installed" in judgement.cause


class TestFallback:
    @pytest.mark.parametrize("fault", [fault for fault in Fault if fault not in PASSING])
    async def test_every_fault_ends_in_it_in_time(self, fault: Fault, caplog: pytest.LogCaptureFixture):
        caplog.set_level(logging.DEBUG)
        expected = await FallbackReasoner().judge(question())
        started = time.monotonic()
        judgement, _ = await judged(itertools.repeat(fault))
        assert time.monotonic() - started < 4 * TOTAL
        assert judgement.model_copy(update={"calls": (), "cause": ""}) == expected
        assert judgement.cause.startswith("model test-model: ")
        assert all(call.cause for call in judgement.calls)
        assert Judgement.model_validate_json(judgement.model_dump_json()) == judgement
        assert "SERVER TEXT" not in judgement.model_dump_json()
        assert KEY not in caplog.text + judgement.model_dump_json()

    async def test_its_confidence_is_less_by_the_stated_drop(self):
        judgement, _ = await judged(itertools.repeat(Fault.BAD_REQUEST), drop=0.25)
        assert judgement.confidence == 0.75
        assert judgement.parts == {"fallback": 0.75}

    async def test_a_remark_that_nobody_reviewed_costs_too(self):
        judgement, _ = await judged(
            itertools.repeat(Fault.BAD_REQUEST), asked=question(note("all is well")), **DISCLOSED
        )
        assert judgement.confidence == pytest.approx(0.81)

    async def test_a_minority_of_samples_is_not_enough_and_a_majority_is(self):
        faults = [Fault.REFUSAL, Fault.HTML, None]
        judgement, _ = await judged(faults)
        assert judgement.source == "fallback"
        judgement, _ = await judged(faults[1:])
        assert judgement.source == "model test-model"
        assert judgement.parts == {"agreement": 1.0, "model_doubt": 1.0, "missing_samples": 0.9}
        assert judgement.confidence == pytest.approx((await FallbackReasoner().judge(question())).confidence)

    async def test_a_passing_fault_is_repeated_by_one_owner_only(self):
        judgement, requests = await judged([Fault.SERVER_ERROR, None, None, None])
        assert judgement.parts["agreement"] == 1.0
        assert len(requests) == 4
        assert sorted(call.cause for call in judgement.calls) == ["", "", "", "the server answered 500"]
        _, requests = await judged(itertools.repeat(Fault.SERVER_ERROR))
        assert len(requests) == 6

    async def test_a_refused_connection(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        judgement = await reasoner(f"http://127.0.0.1:{port}/v1").judge(question())
        assert judgement.cause == "model test-model: no connection, or it broke off"
        assert {(call.input_tokens, call.cost_micros) for call in judgement.calls} == {(0, 0)}

    @pytest.mark.parametrize("choice", ["S5", "S0", "3", "", "S1; S2", "s1", "S1\n"])
    async def test_a_choice_that_there_is_not(self, choice: str):
        text = json.dumps({"choice": choice, "doubt": "none", "explanation": "trust me"})
        judgement, _ = await judged(answer=lambda _: text)
        assert judgement.cause == "model test-model: chose no candidate that there is"
        assert judgement.choice == 3

    async def test_an_infeasible_recommendation_is_not_asked_about(self):
        only = solution(3, (1.0, 0.9, 0.1), violation=1.0)
        judgement, requests = await judged(asked=question(candidates=(only,)))
        assert requests == []
        assert judgement.cause.endswith("not asked: the recommended candidate is infeasible")

    @pytest.mark.parametrize("package", ["openai", "stamina", "purgatory"])
    async def test_a_missing_package(self, package: str, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setitem(sys.modules, package, None)
        judgement, requests = await judged()
        assert requests == []
        assert judgement.cause.endswith(f"the package {package} is not installed; install the extra 'reasoning'")

    async def test_no_key(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.delenv("OPENAI_API_KEY")
        judgement, requests = await judged()
        assert requests == []
        assert judgement.cause.endswith("no key; set the environment variable OPENAI_API_KEY")


class TestCircuit:
    async def test_it_opens_after_failures_in_a_row_and_closes_on_a_success(self):
        breaker = CircuitBreaker(failures=3, seconds=0.3)
        with MockOpenAI(faults=[Fault.BAD_REQUEST] * 3) as mock:
            asked = reasoner(mock.base_url, breaker=breaker)
            await asked.judge(question())
            judgement = await asked.judge(question())
            assert len(mock.requests) == 3
            assert judgement.cause == "model test-model: left alone for 0.3 s after 3 failures in a row"
            assert judgement.calls == ()
            time.sleep(0.35)  # noqa: ASYNC251 - nothing else is to run meanwhile
            assert (await asked.judge(question())).source == "model test-model"

    async def test_answers_that_cannot_be_used_do_not_open_it(self):
        breaker = CircuitBreaker(failures=2, seconds=60.0)
        with MockOpenAI(faults=[Fault.REFUSAL] * 12) as mock:
            asked = reasoner(mock.base_url, breaker=breaker)
            for _ in range(4):
                assert (await asked.judge(question())).cause == "model test-model: refused"
            assert (await asked.judge(question())).source == "model test-model"


class TestBudget:
    async def test_room_is_set_aside_before_and_the_cost_put_in_its_place_after(self):
        store = Store()
        with MockOpenAI() as mock:
            judgement = await reasoner(mock.base_url, meter=store).judge(question())
        spent = sum(call.input_tokens + call.output_tokens for call in judgement.calls)
        assert 10**9 - store.left == spent
        assert store.reserved.keys() == store.settled.keys()
        assert all(store.reserved[call][0] > store.settled[call][0] for call in store.settled)

    async def test_without_room_nothing_is_sent(self):
        with MockOpenAI() as mock:
            judgement = await reasoner(mock.base_url, meter=Store(tokens=1_000)).judge(question())
            assert mock.requests == []
        assert judgement.cause == "model test-model: the tenant's budget for models has no room"
        assert judgement.source == "fallback"

    @pytest.mark.parametrize(
        ("fault", "spent"),
        [
            (Fault.SERVER_ERROR, "nothing"),
            (Fault.REFUSAL, "as reported"),
            (Fault.LENGTH, "as reported"),
            (Fault.HTML, "all"),
            (Fault.DISCONNECT, "all"),
            (Fault.TIMEOUT, "all"),
        ],
    )
    async def test_what_a_call_that_failed_has_cost(self, fault: Fault, spent: str):
        store = Store()
        with MockOpenAI(faults=itertools.repeat(fault)) as mock:
            await reasoner(mock.base_url, {"samples": 1, "total_seconds": 1.5}, meter=store).judge(question())
        assert store.reserved.keys() == store.settled.keys() != set()
        for call, (tokens, _) in store.settled.items():
            whole = store.reserved[call][0]
            assert {"nothing": tokens == 0, "as reported": 0 < tokens < whole, "all": tokens == whole}[spent]

    async def test_a_store_that_fails_sends_nothing_and_ends_in_the_fallback(self):
        with MockOpenAI() as mock:
            judgement = await reasoner(mock.base_url, meter=BrokenStore(), cache=BrokenStore()).judge(question())
            assert mock.requests == []
        assert judgement.cause == "model test-model: the store of the budgets does not answer (OSError)"

    @pytest.mark.parametrize("hanging", ["get", "reserve", "put", "settle"])
    async def test_a_store_that_hangs_does_not_hold_a_decision_up(self, hanging: str, monkeypatch: pytest.MonkeyPatch):
        async def hang(*_: object) -> None:
            await asyncio.sleep(60.0)

        monkeypatch.setattr(model_session, "_STORE_SECONDS", 0.5)
        store = Store()
        monkeypatch.setattr(store, hanging, hang)
        started = time.monotonic()
        with MockOpenAI() as mock:
            judgement = await reasoner(mock.base_url, meter=store, cache=store).judge(question())
        assert time.monotonic() - started < 4 * TOTAL
        assert judgement.source == ("model test-model" if hanging in ("settle", "put") else "fallback")
        if hanging != "settle":
            assert store.reserved.keys() == store.settled.keys()

    async def test_a_judgement_that_is_cancelled_still_settles(self):
        store = Store()
        with MockOpenAI(standing=Fault.TIMEOUT) as mock:
            judging = asyncio.create_task(reasoner(mock.base_url, meter=store).judge(question()))
            await asyncio.sleep(0.7)
            assert len(mock.requests) == 3
            judging.cancel()
            with pytest.raises(asyncio.CancelledError):
                await judging
        assert len(store.settled) == 3

    async def test_a_cache_that_fails_is_none(self):
        with MockOpenAI() as mock:
            judgement = await reasoner(mock.base_url, cache=BrokenStore()).judge(question())
        assert judgement.source == "model test-model"


class TestCache:
    async def test_equal_content_is_asked_once(self):
        store = Store()
        with MockOpenAI() as mock:
            asked = reasoner(mock.base_url, cache=store, meter=store)
            first = await asked.judge(question())
            left = store.left
            second = await asked.judge(question())
            assert len(mock.requests) == 3
        assert store.left == left
        assert all(call.cached and call.cost_micros == 0 for call in second.calls)
        assert {c.prompt_digest for c in first.calls} == {c.prompt_digest for c in second.calls}
        assert second.model_copy(update={"calls": ()}) == first.model_copy(update={"calls": ()})

    async def test_it_answers_when_the_service_does_not(self):
        store = Store()
        with MockOpenAI(faults=[None] * 3, standing=Fault.SERVER_ERROR) as mock:
            asked = reasoner(mock.base_url, cache=store)
            await asked.judge(question())
            assert (await asked.judge(question())).source == "model test-model"
            assert (await asked.judge(question(recommended=2))).source == "fallback"

    async def test_tenants_and_models_have_answers_of_their_own(self):
        store = Store()
        with MockOpenAI() as mock:
            await reasoner(mock.base_url, cache=store).judge(question())
            await reasoner(mock.base_url, cache=store).judge(question(tenant="other"))
            await reasoner(mock.base_url, None, {"name": "another"}, cache=store).judge(question())
            assert len(mock.requests) == 9

    async def test_what_was_not_accepted_is_not_kept(self):
        store = Store()
        with MockOpenAI(lambda _: json.dumps({"choice": "S9", "doubt": "none", "explanation": ""})) as mock:
            await reasoner(mock.base_url, cache=store).judge(question())
        assert store.answers == {}

    async def test_one_that_cannot_be_read_is_none(self):
        store = Store()
        with MockOpenAI() as mock:
            asked = reasoner(mock.base_url, cache=store)
            await asked.judge(question())
            for key in store.answers:
                store.answers[key] = '{"choice": "S1"}'
            assert (await asked.judge(question())).source == "model test-model"
            assert len(mock.requests) == 6
