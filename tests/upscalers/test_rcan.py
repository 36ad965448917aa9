"""RCAN as a super-resolver: its range, frames by themselves, weights, and the command."""

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from typer.testing import CliRunner

from harness.cli.main import app
from harness.errors import UsageError
from harness.upscalers.options import RCANStageOptions
from harness.upscalers.rcan import RCANSuperResolver
from harness.upscalers.weights import translate
from tests.networks.clips import distance
from tests.networks.release import reference, weights
from tests.upscalers.cards import assert_the_file_fills_the_super_resolver
from tests.upscalers.small_stinet import clip

TOLERANCE = 1e-5
SMALL: dict[str, object] = {"channels": 8, "groups": 2, "blocks": 2, "reduction": 4}


def small() -> RCANSuperResolver:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return RCANSuperResolver(RCANStageOptions.model_validate(SMALL)).eval()


def test_the_authors_file_gives_the_authors_frames() -> None:
    module, arrays = RCANSuperResolver(), reference("rcan")
    module.trained.load_state_dict(translate(dict(weights("rcan", "public")), "rcan-release"))
    with torch.inference_mode():
        made = module.super_resolve(arrays["x"] / 255)
    assert distance(255 * made[..., ::3, ::3], arrays["out@3"]) < 1e-4


def test_a_clip_is_its_frames_one_by_one() -> None:
    module, frames = small(), clip(3)
    rows: list[int] = []
    module.network.register_forward_hook(lambda _network, given, _out: rows.append(len(given[0])))
    with torch.inference_mode():
        made = module.super_resolve(frames)
        streamed = torch.stack(list(module.stream(frames)))
        wanted = module.network(255 * frames) / 255
    assert rows == [1] * 6 + [3]
    assert made.shape == (3, 3, 32, 36)
    assert distance(made, wanted) < TOLERANCE
    assert distance(streamed, wanted) < TOLERANCE


def test_the_mean_over_the_frame_makes_tiles_another_method() -> None:
    """Why frames go whole."""
    module, frames = small(), clip(1, height=64, width=64)
    with torch.inference_mode():
        whole = module.super_resolve(frames)[..., :32, :32]
        tile = module.super_resolve(frames[..., :40, :40])[..., :32, :32]
    assert distance(whole, tile) > TOLERANCE


def test_autocast_gives_float32() -> None:
    module, frames = small(), clip(1)
    with torch.inference_mode():
        exact = module.super_resolve(frames)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = module.super_resolve(frames)
    assert half.dtype == torch.float32
    assert 0 < distance(half, exact) < 0.05


def test_another_scale_is_refused() -> None:
    with pytest.raises(UsageError, match=r"(?s)enlarges by 4.*scale 2"):
        RCANSuperResolver(scale=2)


def test_an_attention_needs_a_channel() -> None:
    with pytest.raises(ValidationError, match="reduction"):
        RCANStageOptions(channels=8)


def test_the_card_names_a_table_of_all_weights() -> None:
    assert_the_file_fills_the_super_resolver("rcan")


def test_the_whole_way_through_the_command(tmp_path: Path) -> None:
    options = [f"--set=super_resolution.options.{name}={value}" for name, value in SMALL.items()]
    ran = CliRunner().invoke(
        app,
        [
            "run",
            "-m",
            "blend+rcan",
            "-d",
            "demo",
            "--limit",
            "1",
            "--untrained",
            *options,
            "--results",
            str(tmp_path),
        ],
        catch_exceptions=False,
    )
    assert ran.exit_code == 0, ran.stderr
    assert "untrained weights: no number is shown" in ran.stdout
