"""Takes personal data out of a text before it leaves: what has a form that can be recognised.

Names and addresses of people have none, so the better protection is not to send a text at all; that is the default of
`voicehive.reasoning.openai_reasoner`. Where a rule is in doubt it takes out too much: a number that is missing costs a
model little. `phonenumbers` is loaded when a text is first redacted.
"""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator

REGIONS = ("US", "GB", "DE", "FR", "PL", "NL", "ES", "IT", "CH", "AT", "IN", "BR", "AU")
"""Where telephone numbers without a country code are looked for, as ISO 3166-1 codes."""

_LONGEST_KEPT_NUMBER = 8
"""Digits in a row, grouping aside, that may stay: an amount may have as many, an account or a card has more."""

# RFC 5321 and 6531 in their everyday part: any letters or digits, a domain with a dot or in brackets.
_EMAIL = re.compile(
    r"[^\s@<>(),;:\"\[\]]{1,64}\s?(?:@|\(at\)|\[at\])\s?(?:[\w-]+(?:\.|\s?[(\[]dot[)\]]\s?))+[\w-]{2,}", re.IGNORECASE
)
_IBAN = re.compile(r"(?<![0-9A-Za-z])[A-Za-z]{2}[ -]?[0-9]{2}(?:[ -]?[0-9A-Za-z]){11,30}")
_CARD = re.compile(r"(?<![0-9])[0-9](?:[ .-]?[0-9]){12,18}(?![0-9])")
_NUMBER = re.compile(rf"(?<![0-9])[0-9](?:[ ./\u2010-\u2015-]{{0,2}}[0-9]){{{_LONGEST_KEPT_NUMBER},}}")
_SECRET = re.compile(r"(?=[A-Za-z_+/=.-]*[0-9])(?=[0-9_+/=.-]*[A-Za-z])[A-Za-z0-9_+/=.-]{20,}")


def redacted(text: str, regions: Iterable[str] = REGIONS) -> str:
    """The text with a word in brackets in the place of each e-mail address, account, card, secret and number.

    IBANs are told by their check digits (ISO 13616, ISO 7064 MOD 97-10), cards by Luhn's (ISO/IEC 7812-1 annex B),
    telephone numbers by the numbering plans of libphonenumber; any other number of nine digits or more goes as well.
    """
    text = "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in text)
    text = _EMAIL.sub("[e-mail address]", text)
    text = _IBAN.sub(_iban, text)
    text = _CARD.sub(_where(is_card, "[card]"), text)
    text = _SECRET.sub("[secret]", text)
    text = _without(text, _telephones(text, regions), "[telephone number]")
    return _NUMBER.sub("[number]", text)


def is_iban(text: str) -> bool:
    """Whether the check digits hold, spaces and dashes aside (ISO 7064 MOD 97-10 on the rearranged text)."""
    compact = re.sub("[ -]", "", text).upper()
    return int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1


def is_card(text: str) -> bool:
    """Whether Luhn's check digit holds, separators aside (ISO/IEC 7812-1 annex B)."""
    digits = [int(character) for character in reversed(text) if character.isdecimal()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[0::2]) + sum(doubled)) % 10 == 0


def _iban(match: re.Match[str]) -> str:
    """The beginning of the match that is an IBAN replaced; the words after it match as well.

    One in 97 texts has right check digits: of several, the longest that ends with a word is meant, or else the longest.
    """
    found = match[0]
    ends = [end for end in range(15, len(found) + 1) if found[end - 1].isalnum() and is_iban(found[:end])]
    if not ends:
        return found
    end = max(ends, key=lambda end: (not match.string[match.start() + end :][:1].isalnum(), end))
    return f"[account]{found[end:]}"


def _where(holds: Callable[[str], bool], word: str) -> Callable[[re.Match[str]], str]:
    return lambda match: word if holds(match[0]) else match[0]


def _telephones(text: str, regions: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Where each number of at least seven digits begins and ends that is possible in a region, or internationally."""
    from phonenumbers import Leniency, PhoneNumberMatcher  # noqa: PLC0415

    for region in (None, *regions):
        leniency = Leniency.POSSIBLE if region is None else Leniency.VALID
        for match in PhoneNumberMatcher(text, region, leniency=leniency):
            if sum(character.isdecimal() for character in match.raw_string) >= 7:
                yield match.start, match.end


def _without(text: str, spans: Iterable[tuple[int, int]], word: str) -> str:
    """The text with the word in the place of each span, overlapping ones as one."""
    kept, at = "", 0
    for start, end in sorted(spans):
        if start >= at:
            kept += text[at:start] + word
        at = max(at, end)
    return kept + text[at:]
