"""Published weights on their way into the weights folder: what is taken, what is refused, and that nothing is run."""

import hashlib
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from typer.testing import CliRunner

from harness.cards.library import CardLibrary
from harness.cards.method import MethodCard, WeightsFile
from harness.cli.main import app
from harness.errors import DataError, UsageError
from harness.networks.parity.golden import Golden
from harness.networks.zooming_slow_mo.build import build_zooming_slow_mo
from harness.upscalers.adding import add_weights
from harness.upscalers.build import build_upscaler
from harness.upscalers.weights import KEY_MAPS, origin_of

GOLDEN = Path("tests/references/zooming-slow-mo.json")


@pytest.fixture(scope="module")
def published() -> dict[str, Tensor]:
    """The authors' names and shapes, with the numbers of the parity rule."""
    return Golden.read(GOLDEN).weights("public")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "weights"
    monkeypatch.setenv("HARNESS_WEIGHTS", str(folder))
    return folder


def saved(state: object, path: Path) -> Path:
    torch.save(state, path)
    return path


def add(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["weights", "add", *map(str, words)])
    return result.exit_code, " ".join(result.output.split())


def card(**weights: str) -> MethodCard:
    """Zooming Slow-Mo's, with other statements about its file."""
    whole = {
        "file": "zsm/published.pth",
        "source": "somewhere",
        "licence": "MIT",
        "key_map": "zooming-slow-mo-release",
    }
    file = WeightsFile.model_validate(whole | weights)
    return CardLibrary().method("zooming-slow-mo").model_copy(update={"weights": {"authors": file}})


def test_a_published_file_becomes_tensors_under_our_names(
    tmp_path: Path, folder: Path, published: dict[str, Tensor]
) -> None:
    path = saved({"module." + key: value for key, value in published.items()}, tmp_path / "any-name.pth")
    code, output = add(path, "--method", "zooming-slow-mo", "--unverified")
    assert code == 0, output
    assert "11,102,771 numbers" in output and "zooming-slow-mo-release" in output and "GPL-3.0" in output
    kept = folder / "zooming-slow-mo" / "xiang2020zooming.safetensors"
    assert load_file(kept).keys() == build_zooming_slow_mo().state_dict().keys()
    origin = origin_of(kept)
    assert origin is not None and origin.files == {"any-name.pth": hashlib.sha256(path.read_bytes()).hexdigest()}
    library = CardLibrary()
    built = build_upscaler(library.method("zooming-slow-mo"), library)
    assert not built.untrained
    loaded = built.upscaler.trained.state_dict()["tail.8.bias"]
    assert torch.equal(loaded, published["conv_last.bias"])


def test_the_same_file_gives_the_same_bytes(tmp_path: Path, folder: Path, published: dict[str, Tensor]) -> None:
    path = saved(published, tmp_path / "a.pth")
    made = []
    for _ in range(2):
        assert add(path, "--method", "zooming-slow-mo", "--unverified")[0] == 0
        made.append((folder / "zooming-slow-mo" / "xiang2020zooming.safetensors").read_bytes())
    assert made[0] == made[1]


def test_other_bytes_than_the_cards_are_refused(tmp_path: Path, folder: Path, published: dict[str, Tensor]) -> None:
    code, output = add(saved(published, tmp_path / "a.pth"), "--method", "zooming-slow-mo")
    assert code == 2
    assert "git blob" in output and "--unverified" in output
    assert not folder.exists()


@pytest.mark.parametrize("kind", ["sha256", "git_blob"])
def test_the_cards_bytes_are_proven(tmp_path: Path, published: dict[str, Tensor], kind: str) -> None:
    path = saved(published, tmp_path / "a.pth")
    content = path.read_bytes()
    digests = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "git_blob": hashlib.sha1(f"blob {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest(),
    }
    stated = card(**{kind: digests[kind]})
    added = add_weights([path], stated, build_zooming_slow_mo(), tag=None, folder=tmp_path / "w")
    assert "published bytes" in added.proof
    library = CardLibrary()
    built = build_upscaler(
        stated, library, folder=tmp_path / "w"
    )  # a card with a hash takes what was made of that file
    assert built.weights[0].sha256 == hashlib.sha256(added.path.read_bytes()).hexdigest()
    with pytest.raises(DataError, match="not the file"):
        build_upscaler(card(sha256="0" * 64), library, folder=tmp_path / "w")


