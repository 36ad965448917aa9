"""`--set KEY=VALUE`: TOML's values, the cards' own types."""

import pytest

from harness.cards import CardLibrary, Overrides
from harness.cards.overrides import parse_value
from harness.errors import CardError, UsageError


@pytest.fixture
def library() -> CardLibrary:
    return CardLibrary()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4", 4),
        ("0.1", 0.1),
        ("1e-3", 1e-3),
        ("true", True),
        ("[1, 2]", [1, 2]),
        ('"4"', "4"),
        ("raw", "raw"),
        ("all-l2", "all-l2"),
        ("", ""),
        ("True", "True"),
    ],
)
def test_values_are_toml_or_text(text: str, value: object) -> None:
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)


def test_options_are_changed_one_by_one(library: CardLibrary) -> None:
    before = library.method("stinet")
    after = Overrides.parse(["options.window=4", "options.flow=raw", "training.lambda_mcl=0.5"]).apply(before)
    assert after.options == {**before.options, "window": 4, "flow": "raw"}
    assert after.training == {**before.training, "lambda_mcl": 0.5}
    assert after.model_copy(update={"options": before.options, "training": before.training}) == before


def test_the_last_assignment_counts(library: CardLibrary) -> None:
    card = Overrides.parse(["options.window=4", "options.window=2"]).apply(library.method("stinet"))
    assert card.options["window"] == 2


def test_each_card_has_its_own_keys(library: CardLibrary) -> None:
    over = Overrides.parse(["protocol.border=8", "dataset.folders=['A']", "options.window=3"])
    assert over.apply(library.protocol("tmnet")).border == 8
    assert over.apply(library.dataset("vid4")).folders == ("A",)
    assert over.apply(library.method("stinet")).options["window"] == 3


def test_a_stage_has_options_too(library: CardLibrary) -> None:
    over = Overrides.parse(["interpolation.options.consistency_px=2.0"])
    card = over.apply(library.method("farneback+bicubic"))
    assert card.interpolation is not None
    assert card.interpolation.options == {"consistency_px": 2.0}
    assert card.interpolation.network == "farneback"


def test_nothing_set_is_the_very_card(library: CardLibrary) -> None:
    card = library.method("stinet")
    assert Overrides.parse([]).apply(card) is card


@pytest.mark.parametrize("text", ["options.window", "=4", "options..window=4", ".window=4", ""])
def test_an_assignment_has_a_key_and_a_value(text: str) -> None:
    with pytest.raises(UsageError, match="--set wants KEY=VALUE"):
        Overrides.parse([text])


def test_a_card_alone_is_no_key() -> None:
    with pytest.raises(UsageError, match="names no key of the protocol card"):
        Overrides.parse(["protocol=tmnet"])


@pytest.mark.parametrize(
    ("card", "text", "words"),
    [
        ("method", "optoins.window=4", "unknown key 'optoins'. Did you mean 'options'?"),
        ("method", "title=5", "title: Input should be a valid string (given: 5)"),
        ("method", "options.window=[1]", "options.window: should be true or false, a number or text"),
        ("method", "weights.authors.file=../x", "weights.authors.file: must be a path inside its own folder"),
        ("protocol", "protocol.boder=8", "unknown key 'boder'. Did you mean 'border'?"),
        ("protocol", "protocol.border=-1", "border: Input should be greater than or equal to 0"),
        ("protocol", "protocol.border=wide", "border: Input should be a valid integer"),
        ("dataset", "dataset.layout=flat", "layout: Input should be 'clip-folders'"),
    ],
)
def test_what_does_not_fit_is_told(library: CardLibrary, card: str, text: str, words: str) -> None:
    over = Overrides.parse([text])
    with pytest.raises(CardError, match="--set on") as caught:
        if card == "method":
            over.apply(library.method("stinet"))
        elif card == "protocol":
            over.apply(library.protocol("tmnet"))
        else:
            over.apply(library.dataset("vid4"))
    assert words in caught.value.found


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("name=mine", "name"),
        ("extends=tmnet", "extends"),
        ("network=tmnet", "network"),
        ("family=baseline", "family"),
        ("interpolation.network=dain", "interpolation.network"),
        ("super_resolution.network=edvr", "super_resolution.network"),
    ],
)
def test_what_a_card_is_stays(library: CardLibrary, text: str, key: str) -> None:
    with pytest.raises(UsageError, match="cannot change what 'abme\\+etdm' is") as caught:
        Overrides.parse([text]).apply(library.method("abme+etdm"))
    assert caught.value.found == key
