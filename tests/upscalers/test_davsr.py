"""DAVSR as a method: which of its frames are kept, the rate that it knows, padding, and training's door."""

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from harness.cards import CardLibrary
from harness.cli.main import app
from harness.errors import UsageError
from harness.upscalers.build import build_upscaler
from harness.upscalers.davsr import DAVSRUpscaler
from harness.upscalers.options import DAVSRMethodOptions
from harness.upscalers.weights import KEY_MAPS, recognised
from tests.networks.clips import distance
from tests.parity.references import golden
from tests.upscalers.small_stinet import clip

LIBRARY = CardLibrary()
TOLERANCE = 1e-5
SMALL: dict[str, object] = {
    "channels": 8,
    "feature_blocks": 1,
    "propagation_blocks": 1,
    "iterations": 1,
    "slomo_channels": 2,
}


def small(**options: object) -> DAVSRUpscaler:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return DAVSRUpscaler(DAVSRMethodOptions.model_validate({**SMALL, **options})).eval()


def test_as_published_two_frames_are_dropped_at_either_end() -> None:
    upscaler, frames = small(), clip(2, height=32, width=32)
    with torch.inference_mode():
        made, whole = upscaler(frames, 5), upscaler.network(frames[None])[0]
    assert whole.shape[0] == 10
    assert made.shape == (6, 3, 128, 128)
    assert distance(made, whole[2:8]) < TOLERANCE


@pytest.mark.parametrize("rate", [2, 4])
def test_the_variant_for_sharp_frames_keeps_the_first(rate: int) -> None:
    upscaler = small(time_factor=rate, exposure="instant", initial="linear")
    frames = clip(3, height=32, width=32)
    with torch.inference_mode():
        made, whole = upscaler(frames, rate), upscaler.network(frames[None])[0]
    assert made.shape[0] == 2 * rate + 1
    assert distance(made, whole[: 2 * rate + 1]) < TOLERANCE


@pytest.mark.parametrize(("height", "width"), [(20, 33), (8, 8)])
def test_any_size_is_padded_with_zeros(height: int, width: int) -> None:
    upscaler, frames = small(), clip(2, height=height, width=width)
    with torch.inference_mode():
        made = upscaler(frames, 5)
        room = torch.nn.functional.pad(frames, (0, -width % 32, 0, -height % 32))
        wanted = upscaler.network(room[None])[0, 2:8, :, : 4 * height, : 4 * width]
    assert distance(made, wanted) < TOLERANCE


def test_another_rate_is_refused_with_what_to_do() -> None:
    with pytest.raises(UsageError, match=r"(?s)by 5.*rate 2.*--rate 5.*exposure=instant"):
        build_upscaler(LIBRARY.method("davsr"), LIBRARY, rate=2, untrained=True)
    with pytest.raises(UsageError, match=r"(?s)enlarges by 4.*scale 2"):
        small().__class__(DAVSRMethodOptions.model_validate(SMALL), scale=2)


def test_training_sees_the_frames_that_evaluation_sees() -> None:
    upscaler, frames = small(), clip(2)
    with torch.inference_mode():
        supervised = upscaler.supervised(frames[None], rate=5)
        assert distance(upscaler.normalise(frames), frames) == 0
        assert distance(supervised.frames[0], upscaler(frames, 5)) < TOLERANCE
    assert supervised.phase_1 == {}


def test_super_slomos_own_file_is_a_start() -> None:
    known = golden("davsr")
    state = {key: torch.zeros(()).expand(entry.shape) for key, entry in known.entries.items() if "state_dict" in key}
    assert len(state) == 92
    with torch.device("meta"):
        network = DAVSRUpscaler().network
    ours = recognised(state, network.state_dict())
    assert ours is not None
    assert ours.keys() == {name for name in network.state_dict() if name.startswith("initial.")}
    assert "davsr-release" in KEY_MAPS


def test_the_card_says_where_its_row_comes_from() -> None:
    card = LIBRARY.method("davsr")
    assert card.options["time_factor"] == 5
    assert not card.weights
    assert "nobody has published" in " ".join(card.notes)


@pytest.fixture
def small_card(tmp_path: Path) -> Path:
    """A folder with a card of a small DAVSR."""
    folder = tmp_path / "cards" / "methods"
    folder.mkdir(parents=True)
    options = "\n".join(f"{name} = {value}" for name, value in SMALL.items())
    (folder / "davsr-small.toml").write_text(f'extends = "davsr"\nrows = []\n[options]\n{options}\n')
    return folder.parent


def test_the_whole_way_through_the_command(tmp_path: Path, small_card: Path) -> None:
    """`harness run --untrained` and `harness train` take DAVSR as they take STINet, at its own rate."""
    common = ["--cards", str(small_card), "--results", str(tmp_path)]
    ran = CliRunner().invoke(
        app,
        ["run", "-m", "davsr-small", "-d", "demo", "--rate", "5", "--limit", "1", "--untrained", *common],
        catch_exceptions=False,
    )
    assert ran.exit_code == 0, ran.stderr
    assert "untrained weights: no number is shown" in ran.stdout
    recipe = ["--recipe", "smoke", "--set", "recipe.rate=5", "--set", "recipe.input_frames=2"]
    trained = CliRunner().invoke(
        app, ["train", "-m", "davsr-small", "--data", "demo", *recipe, *common], catch_exceptions=False
    )
    assert trained.exit_code == 0, trained.stderr
    assert list(tmp_path.rglob("weights.safetensors"))
