"""STARnet as a method: pairs, units of flow, small frames, weights, and training's door."""

from pathlib import Path

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from harness.cards import CardLibrary
from harness.cli.main import app
from harness.errors import UsageError
from harness.flow.variational import Variational
from harness.networks.starnet.key_map import DEAD
from harness.upscalers.build import build_upscaler
from harness.upscalers.options import STARnetMethodOptions
from harness.upscalers.starnet import STARnetUpscaler
from harness.upscalers.weights import translate
from tests.networks.clips import distance
from tests.parity.references import golden
from tests.upscalers.small_stinet import clip

LIBRARY = CardLibrary()
TOLERANCE = 1e-5
SMALL: dict[str, object] = {"channels": 4, "residual_blocks": 1, "super_resolution_stages": 1}


def small(**options: object) -> STARnetUpscaler:
    """Seeded, in evaluation mode, of values near one; Farneback's flow is quicker for tests of other things."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        chosen = {"flow_estimator": "farneback", **SMALL, **options}
        upscaler = STARnetUpscaler(STARnetMethodOptions.model_validate(chosen))
        for parameter in upscaler.network.parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=0.9 * parameter[0].numel() ** -0.5)
    return upscaler.eval()


def test_a_pair_is_the_network_between_normalisations() -> None:
    upscaler, frames = small(), clip(2, height=33, width=40)
    generator = torch.Generator().manual_seed(1)
    there, back = (200 * torch.randn(1, 2, 33, 40, generator=generator) for _ in range(2))
    assert float(there.abs().max()) > 150
    with torch.inference_mode():
        scaled = [flow.clamp(-150, 150) / -150 for flow in (there, back)]
        made = upscaler.network(upscaler.normalise(frames)[None], *scaled)
        found = upscaler.upscale(frames, 2, flows=(there, back))
    assert found.shape == (3, 3, 132, 160)
    assert distance(found, upscaler.units.denormalise(made[0])) < TOLERANCE


def test_a_longer_clip_goes_pair_by_pair_and_the_earlier_pair_counts() -> None:
    upscaler, frames = small(), clip(4, height=32, width=34)
    with torch.inference_mode():
        whole = upscaler(frames, 2)
        pairs = [upscaler(frames[k : k + 2], 2) for k in range(3)]
    assert whole.shape == (7, 3, 128, 136)
    wanted = torch.cat((pairs[0], pairs[1][1:], pairs[2][1:]))
    assert distance(whole, wanted) < TOLERANCE
    assert distance(pairs[1][:1], pairs[0][2:]) > 1e-3, "the two estimates differ"


@pytest.mark.parametrize("size", [(8, 9), (31, 40), (1, 1)])
def test_small_frames_are_padded(size: tuple[int, int]) -> None:
    frames = clip(2, height=size[0], width=size[1])
    with torch.inference_mode():
        made = small()(frames, 2)
    assert made.shape == (3, 3, 4 * size[0], 4 * size[1])
    assert made.isfinite().all()


def test_the_flow_is_the_one_of_its_training_unless_another_is_wanted() -> None:
    card = LIBRARY.method("starnet")
    assert card.options["flow_estimator"] == "variational"
    upscaler = STARnetUpscaler(STARnetMethodOptions.model_validate(SMALL))
    assert isinstance(upscaler.estimate, Variational)
    assert upscaler.component_versions == {"flow:variational": "1"}
    assert small().component_versions == {"flow:farneback": "1"}
    frames = clip(2, height=30, width=40)
    there, back = upscaler.flows(frames)
    assert distance(there, Variational()(frames[:1], frames[1:])) < TOLERANCE
    assert distance(back, Variational()(frames[1:], frames[:1])) < TOLERANCE


@pytest.mark.parametrize("rate", [1, 3, 4])
def test_another_rate_is_refused_before_anything_runs(rate: int) -> None:
    with pytest.raises(UsageError, match=f"(?s)rate 2.*rate {rate}"):
        small().check_rate(rate)
    with pytest.raises(UsageError, match="one frame between two"):
        small().supervised(clip(3)[None], rate=rate)


def test_another_scale_is_refused() -> None:
    with pytest.raises(UsageError, match=r"(?s)enlarges by 4.*scale 2"):
        STARnetUpscaler(STARnetMethodOptions.model_validate(SMALL), scale=2)


def test_the_card_names_a_table_of_all_weights() -> None:
    """What the authors' file holds becomes the whole state of the network that the card builds."""
    card = LIBRARY.method("starnet")
    known = golden("starnet")
    entries = {f"module.{key}": torch.zeros(()) for key in (*known.entries, *known.kept)}
    ours = translate(entries, card.weights["authors"].key_map)
    with torch.device("meta"):
        state = build_upscaler(card, LIBRARY, device="meta", untrained=True).upscaler.trained.state_dict()
    assert ours.keys() == state.keys()
    assert len(ours) == len(entries) - sum(DEAD[0] in key for key in entries)


