"""Every card that is shipped: it loads, says what it must, and stands for the rows that the paper prints."""

from collections import Counter
from pathlib import Path

import pytest

from harness.cards import CardLibrary, DatasetCard, MethodCard, PaperRow, ProtocolCard
from harness.cards.library import read_toml, shipped_folder
from harness.records.reported import load_reported
from harness.upscalers.registry import networks, typed_options

LIBRARY = CardLibrary()
METHODS = LIBRARY.names(MethodCard)
VARIANTS = [name for name in METHODS if "extends" in read_toml(LIBRARY.path(MethodCard, name))]
STAGES = ("interpolator", "super-resolver")


@pytest.mark.parametrize("name", METHODS)
def test_every_method_loads_in_its_family_folder(name: str) -> None:
    card, folder = LIBRARY.method(name), LIBRARY.path(MethodCard, name).parent.name
    assert card.title
    folders = {"baseline": {"baselines"}, "two-stage": {"two-stage"}, "ablation": {"stinet", "tmnet"}}
    folders |= {"one-stage": {"one-stage", "stinet"}, "interpolator": {"interpolators"}}
    assert folder in {**folders, "super-resolver": {"super-resolvers"}}[card.family]


@pytest.mark.parametrize("name", LIBRARY.names(DatasetCard))
def test_every_dataset_loads_with_its_manifest_and_protocol(name: str) -> None:
    card = LIBRARY.dataset(name)
    assert LIBRARY.protocol(card.protocol).name == card.protocol
    assert LIBRARY.manifest(card) is not None


@pytest.mark.parametrize("name", LIBRARY.names(ProtocolCard))
def test_every_protocol_loads_and_signs(name: str) -> None:
    assert LIBRARY.protocol(name).signature(rate=2, scale=4).startswith(f"protocol:{name}.v")


def test_nothing_but_cards_lies_among_the_methods() -> None:
    files = [path for path in shipped_folder("methods").rglob("*") if path.is_file()]
    assert sorted(path.stem for path in files if path.suffix == ".toml") == METHODS
    assert len(files) == len(METHODS)


# -- the paper's rows


def claimed() -> Counter[tuple[str, int, int, str]]:
    """(table, row, rate, method) as the cards say."""
    cards = [LIBRARY.method(name) for name in METHODS]
    return Counter((row.table, row.row, row.rate, card.name) for card in cards for row in card.rows)


def test_every_printed_row_is_claimed_by_the_card_of_its_name_and_no_other() -> None:
    printed = {(line.table, line.row, line.rate, line.method) for line in load_reported()}
    assert claimed() == Counter(printed)


def test_the_paper_compares_forty_two_methods() -> None:
    assert len({method for *_, method in claimed()}) == 42


def test_a_card_has_the_title_that_the_paper_prints() -> None:
    printed = {line.method: line.name for line in load_reported() if line.table in ("I", "III", "IV", "V", "VI")}
    same = {name: LIBRARY.method(name).title for name in printed if name != "stinet"}
    assert same == {
        name: text.replace("{", "").replace("}", "") for name, text in printed.items() if name != "stinet"
    }


def test_baselines_stages_and_the_release_stand_for_no_row() -> None:
    without = {name for name in METHODS if not LIBRARY.method(name).rows}
    stages = {name for name in METHODS if LIBRARY.method(name).family in STAGES}
    released = {"stinet-official", "stinet-s", "rstt-m", "rstt-s"}
    assert without - stages == {"bicubic", "nearest+bicubic", "farneback+bicubic", *released}


# -- options, variants


@pytest.mark.parametrize("name", METHODS)
def test_options_fit_every_network_that_is_here(name: str) -> None:
    card, known = LIBRARY.method(name), networks()
    parts = [(stage.network, stage.options) for stage in (card.interpolation, card.super_resolution) if stage]
    for network, options in parts or [(card.networks[0], card.options)]:
        if network in known:
            assert typed_options(network, options).model_dump().keys() >= options.keys()


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_changes_options_that_its_base_has(name: str) -> None:
    card = LIBRARY.method(name)
    assert card.extends is not None
    base = LIBRARY.method(card.extends)
    assert (card.network, card.licence, card.citation, card.recipe) == (
        base.network,
        base.licence,
        base.citation,
        base.recipe,
    )
    assert card.options.keys() - base.options.keys() <= {"window"}
    assert card.training.keys() == base.training.keys()
    for mine, theirs in ((card.options, base.options), (card.training, base.training)):
        assert all(type(value) is type(theirs[key]) for key, value in mine.items() if key in theirs)