def test_a_wrong_shape_is_named(tmp_path: Path, folder: Path, published: dict[str, Tensor]) -> None:
    other = published | {"conv_first.weight": torch.ones(32, 3, 3, 3)}
    code, output = add(saved(other, tmp_path / "a.pth"), "--method", "zooming-slow-mo", "--unverified")
    assert code == 2
    assert "features.0.weight should be (64, 3, 3, 3) and is (32, 3, 3, 3)" in output
    assert not folder.exists()


def test_a_missing_and_a_foreign_tensor_are_named(tmp_path: Path, folder: Path, published: dict[str, Tensor]) -> None:
    lacking = {key: value for key, value in published.items() if key != "conv_last.bias"}
    code, output = add(saved(lacking, tmp_path / "a.pth"), "--method", "zooming-slow-mo", "--unverified")
    assert code == 2 and "tail.8.bias is missing" in output
    code, output = add(saved({"a.b": torch.ones(1)}, tmp_path / "b.pth"), "--method", "zooming-slow-mo")
    assert code == 2 and "should fit" in output
    assert not folder.exists()


def test_another_methods_file_is_recognised_as_that(
    tmp_path: Path, folder: Path, published: dict[str, Tensor]
) -> None:
    code, output = add(saved(published, tmp_path / "a.pth"), "--method", "rstt-s", "--unverified")
    assert code == 2
    assert "zooming-slow-mo-release" in output
    assert not folder.exists()


@pytest.mark.parametrize("kept", [0, 100, 30_000_000])
def test_a_truncated_file_is_refused(tmp_path: Path, folder: Path, published: dict[str, Tensor], kept: int) -> None:
    whole = saved(published, tmp_path / "a.pth").read_bytes()
    assert kept < len(whole)
    (tmp_path / "cut.pth").write_bytes(whole[:kept])
    code, output = add(tmp_path / "cut.pth", "--method", "zooming-slow-mo", "--unverified")
    assert code == 2
    assert "cut.pth" in output and "cannot be" in output
    assert not folder.exists()


class Payload:
    """A pickle that leaves a file behind where it is loaded."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.trace,)


@pytest.mark.parametrize("form", ["torch", "pickle", "legacy", "zip"])
def test_a_pickled_payload_is_never_run(
    tmp_path: Path, folder: Path, published: dict[str, Tensor], form: str
) -> None:
    trace, path = tmp_path / "was-run", tmp_path / "evil.pth"
    state = {"conv_last.bias": published["conv_last.bias"], "x": Payload(trace)}
    if form == "pickle":
        path.write_bytes(pickle.dumps(state))
    else:
        torch.save(state, path, _use_new_zipfile_serialization=form != "legacy")
    if form == "zip":
        with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
            archive.write(path, "xiang2020zooming.pth")
        path = tmp_path / "evil.zip"
    code, output = add(path, "--method", "zooming-slow-mo", "--unverified")
    assert code == 2
    assert ("wants to run" in output or form == "pickle") and "refused on purpose" in output
    assert "weights_only" not in output  # PyTorch's own words say how to run it all the same
    assert not trace.exists() and not folder.exists()


def test_of_an_archive_no_path_is_used(tmp_path: Path, folder: Path, published: dict[str, Tensor]) -> None:
    path = saved(published, tmp_path / "a.pth")
    with zipfile.ZipFile(tmp_path / "models.zip", "w") as archive:
        archive.writestr("../../outside.pth", b"nothing that can be read")
        archive.write(path, "../../models/xiang2020zooming.pth")
        archive.writestr("models/readme.txt", "hello")
    code, output = add(tmp_path / "models.zip", "--method", "zooming-slow-mo", "--unverified")
    assert code == 0, output
    assert not list(tmp_path.parent.glob("**/outside.pth"))
    assert [file.name for file in folder.rglob("*") if file.is_file()] == ["xiang2020zooming.safetensors"]


def test_a_network_in_several_files(
    tmp_path: Path, folder: Path, published: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ABME and BMBC: each part a file, all of them given, or in one archive."""
    from harness.networks.zooming_slow_mo import key_map  # noqa: PLC0415

    parts = {"first.pth": "conv_", "rest.pth": ""}
    monkeypatch.setattr(key_map, "PARTS", parts, raising=False)
    first = {key.removeprefix("conv_"): value for key, value in published.items() if key.startswith("conv_")}
    rest = {key: value for key, value in published.items() if not key.startswith("conv_")}
    files = [saved(first, tmp_path / "first.pth"), saved(rest, tmp_path / "rest.pth")]
    words = ("--method", "zooming-slow-mo", "--unverified")
    code, output = add(files[0], *words)
    assert code == 2 and "no rest.pth" in output
    assert add(*files, *words)[0] == 0
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
        for file in files:
            archive.write(file, f"weights/{file.name}")
    code, output = add(tmp_path / "both.zip", *words, "--replace")
    assert code == 0, output
    assert torch.equal(
        load_file(folder / "zooming-slow-mo" / "xiang2020zooming.safetensors")["tail.8.bias"],
        published["conv_last.bias"],
    )


