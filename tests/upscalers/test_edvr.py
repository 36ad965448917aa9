"""EDVR as a super-resolver: which frames a window has, padding, weights, and the command."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

from harness.cards import CardLibrary
from harness.cli.main import app
from harness.errors import UsageError
from harness.upscalers.build import build_upscaler
from harness.upscalers.edvr import EDVRSuperResolver
from harness.upscalers.options import EDVRStageOptions
from harness.upscalers.two_stage import TwoStage
from harness.upscalers.weights import translate
from tests.networks.clips import distance
from tests.networks.release import reference, weights
from tests.upscalers.cards import assert_the_file_fills_the_super_resolver
from tests.upscalers.small_stinet import clip

TOLERANCE = 1e-5
SMALL: dict[str, object] = {"channels": 8, "feature_blocks": 1, "reconstruction_blocks": 1}


def small(**options: object) -> EDVRSuperResolver:
    """Seeded, in evaluation mode, with offsets that move something."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = EDVRSuperResolver(EDVRStageOptions.model_validate({**SMALL, **options}))
        for name, parameter in module.network.named_parameters():
            if "offsets_and_mask" in name:
                nn.init.normal_(parameter, std=0.05)
    return module.eval()


@pytest.mark.parametrize(
    ("centre", "last", "window"),
    [
        (0, 9, [6, 5, 4, 0, 1, 2, 3]),  # as the sheet has it
        (1, 9, [6, 5, 0, 1, 2, 3, 4]),
        (2, 9, [6, 0, 1, 2, 3, 4, 5]),
        (3, 9, [0, 1, 2, 3, 4, 5, 6]),
        (7, 9, [4, 5, 6, 7, 8, 9, 3]),
        (8, 9, [5, 6, 7, 8, 9, 4, 3]),
        (9, 9, [6, 7, 8, 9, 5, 4, 3]),
        (0, 6, [6, 5, 4, 0, 1, 2, 3]),  # a clip of just one window
        (6, 6, [3, 4, 5, 6, 2, 1, 0]),
        (0, None, [6, 5, 4, 0, 1, 2, 3]),
        (40, None, [37, 38, 39, 40, 41, 42, 43]),
        (0, 5, [0, 0, 0, 0, 1, 2, 3]),  # shorter clips
        (3, 5, [0, 1, 2, 3, 4, 5, 5]),
        (0, 0, [0, 0, 0, 0, 0, 0, 0]),
    ],
)
def test_what_stands_in_for_missing_neighbours(centre: int, last: int | None, window: list[int]) -> None:
    assert list(small().neighbours(centre, last)) == window


@pytest.mark.parametrize("length", [1, 4, 6, 7, 8, 15])
def test_a_clip_is_its_windows(length: int) -> None:
    module, frames = small(), clip(length, width=8)
    with torch.inference_mode():
        made = module.super_resolve(frames)
        for centre in range(length):
            window = frames[list(module.neighbours(centre, length - 1))]
            assert distance(made[centre], module.network(window[None])[0]) < TOLERANCE
    assert made.shape == (length, 3, 32, 32)


def test_it_reads_no_further_than_it_looks() -> None:
    module, read = small(frames=3), 0

    def counted() -> Iterator[Tensor]:
        nonlocal read
        for frame in clip(12, width=8):
            read += 1
            yield frame

    with torch.inference_mode():
        for index, _ in enumerate(module.stream(counted())):
            assert read <= min(max(index + 2, 3), 12)


def test_the_authors_file_gives_the_authors_frame() -> None:
    module, arrays = EDVRSuperResolver(), reference("edvr")
    module.trained.load_state_dict(translate(dict(weights("edvr", "public")), "edvr-release"))
    with torch.inference_mode():
        made = module.centre(arrays["x"][0])
    assert distance(made[None, :, ::3, ::3], arrays["out@3"]) < 1e-4


def test_basicsrs_container_is_loaded_through_the_card(tmp_path: Path) -> None:
    library = CardLibrary()
    card = library.method("edvr")
    path = tmp_path / card.weights["authors"].file
    path.parent.mkdir()
    torch.save({"params": dict(weights("edvr", "public"))}, path)
    built = build_upscaler(card, library, folder=tmp_path, rate=1)
    assert not built.untrained
    assert isinstance(built.upscaler, TwoStage)
    loaded = built.upscaler.super_resolver.trained.get_parameter("fusion.temporal.embed_middle.weight")
    assert torch.equal(loaded, weights("edvr", "public")["fusion.temporal_attn1.weight"])


@pytest.mark.parametrize("size", [(8, 9), (6, 8), (1, 1)])
def test_other_sizes_are_padded_by_their_last_row_and_column(size: tuple[int, int]) -> None:
    module, frames = small(), clip(7, height=size[0], width=size[1])
    rows, columns = (torch.arange(4 * -(-side // 4)).clamp(max=side - 1) for side in size)
    with torch.inference_mode():
        made = module.centre(frames)
        wanted = module.network(frames[:, :, rows][..., columns][None])[0]
    assert made.shape == (3, 4 * size[0], 4 * size[1])
    assert distance(made, wanted[:, : 4 * size[0], : 4 * size[1]]) < TOLERANCE


def test_autocast_gives_float32() -> None:
    module, frames = small(), clip(7, width=8)
    with torch.inference_mode():
        exact = module.centre(frames)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = module.centre(frames)
    assert half.dtype == torch.float32
    assert 0 < distance(half, exact) < 0.05


def test_another_scale_is_refused() -> None:
    with pytest.raises(UsageError, match=r"(?s)enlarges by 4.*scale 2"):
        EDVRSuperResolver(EDVRStageOptions.model_validate(SMALL), scale=2)


def test_the_card_names_a_table_of_all_weights() -> None:
    assert_the_file_fills_the_super_resolver("edvr")


def test_the_whole_way_through_the_command(tmp_path: Path) -> None:
    options = [f"--set=super_resolution.options.{name}={value}" for name, value in SMALL.items()]
    ran = CliRunner().invoke(
        app,
        [
            "run",
            "-m",
            "blend+edvr",
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