def test_variants_differ_from_their_base_and_from_each_other() -> None:
    for base in {card.extends for card in map(LIBRARY.method, VARIANTS)}:
        assert base is not None
        family = [base, *(name for name in VARIANTS if LIBRARY.method(name).extends == base)]
        cards = [LIBRARY.method(name) for name in family]
        settings = [(sorted(card.options.items()), sorted(card.training.items())) for card in cards]
        assert all(settings.count(setting) == 1 for setting in settings), family


@pytest.mark.parametrize(
    ("name", "options", "training"),
    [
        ("stinet-wo-hr", {"hr_features": False}, {}),
        ("stinet-wo-lr", {"lr_features": False}, {}),
        ("stinet-wo-stlr", {"local_refinement": False}, {}),
        ("stinet-wo-stgr", {"global_refinement": "none"}, {}),
        ("stinet-wo-mcl", {}, {"lambda_mcl": 0.0}),
        ("stinet-stlr-wo-sh", {"local_offsets": "lr", "local_interaction": "none"}, {}),
        ("stinet-stgr-wo-et", {"graph_temporal_closeness": False}, {}),
        ("stinet-mcl-rel-sc", {}, {"mcl_relative": "exact"}),
        ("tmnet-w-stgr", {"global_refinement": "graph"}, {}),
        ("tmnet-w-mcl", {}, {"lambda_mcl": 0.1}),
    ],
)
def test_a_row_is_the_change_that_the_paper_names(
    name: str, options: dict[str, object], training: dict[str, object]
) -> None:
    card = LIBRARY.method(name)
    assert card.extends is not None
    base = LIBRARY.method(card.extends)
    assert {key: value for key, value in card.options.items() if base.options[key] != value} == options
    assert {key: value for key, value in card.training.items() if base.training[key] != value} == training


# -- where they come from


@pytest.mark.parametrize("name", METHODS)
def test_every_method_but_plain_interpolation_is_cited(name: str) -> None:
    card = LIBRARY.method(name)
    wanted = {"bicubic": 0, "nearest+bicubic": 0}.get(name, 1)
    if card.family == "two-stage" and "bicubic" not in card.networks:
        wanted = 2
    assert len(card.citation) == wanted
    assert all(1990 < entry.year <= 2023 and entry.authors and entry.title for entry in card.citation)


@pytest.mark.parametrize("name", [name for name in METHODS if LIBRARY.method(name).network is not None])
def test_every_network_has_a_licence_in_words(name: str) -> None:
    assert LIBRARY.method(name).licence


def test_weights_lie_in_a_folder_of_their_network_each_in_its_own_file() -> None:
    files = [(card.network, weights) for card in map(LIBRARY.method, METHODS) for weights in card.weights.values()]
    assert len({weights.file for _, weights in files}) == len(files)
    for network, weights in files:
        assert Path(weights.file).parts[0] == network
        assert weights.source
        assert weights.licence


def test_davsr_says_that_its_row_cannot_be_traced() -> None:
    card = LIBRARY.method("davsr")
    text = " ".join(card.notes)
    assert not card.weights
    assert "neither weights" in text
    assert "cannot be traced" in text


@pytest.mark.parametrize("name", ["ttvsr", "etdm", "bmbc+ttvsr", "abme+etdm"])
def test_weights_for_another_degradation_are_noted(name: str) -> None:
    assert any("Gaussian blur" in note for note in LIBRARY.method(name).notes)


def test_rates_four_and_six_belong_to_the_two_that_can() -> None:
    rates = {name: {row.rate for row in LIBRARY.method(name).rows} for name in METHODS}
    assert {name for name, found in rates.items() if found & {4, 6}} == {"stinet", "tmnet"}
    assert PaperRow(table="II", row=4, rate=6) in LIBRARY.method("stinet").rows
