"""What is wrong with a card, in words: which key, and what was probably meant."""

import pytest

from harness.cards import MethodCard, ProtocolCard
from harness.cards.library import validate
from harness.errors import CardError

GOOD = {"name": "mine", "title": "Mine", "family": "one-stage", "network": "mine"}


def finding(**wrong: object) -> str:
    with pytest.raises(CardError, match="the card is not valid") as caught:
        validate(MethodCard, {**GOOD, **wrong}, origin="the card")
    return caught.value.found


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"netwrok": "x"}, "unknown key 'netwrok'. Did you mean 'network'?"),
        ({"citations": []}, "unknown key 'citations'. Did you mean 'citation'?"),
        ({"rows": [{"tabel": "I", "row": 1}]}, "unknown key 'rows.0.tabel'. Did you mean 'table'?"),
        ({"weights": {"authors": {"fil": "x"}}}, "unknown key 'weights.authors.fil'. Did you mean 'file'?"),
        ({"interpolation": {"optoins": {}}}, "unknown key 'interpolation.optoins'. Did you mean 'options'?"),
        ({"citation": [{"author": "x"}]}, "unknown key 'citation.0.author'. Did you mean 'authors'?"),
    ],
)
def test_an_unknown_key_comes_with_the_closest(wrong: dict[str, object], words: str) -> None:
    assert words in finding(**wrong)


def test_the_name_is_never_offered_as_a_key() -> None:
    assert "'name'" not in finding(nam="x")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"family": "one stage"}, "family: Input should be 'baseline', 'two-stage'"),
        ({"rows": [{"table": "VII", "row": 1}]}, "rows.0.table: Input should be 'I', 'II'"),
        ({"rows": [{"table": "I", "row": 0}]}, "rows.0.row: Input should be greater than or equal to 1 (given: 0)"),
        ({"weights": {"a": {"file": "x", "source": "y"}}}, "the key 'weights.a.licence' is missing"),
        ({"network": "My Network"}, "network: String should match pattern"),
        ({"weights": {"a": {"file": "x", "source": "", "licence": "", "sha256": "12"}}}, "weights.a.sha256"),
    ],
)
def test_a_wrong_value_is_told_by_its_key(wrong: dict[str, object], words: str) -> None:
    assert words in finding(**wrong)


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, None])
def test_an_option_is_a_plain_value_and_is_told_once(value: object) -> None:
    found = finding(options={"window": value})
    assert found.startswith("options.window: should be true or false, a number or text")
    assert ";" not in found


def test_everything_wrong_is_told_at_once() -> None:
    found = finding(titel="x", family="y")
    assert "unknown key 'titel'" in found
    assert "family:" in found


@pytest.mark.parametrize(("value", "kind"), [(True, bool), (4, int), (0.1, float), ("graph", str), (1.0, float)])
def test_an_option_keeps_its_type(value: object, kind: type) -> None:
    card = validate(MethodCard, {**GOOD, "options": {"x": value}}, origin="the card")
    assert type(card.options["x"]) is kind
    assert card.options["x"] == value


def test_cards_cannot_be_changed() -> None:
    card = validate(MethodCard, GOOD, origin="the card")
    with pytest.raises(ValueError, match="frozen"):
        card.title = "Yours"


def test_protocols_are_checked_alike() -> None:
    with pytest.raises(CardError) as caught:
        validate(ProtocolCard, {"name": "p", "title": "P", "boder": 4, "windows": {"tial": "drop"}}, origin="p")
    assert "Did you mean 'border'?" in caught.value.found
    assert "unknown key 'windows.tial'. Did you mean 'tail'?" in caught.value.found
