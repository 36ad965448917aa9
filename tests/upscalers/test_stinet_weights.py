"""STINet's weights from a file: the authors' checkpoint gives the authors' numbers, every other file is explained."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from harness.cards import CardLibrary, MethodCard, WeightsFile
from harness.cli.main import app
from harness.errors import CardError, DataError, UsageError
from harness.networks.state import sha256_of
from harness.networks.stinet.network import STINet
from harness.upscalers.build import build_upscaler
from harness.upscalers.readiness import readiness
from harness.upscalers.stinet import STINetUpscaler
from tests.networks.clips import distance
from tests.parity.references import REFERENCES, golden

FILE = "stinet/stinet.pth"
LIBRARY = CardLibrary()
OFFICIAL = LIBRARY.method("stinet-official")

State = dict[str, Tensor]


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("code ran",)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / FILE).parent.mkdir()
    return tmp_path


def authors() -> State:
    """Names and shapes of the authors' checkpoint, as DataParallel saves it; all zeros, which take no space."""
    return {f"module.{name}": torch.zeros(()).expand(entry.shape) for name, entry in golden("stinet").entries.items()}


def test_the_authors_checkpoint_gives_the_authors_numbers(folder: Path) -> None:
    state = {f"module.{name}": value for name, value in golden("stinet").weights("public").items()}
    torch.save(state, folder / FILE)
    built = build_upscaler(OFFICIAL, LIBRARY, folder=folder)
    assert isinstance(built.upscaler, STINetUpscaler)
    assert [(weights.tag, weights.sha256) for weights in built.weights] == [("authors", sha256_of(folder / FILE))]
    assert (built.input_frames, built.untrained) == (4, False)
    network: STINet = built.upscaler.network
    with np.load(REFERENCES / "stinet.npz") as stored, torch.inference_mode():
        frames, there, back, expected = (
            torch.from_numpy(stored[name]) for name in ("input", "input_f_flow", "input_b_flow", "h_finalrec")
        )
        assert distance(network(frames, there, back), expected[:, 1]) < 1e-4


def wrong_shape(state: State) -> State:
    name = "module.conv_last.weight"
    return {**state, name: torch.zeros(3, 64, 5, 5)}


def lacks_one(state: State) -> State:
    return {name: value for name, value in state.items() if name != "module.conv_last.bias"}


def lacks_many(state: State) -> State:
    return {name: value for name, value in state.items() if not name.startswith("module.DBPN.")}


def of_another_network(state: State) -> State:
    return {**state, "module.conv_first.weight": torch.zeros(1)}


HEAD = "reconstruction.branches.lr.layers.8"
MISFITS = [
    (wrong_shape, rf"does not fit.*\nFound: {HEAD}\.weight should be \(3, 64, 3, 3\) and is \(3, 64, 5, 5\)\n"),
    (lacks_one, rf"does not fit.*\nFound: {HEAD}\.bias is missing\n"),
    (lacks_many, r"does not fit.*\nFound: (initialisation\.\S+ is missing; ){3}and \d+ more\n"),
]


@pytest.mark.parametrize(("change", "words"), MISFITS, ids=lambda value: getattr(value, "__name__", ""))
def test_what_does_not_fit_is_named(change: Callable[[State], State], words: str, folder: Path) -> None:
    torch.save(change(authors()), folder / FILE)
    with pytest.raises(DataError, match=words) as caught:
        build_upscaler(OFFICIAL, LIBRARY, folder=folder)
    assert str(folder / FILE) in caught.value.what
    assert len(str(caught.value)) < 800


def test_a_foreign_name_is_named_with_its_file(folder: Path) -> None:
    torch.save(of_another_network(authors()), folder / FILE)
    with pytest.raises(DataError, match=r"conv_first\.weight") as caught:
        build_upscaler(OFFICIAL, LIBRARY, folder=folder)
    assert str(folder / FILE) in str(caught.value)


def truncated(path: Path) -> None:
    torch.save(authors(), path)
    path.write_bytes(path.read_bytes()[:-500])


def pickled_code(path: Path) -> None:
    torch.save({"module.conv_last.weight": _Evil()}, path)


def no_tensors(path: Path) -> None:
    torch.save({"state_dict": {"a": 1}}, path)


def misfit(path: Path) -> None:
    torch.save(wrong_shape(authors()), path)


@pytest.mark.parametrize("make", [truncated, pickled_code, no_tensors, misfit, None])
def test_a_bad_file_is_bad_input(
    make: Callable[[Path], None] | None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if make is not None:
        make(folder / FILE)
    monkeypatch.setenv("HARNESS_WEIGHTS", str(folder))
    command = ["run", "--method", "stinet-official", "--dataset", "demo", "--results", str(folder / "results")]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 2
    assert str(folder / FILE) in done.stderr
    assert "Traceback" not in done.stderr
    assert "code ran" not in done.stdout
    assert not (folder / "results").exists()


def test_an_unknown_key_table_gets_close_names(folder: Path) -> None:
    torch.save(authors(), folder / FILE)
    weights = OFFICIAL.weights["authors"].model_copy(update={"key_map": "stinet-relaese"})
    card = OFFICIAL.model_copy(update={"weights": {"authors": weights}})
    with pytest.raises(CardError, match="Did you mean 'stinet-release'"):
        build_upscaler(card, LIBRARY, folder=folder)


# -- none at all


def test_a_method_without_weights_says_how_to_get_them(folder: Path) -> None:
    command = "harness train --method stinet-wo-hr --data DIR --recipe evening"
    card = LIBRARY.method("stinet-wo-hr")
    with pytest.raises(UsageError, match=rf"(?s){command}.*--untrained"):
        build_upscaler(card, LIBRARY, folder=folder)
    assert readiness(card, LIBRARY, folder).reason.endswith(f": train it: {command}")


def test_a_missing_file_has_a_place(folder: Path) -> None:
    with pytest.raises(DataError, match=r"(?s)no such file.*HARNESS_WEIGHTS.*--untrained") as caught:
        build_upscaler(OFFICIAL, LIBRARY, folder=folder)
    assert str(folder / FILE) in caught.value.what
    assert "Google Drive" in caught.value.todo


def test_a_method_without_a_recipe_has_no_command(folder: Path) -> None:
    card: MethodCard = LIBRARY.method("stinet").model_copy(update={"recipe": None})
    with pytest.raises(UsageError, match="train it") as caught:
        build_upscaler(card, LIBRARY, folder=folder)
    assert "harness train" not in str(caught.value)


def test_weights_that_training_has_exported_need_no_table(folder: Path) -> None:
    torch.save(build_upscaler(OFFICIAL, LIBRARY, untrained=True, seed=3).upscaler.trained.state_dict(), folder / FILE)
    ours = WeightsFile(file=FILE, source="harness train", licence="ours")
    built = build_upscaler(OFFICIAL.model_copy(update={"weights": {"ours": ours}}), LIBRARY, folder=folder)
    other = build_upscaler(OFFICIAL, LIBRARY, untrained=True, seed=3)
    pairs = zip(built.upscaler.parameters(), other.upscaler.parameters(), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)
