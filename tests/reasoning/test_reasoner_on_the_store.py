"""The reasoner with the real store: budgets that hold while decisions are taken side by side, answers kept for all."""

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.reasoning.fronts import contact_centre_digest
from tests.reasoning.questions import question
from voicehive.reasoning.fallback_adviser import FallbackAdviser
from voicehive.reasoning.language_model import LanguageModel
from voicehive.reasoning.mock_service.server import MockOpenAI
from voicehive.reasoning.model_session import Services
from voicehive.reasoning.openai_adviser import OpenAIAdviser
from voicehive.reasoning.openai_reasoner import OpenAIReasoner, ReasonerOptions
from voicehive.reasoning.stores import MeterOnLoop
from voicehive.storage.database import Database, migrate
from voicehive.storage.model_usage import ModelAnswers, ModelBudget, ModelUsage
from workers.errors import SettingsInvalid
from workers.settings import Settings
from workers.worker import create_reasoner


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    await migrate(url)
    opened = await Database.open(url)
    yield opened
    await opened.close()


def reasoner(mock: MockOpenAI, meter: ModelUsage, cache: ModelAnswers | None = None) -> OpenAIReasoner:
    model = LanguageModel(name="m", base_url=mock.base_url, input_price=2.5, output_price=10.0)
    return OpenAIReasoner(model, ReasonerOptions(samples=1), meter=meter, cache=cache)


async def test_decisions_side_by_side_spend_exactly_what_they_report_and_never_more_than_there_is(database: Database):
    meter = ModelUsage(database, default=ModelBudget(tokens=20_000))
    with MockOpenAI() as mock:
        asked = reasoner(mock, meter)
        # Each question is another, by what a candidate costs, so that each is asked.
        questions = [question(recommended=number % 4, tenant="t") for number in range(24)]
        judgements = await asyncio.gather(*(asked.judge(one) for one in questions))
    calls = [call for judgement in judgements for call in judgement.calls]
    refused = [judgement for judgement in judgements if judgement.cause]
    spent = await meter.spent("t")
    assert spent.tokens == sum(call.input_tokens + call.output_tokens for call in calls) <= 20_000
    assert spent.cost_micros == sum(call.cost_micros for call in calls) > 0
    assert calls
    assert {judgement.cause for judgement in refused} == {"model m: the tenant's budget for models has no room"}
    assert len(calls) + len(refused) == 24


async def test_an_answer_kept_by_one_worker_serves_another_and_costs_nothing(database: Database):
    meter = ModelUsage(database)
    with MockOpenAI() as mock:
        first = await reasoner(mock, meter, ModelAnswers(database)).judge(question())
        spent = await meter.spent("default")
        second = await reasoner(mock, meter, ModelAnswers(database)).judge(question())
        assert len(mock.requests) == 1
    assert spent.tokens > 0
    assert await meter.spent("default") == spent
    assert second.calls[0].cached
    assert second.explanation == first.explanation


async def test_a_store_without_its_tables_ends_in_the_fallback(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'never-migrated.db'}"
    opened = await Database.open(url)
    with MockOpenAI() as mock:
        judgement = await reasoner(mock, ModelUsage(opened), ModelAnswers(opened)).judge(question())
        assert mock.requests == []
    await opened.close()
    assert judgement.source == "fallback"
    assert judgement.cause == "model m: the store of the budgets does not answer (OperationalError)"


async def test_advice_is_paid_from_the_tenants_budget_and_left_to_the_fallback_where_that_is_spent(database: Database):
    digest, _ = contact_centre_digest()
    meter = ModelUsage(database, default=ModelBudget(tokens=20_000))
    on_loop = MeterOnLoop(meter, asyncio.get_running_loop())
    advised = json.dumps({"preferences": [{"objective": "O2", "factor": 1.5}], "proposals": []})
    with MockOpenAI(lambda _: advised) as mock:
        model = LanguageModel(name="m", base_url=mock.base_url, input_price=2.5, output_price=10.0)
        adviser = OpenAIAdviser(model, FallbackAdviser(), Services(tenant="t", meter=on_loop))
        advice = await asyncio.to_thread(adviser.advise, digest)  # as a search does
        spent = await meter.spent("t")
        assert advice.source == "model m"
        assert 0 < spent.tokens < 20_000
        assert spent.cost_micros > 0
        assert await meter.reserve("t", "everything-else", 20_000 - spent.tokens, 0)
        advice = await asyncio.to_thread(adviser.advise, digest)
        assert len(mock.requests) == 1
    assert "the tenant's budget for models has no room" in advice.source
    assert (await meter.spent("t")).tokens == 20_000
    assert (await meter.spent("another")).tokens == 0


async def test_settings_give_prices_a_money_limit_and_tenants_limits_of_their_own(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    budgets = {"rich": {"period": "month", "money": 5}, "none": {"tokens": 0}}
    for name, value in {
        "": "m",
        "_SAMPLES": "1",
        "_INPUT_PRICE": "2.5",
        "_OUTPUT_PRICE": "10",
        "_MONEY_A_DAY": "0.000001",
        "_BUDGETS": json.dumps(budgets),
    }.items():
        monkeypatch.setenv(f"VOICEHIVE_LANGUAGE_MODEL{name}", value)
    with MockOpenAI() as mock:
        monkeypatch.setenv("VOICEHIVE_LANGUAGE_MODEL_URL", mock.base_url)
        asked = create_reasoner(Settings.load(), database)
        judged = {tenant: await asked.judge(question(tenant=tenant)) for tenant in ("rich", "none", "other")}
    assert {tenant: bool(judgement.cause) for tenant, judgement in judged.items()} == {
        "rich": False,
        "none": True,
        "other": True,
    }
    assert judged["rich"].calls[0].cost_micros > 0
    meter = ModelUsage(database, {"rich": ModelBudget(period="month")})
    assert (await meter.spent("rich")).cost_micros == judged["rich"].calls[0].cost_micros
    assert (await meter.spent("other")).cost_micros == 0


@pytest.mark.parametrize(
    ("name", "value"), [("MONEY_A_DAY", "5"), ("BUDGETS", '{"acme": {"money": 5}}')], ids=["default", "tenant"]
)
async def test_a_money_limit_without_a_price_is_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch, name: str, value: str
):
    monkeypatch.setenv("VOICEHIVE_LANGUAGE_MODEL", "m")
    monkeypatch.setenv(f"VOICEHIVE_LANGUAGE_MODEL_{name}", value)
    with pytest.raises(SettingsInvalid, match="PRICE"):
        create_reasoner(Settings.load(), database)