# -- training's door


def test_training_sees_the_frames_that_evaluation_sees() -> None:
    upscaler, frames = small(), clip(3, height=20, width=35)
    with torch.inference_mode():
        supervised = upscaler.supervised(frames[None])
        expected = upscaler(frames, 2)
    assert distance(upscaler.units.denormalise(supervised.frames[0]), expected) < TOLERANCE
    assert {side: tuple(maps.shape) for side, maps in supervised.phase_1.items()} == {"hr": (1, 5, 3, 80, 140)}
    assert distance(supervised.phase_1["hr"], supervised.frames) > 1e-3


def test_clips_of_a_batch_do_not_see_each_other_in_evaluation() -> None:
    upscaler = small()
    clips = torch.stack([clip(3, seed=seed) for seed in range(2)])
    with torch.inference_mode():
        together = upscaler.supervised(clips)
        for index in range(2):
            alone = upscaler.supervised(clips[index : index + 1])
            assert distance(together.frames[index : index + 1], alone.frames) < TOLERANCE
            assert distance(together.phase_1["hr"][index : index + 1], alone.phase_1["hr"]) < TOLERANCE


def test_everything_but_the_lr_picture_learns() -> None:
    upscaler = small(flow_estimator="variational").train()
    seen = upscaler.supervised(clip(2)[None])
    (seen.frames.square().mean() + seen.phase_1["hr"].square().mean()).backward()
    still = {name for name, parameter in upscaler.network.named_parameters() if parameter.grad is None}
    assert still == {"lr_head.weight", "lr_head.bias"}


@pytest.fixture
def small_card(tmp_path: Path) -> Path:
    """A folder with a card of a small STARnet."""
    folder = tmp_path / "cards" / "methods"
    folder.mkdir(parents=True)
    options = "\n".join(f"{name} = {value}" for name, value in SMALL.items())
    (folder / "starnet-small.toml").write_text(
        f'extends = "starnet"\ntitle = "STARnet, small"\nrows = []\n[options]\n{options}\n'
    )
    return folder.parent


def test_the_whole_way_through_the_command(tmp_path: Path, small_card: Path) -> None:
    """`harness run --untrained` and `harness train` take STARnet as they take STINet."""
    common = ["--cards", str(small_card), "--results", str(tmp_path)]
    ran = CliRunner().invoke(
        app,
        ["run", "-m", "starnet-small", "-d", "demo", "--limit", "1", "--untrained", *common],
        catch_exceptions=False,
    )
    assert ran.exit_code == 0, ran.stderr
    assert "untrained weights: no number is shown" in ran.stdout
    trained = CliRunner().invoke(
        app, ["train", "-m", "starnet-small", "--data", "demo", "--recipe", "smoke", *common], catch_exceptions=False
    )
    assert trained.exit_code == 0, trained.stderr
    assert list(tmp_path.rglob("weights.safetensors"))


def test_the_rounded_constants_of_the_release_change_nothing_that_can_be_seen() -> None:
    upscaler = small()
    frames = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    shift, scale = (torch.tensor(x).view(3, 1, 1) for x in ((2.118, 2.036, 1.804), (4.367, 4.464, 4.444)))
    theirs = (upscaler.normalise(frames) + shift) / scale
    assert distance(255 * theirs, 255 * frames) < 0.1
