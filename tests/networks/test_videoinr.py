"""VideoINR beside the authors' numbers, beside a straightforward decoder, and what must hold in any case."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.straightforward_videoinr import StraightforwardDecoder
from benchmarks.timing import Calls, Largest
from harness.errors import DataError
from harness.networks.videoinr import decoder as decoding
from harness.networks.videoinr import sampling
from harness.networks.videoinr.build import build_videoinr
from harness.networks.videoinr.key_map import from_release
from harness.networks.videoinr.network import VideoINR
from harness.networks.videoinr.options import VideoINROptions
from harness.networks.videoinr.siren import Siren
from tests.networks.clips import distance
from tests.networks.release import errors, frames, loaded, reference
from tests.parity.references import golden

TOLERANCE = 1e-4
DEAD = 334_083
"""Parameters of Zooming Slow-Mo's reconstruction that the release keeps and never uses."""

SMALL = VideoINROptions(channels=8, feature_blocks=1, reconstruction_blocks=1)
HALFWAY = torch.tensor([[0.5]])


@pytest.fixture(scope="module")
def arrays() -> dict[str, Tensor]:
    """The reference at its first time alone."""
    whole = reference("videoinr")
    return {**whole, "times": whole["times"][1:2], "y@5": whole["y@5"][1:2]}


@pytest.fixture(scope="module")
def authors() -> VideoINR:
    network = loaded("videoinr")
    assert isinstance(network, VideoINR)
    return network


