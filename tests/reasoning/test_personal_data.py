"""What is taken out of a text, checked with published numbers and the check digits' own properties."""

import random
import time

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reasoning.questions import note
from voicehive.reasoning.personal_data import REGIONS, is_card, is_iban, redacted
from voicehive.reasoning.remarks import disclosed

# Examples of the SWIFT IBAN registry.
IBANS = [
    "DE89370400440532013000",
    "GB29NWBK60161331926819",
    "FR1420041010050500013M02606",
    "NL91ABNA0417164300",
    "PL61109010140000071219812874",
    "NO9386011117947",
    "MT84MALT011000012345MTLCAST001S",
    "CH9300762011623852957",
]
# Test numbers of the card networks, from 13 to 19 digits.
CARDS = [
    "4111111111111111",
    "5555555555554444",
    "378282246310005",
    "6011111111111117",
    "30569309025904",
    "4222222222222",
    "6212345678900000003",
]


@pytest.mark.parametrize(
    "address",
    [
        "anna@example.com",
        "anna.maria+voice@mail.example.co.uk",
        "müller@bücher.example",
        "o'neil@example.org",
        "anna (at) example [dot] com",
        "anna[at]example.com",
        "anna @example.com",
        "x_1@sub.sub.example.museum",
    ],
)
def test_an_email_address_is_taken_out(address: str):
    assert redacted(f"ask {address}, please") == "ask [e-mail address], please"


@pytest.mark.parametrize("iban", IBANS)
@pytest.mark.parametrize("between", ["", " ", "-"])
def test_an_account_is_taken_out_however_it_is_grouped(iban: str, between: str):
    grouped = between.join(iban[start : start + 4] for start in range(0, len(iban), 4))
    assert is_iban(iban)
    assert redacted(f"pay to {grouped} today") == "pay to [account] today"
    assert redacted(grouped.lower()) == "[account]"


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("between", ["", " ", "-"])
def test_a_card_is_taken_out_however_it_is_grouped(card: str, between: str):
    grouped = between.join(card[start : start + 4] for start in range(0, len(card), 4))
    assert is_card(card)
    assert redacted(f"card {grouped}; thanks") == "card [card]; thanks"


@given(st.sampled_from(IBANS), st.integers(2, 30), st.integers(1, 9))
def test_one_wrong_digit_makes_it_no_iban(iban: str, at: int, more: int):
    at %= len(iban)
    if iban[at].isdecimal():
        wrong = iban[:at] + str((int(iban[at]) + more) % 10) + iban[at + 1 :]
        assert not is_iban(wrong)


@given(st.sampled_from(CARDS), st.integers(0, 30), st.integers(1, 9))
def test_one_wrong_digit_makes_it_no_card(card: str, at: int, more: int):
    at %= len(card)
    assert not is_card(card[:at] + str((int(card[at]) + more) % 10) + card[at + 1 :])


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("kind", [phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE])
def test_a_telephone_number_of_every_region_is_taken_out_in_every_format(region: str, kind: int):
    example = phonenumbers.example_number_for_type(region, kind)
    assert example
    for format_ in (
        phonenumbers.PhoneNumberFormat.E164,
        phonenumbers.PhoneNumberFormat.INTERNATIONAL,
        phonenumbers.PhoneNumberFormat.NATIONAL,
    ):
        written = phonenumbers.format_number(example, format_)
        left = redacted(f"call {written} now")
        assert left in ("call [telephone number] now", "call ([telephone number] now"), (written, left)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("account 1234567890123 of ours", "account [number] of ours"),
        ("number 99 34-56/78.90 11-22", "number [number]"),
        ("key sk-abc123def456ghi789jkl0", "key [secret]"),
        ("call ٠١٧١ ١٢٣٤٥٦٧ now", "call [telephone number] now"),
        ("twice +4930901820, +49 30 901821", "twice [telephone number], [telephone number]"),
    ],
)
def test_other_long_numbers_and_secrets_are_taken_out(text: str, expected: str):
    assert redacted(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "cost 1,200,000 EUR, 12 000 calls on 2026-11-24 at 09:00",
        "80 agents instead of 96, 0.05 abandonment, tier premium",
        "campaign starts Monday; expect 45 % more calls than in week 47",
        "",
    ],
)
def test_what_a_note_is_about_stays(text: str):
    assert redacted(text) == text


@pytest.mark.parametrize("hidden", ["\u200b", "\u00ad", "\u2060", "\U000e0030"])
def test_nothing_hides_between_the_digits(hidden: str):
    text = hidden.join("+49 30 901820") + " or " + hidden.join("4111111111111111")
    shown = disclosed(note(text), REGIONS)
    assert shown.text == "[telephone number] or [card]"


def test_fullwidth_digits_are_digits():
    assert disclosed(note("4111111111111111"), REGIONS).text == "[card]"


def test_a_number_at_the_place_where_the_text_is_cut_is_recognised_as_a_whole():
    text = "a " * 292 + "DE89 3704 0044 0532 0130 00" + " b" * 100
    shown = disclosed(note(text), REGIONS).text
    assert "[account]" in shown
    assert not any(character.isdecimal() for character in shown)


def test_no_text_takes_long():
    """A regular expression that backtracks, or a matcher that is quadratic, would."""
    generator = random.Random(1)
    texts = [piece * (2_000 // len(piece)) for piece in ("1", "a@", "1 ", "DE89 ", "a1", "+49 ", "(at)", "a.", "1-(")]
    texts += ["".join(generator.choices("ab1 @.-+()", k=2_000)) for _ in range(3)]
    redacted("warm up +49 30 901820")
    for text in texts:
        started = time.thread_time()
        redacted(text)
        assert time.thread_time() - started < 3.0, text[:20]
