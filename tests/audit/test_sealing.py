import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicehive.audit.entries import canonical_json
from voicehive.audit.errors import SealBroken
from voicehive.audit.sealing import Disclosure, SubjectKey, open_sealed, seal, verify_disclosure

KEY = SubjectKey.generate()
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(value=values)
def test_what_is_sealed_opens_with_its_key_and_is_what_was_committed_to(value: object) -> None:
    sealed = seal(value, KEY, "t", 7, "name")  # pyright: ignore[reportArgumentType]
    opened = open_sealed(sealed, KEY, "t", 7, "name")
    assert canonical_json(opened.value) == canonical_json(value)
    verify_disclosure(sealed, opened)


def test_equal_values_are_sealed_unlike_each_other_and_nothing_shows_the_value() -> None:
    first, second = (seal("alice@example.com", KEY, "t", 7, "name") for _ in range(2))
    assert len({first.ciphertext, second.ciphertext, first.commitment, second.commitment}) == 4
    assert "alice" not in json.dumps(first.model_dump())
    assert "secret" not in repr(KEY)


@pytest.mark.parametrize("place", [("u", 7, "name"), ("t", 8, "name"), ("t", 7, "other")])
def test_a_sealed_value_opens_nowhere_else(place: tuple[str, int, str]) -> None:
    with pytest.raises(SealBroken):
        open_sealed(seal("Alice", KEY, "t", 7, "name"), KEY, *place)


def test_without_its_key_it_does_not_open() -> None:
    sealed = seal("Alice", KEY, "t", 7, "name")
    with pytest.raises(SealBroken):
        open_sealed(sealed, SubjectKey(id=KEY.id, secret=SubjectKey.generate().secret), "t", 7, "name")


@given(data=st.data())
@settings(max_examples=100)
def test_any_change_of_a_sealed_value_is_noticed(data: st.DataObject) -> None:
    sealed = seal("Alice", KEY, "t", 7, "name")
    field = data.draw(st.sampled_from(("nonce", "ciphertext", "commitment")))
    content = bytearray.fromhex(getattr(sealed, field))
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(SealBroken):
        open_sealed(sealed.model_copy(update={field: content.hex()}), KEY, "t", 7, "name")


def test_another_value_or_salt_is_not_taken_for_the_sealed_one() -> None:
    sealed = seal("Alice", KEY, "t", 7, "name")
    opened = open_sealed(sealed, KEY, "t", 7, "name")
    for other in (
        Disclosure(salt=opened.salt, value="Bob"),
        Disclosure(salt=opened.salt, value=["Alice"]),
        Disclosure(salt="00" * 32, value="Alice"),
    ):
        with pytest.raises(SealBroken):
            verify_disclosure(sealed, other)