@pytest.fixture
def small() -> VideoINR:
    """Small, with colours that are not close to a constant."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_videoinr(SMALL).eval()
        for name, parameter in network.named_parameters():
            if "offsets_and_mask" in name:
                nn.init.normal_(parameter, std=0.05)
    return network


# -- what would be wrong


def unclamped(grid: Tensor, flow: Tensor, size: tuple[int, int]) -> Tensor:
    x, y = flow.unbind(1)
    return grid + torch.stack((x / ((size[1] - 1) / 2), y / ((size[0] - 1) / 2)), dim=-1)


def vertical_first(grid: Tensor, flow: Tensor, size: tuple[int, int]) -> Tensor:
    return unclamped(grid, flow.flip(1), size).clamp(-sampling.INSIDE, sampling.INSIDE)


def border(maps: Tensor, grid: Tensor, *, mode: str = "bilinear") -> Tensor:
    everywhere = grid.expand(len(maps), -1, -1, -1)
    return functional.grid_sample(maps, everywhere, mode=mode, padding_mode="border", align_corners=False)


def horizontal_first(places: Tensor, height: int, width: int) -> Tensor:
    return REAL_OFFSETS(places, height, width).flip(1)


def in_map_units(places: Tensor, height: int, width: int) -> Tensor:
    return REAL_OFFSETS(places, height, width) / height


REAL_OFFSETS = sampling.offsets


@pytest.mark.parametrize(
    ("name", "wrong", "least"),
    [
        ("moved", unclamped, 0.1),
        ("moved", vertical_first, 0.5),
        ("corners", sampling.centres, 0.1),
        ("sample", border, 0.1),
        ("offsets", horizontal_first, 0.1),
        ("offsets", in_map_units, 0.1),
    ],
)
def test_another_decoder_is_noticed(
    name: str,
    wrong: Callable[..., Tensor],
    least: float,
    authors: VideoINR,
    arrays: dict[str, Tensor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decoding, name, wrong)
    found = errors("videoinr", authors, arrays)
    assert found["y"] > least
    assert found["mid_feat"] < TOLERANCE


def test_the_way_of_training_is_another_one(authors: VideoINR, arrays: dict[str, Tensor]) -> None:
    with torch.inference_mode():
        training, testing = (authors(arrays["x"], HALFWAY, (128, 128), picture_scale=scale) for scale in (1, 4))
    assert distance(training, testing) > 0.05


# -- what it is


@pytest.mark.parametrize(("size", "out"), [((8, 12), (32, 48)), ((12, 8), (36, 24)), ((8, 8), (20, 27))], ids=str)
@pytest.mark.parametrize("scale", [4, 1])
def test_it_decodes_as_the_straightforward_program(size: tuple[int, int], out: tuple[int, int], scale: int) -> None:
    """With other weights; at sizes that are no squares, other scales, other times."""
    weights = golden("videoinr").weights("other")
    decoder = loaded("videoinr", salt="other").get_submodule("decoder")
    assert isinstance(decoder, decoding.Decoder)
    generator = torch.Generator().manual_seed(0)
    features, clip = torch.randn(1, 192, *size, generator=generator), frames(height=size[0], width=size[1])
    pictures = clip.flatten(1, 2)
    seen = functional.interpolate(pictures, scale_factor=scale, mode="bilinear") if scale > 1 else pictures
    with torch.inference_mode():
        known = decoder.know(features, pictures, seen)
        ours = torch.stack([decoder(known, torch.tensor([time]), out) for time in (0.2, 1.0)], dim=1)
        theirs = StraightforwardDecoder(weights)(features, clip, (0.2, 1.0), out, enlarge=scale > 1)
    assert distance(ours, theirs) < TOLERANCE


def test_parameters_are_the_papers() -> None:
    network = build_videoinr()
    assert sum(parameter.numel() for parameter in network.parameters()) == 11_312_698 - DEAD
    assert golden("videoinr").parameters == 11_312_698


@pytest.mark.parametrize("prefix", ["", "module."])
def test_every_name_of_a_checkpoint_is_known(prefix: str) -> None:
    weights = golden("videoinr").weights("public")
    ours = from_release({prefix + key: value for key, value in weights.items()})
    own = build_videoinr().state_dict()
    assert {key: value.shape for key, value in ours.items()} == {key: value.shape for key, value in own.items()}
    assert sum(value.numel() for value in weights.values()) == 11_312_698
    with pytest.raises(DataError, match=r"layersFusion\.0\.weight"):
        from_release({"layersFusion.0.weight": torch.zeros(1)})


def test_sirens_start_as_their_authors_say() -> None:
    siren = Siren({"map": 5, "time": 1}, hidden=(64, 32), outputs=3)
    first, middle, last = (layer.weight.abs().max().item() for layer in siren.layers)  # type: ignore[operator]
    assert first == pytest.approx(1 / 6, rel=0.05)
    assert middle == pytest.approx((6 / 64) ** 0.5 / 30, rel=0.05)
    assert last == pytest.approx((6 / 32) ** 0.5 / 30, rel=0.1)


def test_every_clip_has_its_times_and_does_not_see_others(small: VideoINR) -> None:
    clips, times = frames(batch=2), torch.tensor([[0.0, 0.3], [0.9, 0.3]])
    with torch.inference_mode():
        both = small(clips, times, (20, 28))
        alone = [small(clips[k : k + 1], times[k : k + 1], (20, 28)) for k in range(2)]
        same_time = small(clips[:1], times[1:], (20, 28))
    assert both.shape == (2, 2, 3, 20, 28)
    assert distance(both, torch.cat(alone)) < 1e-5
    assert distance(same_time[:, 1], both[:1, 1]) < 1e-5
    assert distance(same_time[:, 0], both[:1, 0]) > 1e-3


@pytest.mark.parametrize("shape", [(1, 3, 3, 8, 8), (1, 1, 3, 8, 8), (2, 3, 8, 8)], ids=str)
def test_other_frames_are_refused(shape: tuple[int, ...], small: VideoINR) -> None:
    with pytest.raises(DataError, match="VideoINR takes two frames"):
        small(torch.zeros(shape), HALFWAY, (32, 32))


# -- how it works


@pytest.mark.parametrize("at_once", [1, 100, 700])
def test_parts_change_nothing(at_once: int, small: VideoINR, monkeypatch: pytest.MonkeyPatch) -> None:
    clips, times = frames(batch=3), torch.tensor([[0.1, 0.6]]).expand(3, -1)
    with torch.inference_mode():
        whole = small(clips, times, (18, 22))
        monkeypatch.setattr("harness.networks.videoinr.decoder.AT_ONCE", at_once)
        monkeypatch.setattr("harness.networks.videoinr.network.AT_ONCE", at_once)
        assert distance(small(clips, times, (18, 22)), whole) < 1e-5


def test_memory_is_bounded(small: VideoINR, monkeypatch: pytest.MonkeyPatch) -> None:
    """The features of one output are the largest thing, however many pairs and times there are."""
    for module in (decoding.__name__, "harness.networks.videoinr.network"):
        monkeypatch.setattr(f"{module}.AT_ONCE", 1000)
    clips, times = frames(batch=3), torch.tensor([[0.0, 0.25, 0.5, 0.75]]).expand(3, -1)
    with torch.inference_mode():
        known = small.know(clips)
        with Largest() as largest:
            small.frames(known, times, (96, 96))
    assert largest.elements == max(8 * 96 * 96, 3 * 4 * 3 * 96 * 96)  # features of one; all frames


def test_the_encoder_runs_once(small: VideoINR) -> None:
    counts = []
    for times in (1, 2, 3):
        with torch.inference_mode(), Calls() as calls:
            small(frames(batch=2), torch.zeros(2, times), (32, 32))
        counts.append(calls.count)
    one_more = counts[1] - counts[0]
    assert counts[2] - counts[1] == one_more
    assert one_more < 0.2 * counts[0]


def test_everything_learns(small: VideoINR) -> None:
    given = frames(batch=2)
    before = given.clone()
    small(given, torch.tensor([[0.2], [0.7]]), (32, 32), picture_scale=1).square().mean().backward()
    for name, parameter in small.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name
    assert torch.equal(given, before)


def test_the_decoder_compiles_as_one_graph(small: VideoINR) -> None:
    """So does the encoder, see Zooming Slow-Mo."""
    torch.compiler.reset()
    with torch.inference_mode():
        given = small.know(frames()), HALFWAY[0], (24, 32)
        compiled = torch.compile(small.decoder, backend="eager", fullgraph=True)(*given)
        assert distance(compiled, small.decoder(*given)) < 1e-5


def test_nothing_waits_for_the_device(small: VideoINR) -> None:
    """On the meta device there are no values: whoever asked for one would fail."""
    meta = small.to("meta")(frames().to("meta"), HALFWAY.to("meta"), (32, 40))
    assert meta.shape == (1, 1, 3, 32, 40)


def test_phases_stay_in_float32(small: VideoINR) -> None:
    phases: list[torch.dtype] = []
    for siren in (small.decoder.spatial, small.decoder.temporal, small.decoder.colour):
        siren.register_forward_pre_hook(lambda _siren, given: phases.append(given[0].dtype))
    with torch.inference_mode():
        exact = small(frames(), HALFWAY, (32, 32))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            close = small(frames(), HALFWAY, (32, 32))
    assert set(phases) == {torch.float32}
    assert close.dtype == torch.float32
    assert (close - exact).square().mean().sqrt() < 0.02


def test_other_precisions_run(small: VideoINR) -> None:
    with torch.inference_mode():
        exact = small.double()(frames().double(), HALFWAY.double(), (32, 32))
        close = small.bfloat16()(frames().bfloat16(), HALFWAY, (32, 32))
    assert (exact.dtype, close.dtype) == (torch.float64, torch.float32)
    assert (exact - close).square().mean().sqrt() < 0.05