def test_what_is_there_is_kept_unless_it_is_to_be_replaced(
    tmp_path: Path, folder: Path, published: dict[str, Tensor]
) -> None:
    words = ("--method", "zooming-slow-mo", "--unverified")
    assert add(saved(published, tmp_path / "a.pth"), *words)[0] == 0
    kept = folder / "zooming-slow-mo" / "xiang2020zooming.safetensors"
    before = kept.read_bytes()
    other = saved(published | {"conv_last.bias": torch.ones(3)}, tmp_path / "b.pth")
    code, output = add(other, *words)
    assert code == 2 and "--replace" in output and kept.read_bytes() == before
    assert add(other, *words, "--replace")[0] == 0 and kept.read_bytes() != before


def test_which_of_several_weights_is_asked_for(tmp_path: Path) -> None:
    library = CardLibrary()
    path = saved({"a": torch.ones(1)}, tmp_path / "any.pth")
    module = torch.nn.Linear(1, 1)
    with pytest.raises(UsageError, match="names several weights"):
        add_weights([path], library.method("tmnet"), module, tag=None, folder=tmp_path)
    with pytest.raises(UsageError, match="no weights 'author'"):
        add_weights([path], library.method("tmnet"), module, tag="author", folder=tmp_path)
    with pytest.raises(UsageError, match="names no weights"):
        add_weights([path], library.method("davsr"), module, tag=None, folder=tmp_path)


def test_a_two_stage_method_says_whose_weights(tmp_path: Path) -> None:
    code, output = add(saved({}, tmp_path / "a.pth"), "--method", "farneback+bicubic")
    assert code == 2 and "--method farneback or --method bicubic" in output


def test_every_key_table_can_be_imported() -> None:
    from harness.upscalers.weights import translate  # noqa: PLC0415

    for name in KEY_MAPS:
        with pytest.raises(DataError):
            translate({"no such layer.weight": torch.ones(1)}, name)


def test_the_list_says_what_is_here_and_what_is_not(tmp_path: Path, folder: Path) -> None:
    del folder
    listed = CliRunner().invoke(app, ["weights", "list"]).output
    for word in (
        "zooming-slow-mo@authors",
        "not here",
        "GPL-3.0",
        "tmnet@authors-multi",
        "davsr",
        "none are published",
    ):
        assert word in listed
    assert "here" in next(line for line in listed.splitlines() if "stinet-s@davis" in line)
    missing = CliRunner().invoke(app, ["weights", "list", "--missing", "stinet-s", "tmnet"]).output
    assert "stinet-s@davis" not in missing and "tmnet@authors" in missing
    stages = CliRunner().invoke(app, ["weights", "list", "--json", "dain+edvr"]).output
    assert '"dain@authors"' in stages and '"edvr@authors"' in stages
