"""Ready, lacks weights, or lacks its network: told before anything is built."""

from pathlib import Path

import pytest

from harness.cards import CardLibrary, MethodCard
from harness.cards.library import validate
from harness.cards.weights import weights_folder
from harness.upscalers import registry
from harness.upscalers.readiness import readiness
from harness.upscalers.registry import NetworkEntry

LIBRARY = CardLibrary()


@pytest.fixture
def learned(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that has learned networks: one for space and time, one of each stage."""
    for name, kind in (("stinet", "space-time"), ("sepconv", "interpolator"), ("edvr", "super-resolver")):
        entry = NetworkEntry(kind, "nowhere:Nothing", learned=True)  # type: ignore[arg-type]
        monkeypatch.setitem(registry._NETWORKS, name, entry)


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that has only the plain networks."""
    plain = {name: entry for name, entry in registry._NETWORKS.items() if not entry.learned}
    monkeypatch.setattr(registry, "_NETWORKS", plain)


def put(folder: Path, *files: str) -> None:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()


@pytest.mark.parametrize("name", ["bicubic", "nearest+bicubic", "farneback+bicubic", "blend+bicubic"])
def test_the_baselines_are_always_ready(name: str, tmp_path: Path) -> None:
    found = readiness(LIBRARY.method(name), LIBRARY, tmp_path)
    assert (found.status, found.reason, found.lacks) == ("ready", "needs no weights", ())


@pytest.mark.usefixtures("without")
@pytest.mark.parametrize(
    ("name", "lacks"),
    [("stinet", ("stinet",)), ("abme+etdm", ("abme", "etdm")), ("sepconv+bicubic", ("sepconv",))],
)
def test_networks_that_are_not_here_are_named(name: str, lacks: tuple[str, ...], tmp_path: Path) -> None:
    found = readiness(LIBRARY.method(name), LIBRARY, tmp_path)
    assert (found.status, found.lacks) == ("lacks its network", lacks)
    assert all(network in found.reason for network in lacks)


@pytest.mark.usefixtures("learned")
def test_missing_weights_are_named_with_where_to_get_them(tmp_path: Path) -> None:
    found = readiness(LIBRARY.method("stinet-official"), LIBRARY, tmp_path)
    assert (found.status, found.lacks) == ("lacks weights", ("stinet",))
    assert str(tmp_path / "stinet" / "stinet.pth") in found.reason
    assert "Google Drive" in found.reason


@pytest.mark.usefixtures("learned")
def test_a_card_without_weights_is_to_be_trained(tmp_path: Path) -> None:
    found = readiness(LIBRARY.method("stinet-wo-hr"), LIBRARY, tmp_path)
    assert found.status == "lacks weights"
    assert "train it" in found.reason


@pytest.mark.usefixtures("learned")
def test_weights_that_are_here_make_it_ready(tmp_path: Path) -> None:
    put(tmp_path, "stinet/stinet.pth")
    found = readiness(LIBRARY.method("stinet-official"), LIBRARY, tmp_path)
    assert (found.status, found.reason) == ("ready", "weights here: stinet@authors")


@pytest.mark.usefixtures("learned")
def test_a_pair_needs_the_weights_of_both_stages(tmp_path: Path) -> None:
    card = LIBRARY.method("sepconv+edvr")
    (first, *_), (second, *_) = (tuple(LIBRARY.method(name).weights.values()) for name in ("sepconv", "edvr"))
    before = readiness(card, LIBRARY, tmp_path)
    assert before.lacks == ("sepconv", "edvr")
    assert first.file in before.reason
    assert second.file in before.reason
    put(tmp_path, second.file)
    assert readiness(card, LIBRARY, tmp_path).lacks == ("sepconv",)
    put(tmp_path, first.file)
    assert readiness(card, LIBRARY, tmp_path).status == "ready"


@pytest.mark.usefixtures("learned")
def test_a_pair_with_a_plain_stage_needs_the_other_alone(tmp_path: Path) -> None:
    put(tmp_path, "sepconv/network-lf.pytorch")
    found = readiness(LIBRARY.method("sepconv+bicubic"), LIBRARY, tmp_path)
    assert (found.status, found.reason) == ("ready", "weights here: sepconv@lf")


@pytest.mark.usefixtures("learned")
def test_a_pair_that_no_library_completed_finds_its_weights(tmp_path: Path) -> None:
    """A card as it stands in its file, before the cards of its stages were asked."""
    bare = LIBRARY.load(MethodCard, "sepconv+edvr")
    assert bare.interpolation is not None
    assert not bare.interpolation.weights
    assert "network-l1.pytorch" in readiness(bare, LIBRARY, tmp_path).reason


@pytest.mark.usefixtures("learned")
def test_a_folder_is_no_weights_file(tmp_path: Path) -> None:
    (tmp_path / "stinet" / "stinet.pth").mkdir(parents=True)
    assert readiness(LIBRARY.method("stinet-official"), LIBRARY, tmp_path).status == "lacks weights"


@pytest.mark.usefixtures("learned")
def test_the_folder_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_WEIGHTS", raising=False)
    assert weights_folder() == Path("weights")
    monkeypatch.setenv("HARNESS_WEIGHTS", str(tmp_path))
    assert weights_folder() == tmp_path
    assert weights_folder(Path("mine")) == Path("mine")
    put(tmp_path, "stinet/stinet.pth")
    assert readiness(LIBRARY.method("stinet-official"), LIBRARY).status == "ready"


def test_a_network_from_a_plugin_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = {"name": "mine", "title": "Mine", "family": "one-stage", "network": "mine"}
    card = validate(MethodCard, raw, origin="mine")
    assert readiness(card, LIBRARY, tmp_path).status == "lacks its network"
    monkeypatch.setitem(registry._NETWORKS, "mine", NetworkEntry("space-time", "mine:Mine"))
    assert readiness(card, LIBRARY, tmp_path).status == "ready"
