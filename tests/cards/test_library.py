"""Finding cards: `extends`, user folders, composition by name, and what is refused."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cards import CardLibrary, DatasetCard, MethodCard, card_folders
from harness.cards.library import shipped_folder
from harness.errors import CardError

Write = Callable[[str, str], Path]

BASE = """
title = "Base"
summary = "The base."
family = "one-stage"
network = "mine"
licence = "MIT"
notes = ["of the base"]
rows = [{ table = "I", row = 1 }]

[options]
width = 64
share = true

[training]
lambda_mcl = 0.1

[weights.authors]
file = "base.pth"
source = "the moon"
licence = "MIT"
"""


def test_a_variant_changes_what_it_says_and_nothing_else(write: Write, library: CardLibrary) -> None:
    write("methods/base.toml", BASE)
    write("methods/deep/variant.toml", 'extends = "base"\ntitle = "Variant"\n[options]\nshare = false\n')
    card = library.method("variant")
    assert card.options == {"width": 64, "share": False}
    assert card.training == {"lambda_mcl": 0.1}
    assert (card.name, card.title, card.network, card.licence) == ("variant", "Variant", "mine", "MIT")


def test_a_variant_takes_neither_rows_nor_weights_of_its_parent(write: Write, library: CardLibrary) -> None:
    """Other options are another row of the table, and weights that may not fit."""
    write("methods/base.toml", BASE)
    write("methods/variant.toml", 'extends = "base"\n')
    card = library.method("variant")
    assert (card.rows, card.weights, card.notes, card.summary) == ((), {}, (), "")


def test_extends_reaches_through_generations(write: Write, library: CardLibrary) -> None:
    write("methods/base.toml", BASE)
    write("methods/child.toml", 'extends = "base"\n[options]\nwidth = 32\n')
    write("methods/grandchild.toml", 'extends = "child"\n[options]\ndepth = 3\n')
    assert library.method("grandchild").options == {"width": 32, "share": True, "depth": 3}


def test_a_user_card_extends_a_shipped_one(write: Write, library: CardLibrary) -> None:
    write("methods/mine.toml", 'extends = "stinet"\ntitle = "Mine"\n[options]\nhr_features = false\n')
    assert library.method("mine").options == library.method("stinet-wo-hr").options


def test_extends_works_for_datasets_and_protocols(write: Write, library: CardLibrary) -> None:
    write("datasets/mine.toml", 'extends = "vid4"\ntitle = "Mine"\nfolders = ["Mine"]\nmanifest = "mine.json"\n')
    write("datasets/mine.json", '{"default": {"frames": 7}, "clips": {"a": {}}}')
    write("datasets/protocols/cropped.toml", 'extends = "tmnet"\nborder = 8\n')
    assert library.dataset("mine").layout == library.dataset("vid4").layout
    assert library.manifest(library.dataset("mine")).default.frames == 7
    assert library.protocol("cropped").border == 8
    assert library.protocol("cropped").windows == library.protocol("tmnet").windows


@pytest.mark.parametrize("circle", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_a_circle_is_refused_and_shown(write: Write, library: CardLibrary, circle: list[str]) -> None:
    for name, parent in zip(circle, [*circle[1:], circle[0]], strict=True):
        write(f"methods/{name}.toml", f'extends = "{parent}"\n')
    with pytest.raises(CardError, match="Card 'a' extends itself") as caught:
        library.method("a")
    assert caught.value.found == " -> ".join([*circle, "a"])


def test_a_circle_further_up_is_told_of_the_one_in_it(write: Write, library: CardLibrary) -> None:
    write("methods/outside.toml", 'extends = "one"\n')
    write("methods/one.toml", 'extends = "two"\n')
    write("methods/two.toml", 'extends = "one"\n')
    with pytest.raises(CardError, match="Card 'one' extends itself"):
        library.method("outside")


def test_an_unknown_parent_is_answered_with_the_closest_name(write: Write, library: CardLibrary) -> None:
    write("methods/mine.toml", 'extends = "stinte"\n')
    with pytest.raises(CardError, match="`extends` must name a method card") as caught:
        library.method("mine")
    assert "'stinet'" in caught.value.todo


@pytest.mark.parametrize("parent", ["3", '["stinet"]', '"vid4"'])
def test_a_parent_must_be_a_card_of_the_same_kind(write: Write, library: CardLibrary, parent: str) -> None:
    write("methods/mine.toml", f"extends = {parent}\n")
    with pytest.raises(CardError, match="`extends` must name a method card"):
        library.method("mine")


def test_a_mistake_in_the_parent_is_told_of_the_parent(write: Write, library: CardLibrary) -> None:
    write("methods/base.toml", BASE.replace("licence", "license", 1))
    write("methods/variant.toml", 'extends = "base"\n')
    with pytest.raises(CardError, match=r"base\.toml is not valid") as caught:
        library.method("variant")
    assert "unknown key 'license'. Did you mean 'licence'?" in caught.value.found


def test_a_card_is_named_by_its_file(write: Write, library: CardLibrary) -> None:
    write("methods/mine.toml", 'name = "other"\n' + BASE)
    with pytest.raises(CardError, match="named by its file"):
        library.method("mine")


@pytest.mark.parametrize("stem", ["Mine", "my card", "-mine"])
def test_a_name_is_the_same_on_every_file_system(write: Write, library: CardLibrary, stem: str) -> None:
    write(f"methods/{stem}.toml", BASE)
    with pytest.raises(CardError, match="name: String should match pattern"):
        library.method(stem)


@pytest.mark.parametrize(
    ("text", "place"),
    [("title = 'x'\nfamily = = 'y'\n", "line 2, column 10"), ("title = 'x'\n\n[options\n", "line 3, column 9")],
)
def test_broken_toml_is_told_by_line_and_column(write: Write, library: CardLibrary, text: str, place: str) -> None:
    path = write("methods/mine.toml", text)
    with pytest.raises(CardError, match="cannot be read") as caught:
        library.method("mine")
    assert place in caught.value.found
    assert str(path) in caught.value.what


def test_a_card_that_is_not_text_is_told(write: Write, library: CardLibrary) -> None:
    write("methods/mine.toml", "").write_bytes(b'title = "\xff\xfe"\n')
    with pytest.raises(CardError, match=r"mine\.toml cannot be read"):
        library.method("mine")


@pytest.mark.parametrize(
    ("wanted", "closest"), [("stinte", "stinet"), ("Bicubic", "bicubic"), ("zooming-slomo", "zooming-slow-mo")]
)
def test_an_unknown_method_is_answered_with_the_closest_names(wanted: str, closest: str) -> None:
    with pytest.raises(CardError, match=f"Unknown method '{wanted}'") as caught:
        CardLibrary().method(wanted)
    assert f"'{closest}'" in caught.value.todo


def test_an_unknown_dataset_and_protocol_too(library: CardLibrary) -> None:
    with pytest.raises(CardError, match="Unknown dataset 'vimeo-fats'") as caught:
        library.dataset("vimeo-fats")
    assert "'vimeo-fast'" in caught.value.todo
    with pytest.raises(CardError, match="Unknown protocol 'tmnte'") as caught:
        library.protocol("tmnte")
    assert "'tmnet'" in caught.value.todo


# -- folders of the user


def test_folders_come_from_the_flag_and_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [tmp_path / name for name in ("flag", "first", "second")]
    for number, folder in enumerate(folders):
        (folder / "methods").mkdir(parents=True)
        (folder / "methods" / f"mine-{number}.toml").write_text(BASE, encoding="utf-8")
    monkeypatch.setenv("HARNESS_CARDS", os.pathsep.join(map(str, [*folders[1:], folders[0]])))
    found = card_folders([folders[0]])
    assert found == tuple(folders), "in order, and a folder that is named twice counts once"
    assert {"mine-0", "mine-1", "mine-2", "stinet"} <= set(CardLibrary(found).names(MethodCard))


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="card folder") as caught:
        card_folders([tmp_path / "nowhere"])
    assert "no such folder" in caught.value.found


def test_a_user_card_may_not_replace_a_shipped_one(write: Write, library: CardLibrary) -> None:
    write("methods/stinet.toml", BASE)
    with pytest.raises(CardError, match="cannot be used") as caught:
        library.method("bicubic")
    assert str(shipped_folder("methods") / "stinet" / "stinet.toml") in caught.value.found


def test_two_cards_of_one_name_in_two_folders_are_refused(write: Write, library: CardLibrary) -> None:
    write("methods/one/mine.toml", BASE)
    write("methods/two/mine.toml", BASE)
    with pytest.raises(CardError, match="cannot be used"):
        library.names(MethodCard)


def test_a_method_and_a_dataset_may_share_a_name(write: Write, library: CardLibrary) -> None:
    write("methods/vid4.toml", BASE)
    assert library.method("vid4").title == "Base"
    assert library.dataset("vid4").title == "Vid4"


# -- cards from elsewhere never read outside their folder


@pytest.mark.parametrize(
    "name", ["../secret.json", "/etc/secret.json", "a/../../secret.json", "c:secret", "a\\b", ""]
)
def test_a_manifest_lies_beside_its_card(write: Write, library: CardLibrary, name: str) -> None:
    write("datasets/mine.toml", f'extends = "vid4"\nmanifest = {json.dumps(name)}\n')
    with pytest.raises(CardError, match="manifest: must be a path inside its own folder"):
        library.dataset("mine")


def test_a_manifest_is_no_link_out_of_its_folder(write: Write, library: CardLibrary, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text("{}", encoding="utf-8")
    write("datasets/mine.toml", 'extends = "vid4"\nmanifest = "link.json"\n').with_name("link.json").symlink_to(
        secret
    )
    with pytest.raises(CardError, match="must lie beside the card"):
        library.manifest(library.dataset("mine"))


@pytest.mark.parametrize("text", ["", "{", '{"clips": []}', '{"clip": {}}'])
def test_a_broken_manifest_is_told(write: Write, library: CardLibrary, text: str) -> None:
    write("datasets/mine.toml", 'extends = "vid4"\nmanifest = "mine.json"\n')
    path = write("datasets/mine.json", text)
    with pytest.raises(CardError) as caught:
        library.manifest(library.dataset("mine"))
    assert str(path) in caught.value.what


@pytest.mark.parametrize("file", ["../../etc/passwd", "/etc/passwd", "a/../../b", "\\\\host\\share", "nul\u0000"])
def test_weights_lie_in_the_weights_folder(write: Write, library: CardLibrary, file: str) -> None:
    write("methods/mine.toml", BASE.replace('"base.pth"', json.dumps(file)))
    with pytest.raises(CardError, match=r"weights\.authors\.file: must be a path inside its own folder"):
        library.method("mine")


def test_a_card_is_no_link_out_of_the_folder(write: Write, library: CardLibrary, tmp_path: Path) -> None:
    outside = tmp_path / "outside.toml"
    outside.write_text(BASE, encoding="utf-8")
    write("methods/mine.toml", BASE).with_name("link.toml").symlink_to(outside)
    with pytest.raises(CardError, match="cannot be used") as caught:
        library.method("mine")
    assert caught.value.found == "a link out of its folder"


def test_the_cards_are_no_link_out_of_the_folder(user: Path, library: CardLibrary, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine.toml").write_text(BASE, encoding="utf-8")
    (user / "methods").symlink_to(outside)
    with pytest.raises(CardError, match="cannot be used") as caught:
        library.method("mine")
    assert caught.value.found == "a link out of its folder"


def test_the_folder_itself_may_be_a_link(write: Write, user: Path, tmp_path: Path) -> None:
    write("methods/mine.toml", BASE)
    (tmp_path / "link").symlink_to(user)
    assert CardLibrary((tmp_path / "link",)).method("mine").title == "Base"


# -- two stages


def test_any_interpolator_goes_with_any_super_resolver_by_name(library: CardLibrary) -> None:
    card = library.method("farneback+edvr")
    assert (card.family, card.networks) == ("two-stage", ("farneback", "edvr"))
    assert card.super_resolution is not None
    assert card.super_resolution.weights == library.method("edvr").weights
    assert card.citation == library.method("edvr").citation


def test_a_composed_pair_equals_the_card_that_was_written_down(library: CardLibrary) -> None:
    written, composed = library.method("abme+etdm"), library.method("abme+edvr")
    assert written.interpolation == composed.interpolation
    assert written.title == "ABME+ETDM"


def test_a_stage_takes_network_options_and_weights_of_its_own_card(write: Write, library: CardLibrary) -> None:
    stage = BASE.replace('"one-stage"', '"super-resolver"').replace('"mine"', '"edvr"')
    write("methods/my-edvr.toml", stage)
    write(
        "methods/pair.toml",
        'title = "Pair"\nfamily = "two-stage"\nnotes = ["of the pair"]\n[interpolation]\nnetwork = "blend"\n'
        '[super_resolution]\nnetwork = "my-edvr"\noptions = { width = 32 }\n',
    )
    for card in (library.method("pair"), library.method("blend+my-edvr")):
        assert card.super_resolution is not None
        assert card.super_resolution.network == "edvr"
        assert card.super_resolution.weights["authors"].file == "base.pth"
    pair = library.method("pair").super_resolution
    assert pair is not None
    assert pair.options == {"width": 32, "share": True}, "what the pair says itself counts"
    assert library.method("pair").notes == ("of the pair", "of the base")


def test_weights_of_a_stage_replace_those_of_its_card(write: Write, library: CardLibrary) -> None:
    write(
        "methods/pair.toml",
        'title = "Pair"\nfamily = "two-stage"\n[interpolation]\nnetwork = "sepconv"\n[super_resolution]\n'
        'network = "edvr"\n[super_resolution.weights.mine]\nfile = "mine.pth"\nsource = "me"\nlicence = "MIT"\n',
    )
    card = library.method("pair")
    assert card.super_resolution is not None
    assert card.interpolation is not None
    assert list(card.super_resolution.weights) == ["mine"]
    assert list(card.interpolation.weights) == ["l1", "lf"]


@pytest.mark.parametrize(("name", "wrong"), [("sepconv+dain", "dain"), ("etdm+abme", "etdm")])
def test_a_stage_in_the_other_role_is_refused(library: CardLibrary, name: str, wrong: str) -> None:
    with pytest.raises(CardError, match=f"'{wrong}' cannot be the"):
        library.method(name)


@pytest.mark.parametrize("name", ["abme+", "+edvr", "abme+EDVR"])
def test_half_a_pair_is_refused(library: CardLibrary, name: str) -> None:
    with pytest.raises(CardError, match="is not valid"):
        library.method(name)


def test_three_stages_are_no_method(library: CardLibrary) -> None:
    with pytest.raises(CardError, match="Unknown method"):
        library.method("a+b+c")


@pytest.mark.parametrize(
    "text",
    [
        'title = "x"\nfamily = "two-stage"\n[interpolation]\nnetwork = "blend"\n',
        'title = "x"\nfamily = "one-stage"\n',
        'title = "x"\nfamily = "two-stage"\nnetwork = "mine"\n[interpolation]\nnetwork = "blend"\n'
        '[super_resolution]\nnetwork = "bicubic"\n',
    ],
)
def test_a_method_is_one_network_or_two_stages(write: Write, library: CardLibrary, text: str) -> None:
    write("methods/mine.toml", text)
    with pytest.raises(CardError, match="name either one `network`, or both"):
        library.method("mine")


def test_in_a_wheel_the_cards_lie_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shipped" / "methods").mkdir(parents=True)
    monkeypatch.setattr("harness.cards.library._PACKAGE", tmp_path)
    assert shipped_folder("methods") == tmp_path / "shipped" / "methods"
    assert shipped_folder("reported") == tmp_path.parent / "results" / "reported"


def test_a_card_is_read_once(write: Write, library: CardLibrary) -> None:
    path = write("datasets/mine.toml", 'extends = "vid4"\n')
    first = library.dataset("mine")
    path.unlink()
    assert library.load(DatasetCard, "mine") is first
