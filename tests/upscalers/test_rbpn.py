"""RBPN as a super-resolver: neighbours and their flows, weights, and the command."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

from harness.cards import CardLibrary
from harness.cli.main import app
from harness.errors import DataError, UsageError
from harness.flow.variational import Variational
from harness.upscalers.build import build_upscaler
from harness.upscalers.options import RBPNStageOptions
from harness.upscalers.rbpn import RBPNSuperResolver
from harness.upscalers.weights import translate
from tests.networks.clips import distance
from tests.networks.release import reference, weights
from tests.upscalers.cards import assert_the_file_fills_the_super_resolver

LIBRARY = CardLibrary()
TOLERANCE = 1e-5
SMALL: dict[str, object] = {"channels": 4, "residual_blocks": 1, "super_resolution_stages": 1}


def small(**options: object) -> RBPNSuperResolver:
    """Seeded, in evaluation mode, of values near one; Farneback's flow is quicker for tests of other things."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        chosen = {"flow_estimator": "farneback", **SMALL, **options}
        module = RBPNSuperResolver(RBPNStageOptions.model_validate(chosen))
        for parameter in module.network.parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=0.9 * parameter[0].numel() ** -0.5)
    return module.eval()


def moving(frames: int, *, height: int = 24, width: int = 32) -> Tensor:
    """Something smooth that moves half a pixel from frame to frame."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    shifts = 0.5 * torch.arange(frames).view(-1, 1, 1)
    waves = [torch.sin((x - shifts) / period + y / (period + 1)) for period in (2.0, 3.0, 5.0)]
    return 0.5 + 0.4 * torch.stack(waves, dim=1)


@pytest.mark.parametrize(
    ("centre", "last", "window"),
    [
        (0, 9, [0, 0, 0, 0, 1, 2, 3]),
        (1, 9, [1, 1, 0, 1, 2, 3, 4]),
        (5, 9, [2, 3, 4, 5, 6, 7, 8]),
        (8, 9, [5, 6, 7, 8, 9, 8, 8]),
        (1, 2, [1, 1, 0, 1, 2, 1, 1]),
        (0, 0, [0] * 7),
        (1, None, [1, 1, 0, 1, 2, 3, 4]),
    ],
)
def test_the_frame_stands_in_for_missing_neighbours(centre: int, last: int | None, window: list[int]) -> None:
    assert list(small().neighbours(centre, last)) == window


@pytest.mark.parametrize("length", [1, 3, 9])
def test_a_clip_is_its_windows(length: int) -> None:
    """Each neighbour's flow by itself, from the frame to the neighbour."""
    module, frames = small(), moving(length)
    with torch.inference_mode():
        made = module.super_resolve(frames)
        for centre, target in enumerate(frames.split(1)):
            indices = list(module.neighbours(centre, length - 1))
            neighbours = [frames[k : k + 1] for k in (*indices[:3], *indices[4:])]
            flows = [module.estimate(target, neighbour) for neighbour in neighbours]
            assert distance(made[centre], module.network(target, neighbours, flows)[0]) < TOLERANCE
    assert made.shape == (length, 3, 96, 128)


def test_flows_go_from_the_frame_to_its_neighbours_in_pixels() -> None:
    module = small(flow_estimator="variational")
    flows = module.flows_from_middle(moving(7, height=32, width=48))
    wanted = torch.tensor([-1.5, -1.0, -0.5, 0.5, 1.0, 1.5])
    assert distance(flows[:, 0, 8:-8, 8:-8].mean(dim=(1, 2)), wanted) < 0.25
    assert float(module.flows_from_middle(moving(1).expand(7, -1, -1, -1)).abs().max()) < 1e-3


def test_the_flow_is_the_one_of_its_training_unless_another_is_wanted() -> None:
    card = LIBRARY.method("rbpn")
    assert card.options["flow_estimator"] == "variational"
    module = RBPNSuperResolver(RBPNStageOptions.model_validate(SMALL))
    assert isinstance(module.estimate, Variational)
    built = build_upscaler(LIBRARY.method("blend+rbpn"), LIBRARY, untrained=True, rate=2)
    assert built.network_versions["flow:variational"] == "1"
    assert small().component_versions == {"flow:farneback": "1"}


def test_spynet_needs_its_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_WEIGHTS", str(tmp_path))
    with pytest.raises(DataError, match="spynet"):
        small(flow_estimator="spynet")


def test_the_authors_file_gives_the_authors_frame() -> None:
    """With the flows of the reference in the place of computed ones."""
    module, arrays = RBPNSuperResolver(), reference("rbpn")
    module.trained.load_state_dict(translate(dict(weights("rbpn", "public")), "rbpn-release"))
    module.flows_from_middle = lambda window: arrays["flow"]  # type: ignore[method-assign]
    neighbours = arrays["neigbor"]
    with torch.inference_mode():
        made = module.centre(torch.cat((neighbours[:3], arrays["x"], neighbours[3:])))
    (stored,) = (name for name in arrays if name.startswith("out"))
    step = int(stored.partition("@")[2] or 1)
    assert distance(made[None, :, ::step, ::step], arrays[stored]) < 1e-4


def test_autocast_leaves_the_flow_alone() -> None:
    module, frames = small(), moving(7)
    with torch.inference_mode():
        exact, flows = module.centre(frames), module.flows_from_middle(frames)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(module.flows_from_middle(frames), flows)
            half = module.centre(frames)
    assert half.dtype == torch.float32
    assert 0 < distance(half, exact) < 0.1


def test_another_scale_is_refused() -> None:
    with pytest.raises(UsageError, match=r"(?s)enlarges by 4.*scale 2"):
        RBPNSuperResolver(RBPNStageOptions.model_validate(SMALL), scale=2)


def test_the_card_names_a_table_of_all_weights() -> None:
    assert_the_file_fills_the_super_resolver("rbpn")


def test_the_whole_way_through_the_command(tmp_path: Path) -> None:
    options = [f"--set=super_resolution.options.{name}={value}" for name, value in SMALL.items()]
    options.append("--set=super_resolution.options.flow_estimator=farneback")
    common = ["-d", "demo", "--limit", "1", "--untrained", "--results", str(tmp_path)]
    ran = CliRunner().invoke(app, ["run", "-m", "blend+rbpn", *options, *common], catch_exceptions=False)
    assert ran.exit_code == 0, ran.stderr
    assert "untrained weights: no number is shown" in ran.stdout
