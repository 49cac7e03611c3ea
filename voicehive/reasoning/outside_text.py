"""Texts from outside, made fit to be shown: as data, on one line, bounded, with nothing in them that hides or escapes.

Sources: Unicode Standard Annex 15 (NFKC), Unicode Technical Report 36 section 2.10 and Technical Standard 39 (invisible
and bidirectional characters); Greshake et al. 2023 (indirect prompt injection) and Hines et al. 2024 (delimiting and
encoding what is not to be obeyed).
"""

import json
import unicodedata

from voicehive.model import Model

_LARGEST_EXPANSION = 18
"""What NFKC makes of one character at most (U+FDFA)."""


def plain(text: str, longest: int) -> str:
    """One line of printable text, at most `longest` characters, the last of which is then an ellipsis."""
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def normalized(text: str, longest: int) -> str:
    """As `plain`, and in NFKC, without what has no shape of its own.

    Look-alikes of compatibility become the letters they imitate; formatting characters (zero width, bidirectional,
    tags), private and unassigned ones, and marks beyond two on a letter go, so that nothing can hide between letters.
    """
    shown = "".join(character for character in text if unicodedata.category(character) not in ("Cf", "Co", "Cn", "Cs"))
    folded = unicodedata.normalize("NFKC", shown[: longest * _LARGEST_EXPANSION])
    kept: list[str] = []
    marks = 0
    for character in folded:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if marks <= 2:
            kept.append(character)
    return plain("".join(kept), longest)


def fenced(document: Model) -> str:
    """The document as a fenced block of JSON; no string in it can end the fence or pass for markup.

    Everything that is not ASCII, and the characters of fences and tags, stand as JSON escapes (RFC 8259 section 7),
    which are the same data.
    """
    text = json.dumps(document.model_dump(mode="json", exclude_defaults=True), allow_nan=False)
    for character in "`<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f"```json\n{text}\n```"
