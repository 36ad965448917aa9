"""DAVSR beside a straightforward program, its closed form beside what it minimises, and what must hold in any case.

That it is the authors' network is seen in tests/cli/test_parity.py.
"""

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from benchmarks.straightforward_davsr import Straightforward
from benchmarks.timing import Calls
from harness.errors import DataError
from harness.networks.davsr.build import build_davsr
from harness.networks.davsr.data_step import DataStep, spatial_kernel
from harness.networks.davsr.initial import Blend, InitialEstimate
from harness.networks.davsr.key_map import from_release
from harness.networks.davsr.network import DAVSR
from harness.networks.davsr.options import DAVSROptions
from harness.networks.davsr.propagation import PartlyKnown, second_order
from harness.networks.davsr.slomo import super_slomo
from harness.ops.deform_conv import deform_conv
from harness.ops.warp import warp
from tests.networks.clips import distance
from tests.networks.release import frames
from tests.parity.references import golden

TOLERANCE = 1e-4
GOLDEN = golden("davsr")
SMALL: dict[str, object] = {"channels": 8, "slomo_channels": 2, "feature_blocks": 1, "propagation_blocks": 2}
LEAST: dict[str, object] = {**SMALL, "propagation_blocks": 1, "initial": "linear"}


def small(**options: object) -> DAVSR:
    """A small network whose values stay near one and whose offsets are not zero."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_davsr(DAVSROptions.model_validate(options or SMALL))
        for name, parameter in network.named_parameters():
            gain = 0.3 if name.endswith("second.weight") or "offsets_and_mask" in name else 1.0
            std = gain * parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.05
            nn.init.normal_(parameter, std=std)
    return network.eval()


def authors_names(network: DAVSR) -> dict[str, Tensor]:
    """The state of a network of any width under the names of the release."""
    keys = [*GOLDEN.entries, *GOLDEN.kept]
    ours = from_release({key: torch.full((6, 1), i) for i, key in enumerate(keys)})
    state = network.state_dict()
    return {keys[int(index.flatten()[0])]: state[name] for name, index in ours.items() if name in state}


@pytest.mark.parametrize("shape", [(1, 3, 32, 32), (2, 2, 32, 32), (1, 2, 32, 64)], ids=str)
def test_it_is_the_straightforward_program(shape: tuple[int, int, int, int]) -> None:
    batch, given, height, width = shape
    network, clip = small(), frames(batch=batch, given=given, height=height, width=width)
    straightforward = Straightforward(authors_names(network), spatial_kernel())
    with torch.inference_mode():
        upscaled, wanted = network(clip), straightforward(clip)
    assert upscaled.shape == (batch, 5 * given, 3, 4 * height, 4 * width)
    assert distance(upscaled, wanted) < TOLERANCE
    assert float((upscaled - network.initial(clip)).abs().mean()) > 0.05, "the iterations say something"


def test_it_asks_less_of_a_device_than_the_straightforward_program() -> None:
    network, clip = small(), frames(given=5, height=64, width=64)
    plain = Straightforward(authors_names(network), spatial_kernel())
    with torch.no_grad(), Calls() as ours:
        network.prior(clip)
    with torch.no_grad(), Calls() as theirs:
        plain.vsr(clip)
    assert ours.count < 0.75 * theirs.count


def swapped_offsets(maps: Tensor, offsets: Tensor, *rest: Tensor, padding: int) -> Tensor:
    turned = offsets.reshape(len(offsets), -1, 2, *offsets.shape[2:]).flip(2).flatten(1, 2)
    return deform_conv(maps, turned, *rest, padding=padding)


def border(maps: Tensor, flow: Tensor, *, padding: str) -> Tensor:
    del padding
    return warp(maps, flow, padding="border")


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("propagation.deform_conv", swapped_offsets),
        ("propagation.warp", border),
        ("slomo._HALF_PIXEL", 0.0),
        ("propagation.second_order", torch.zeros_like),
    ],
)
def test_other_conventions_are_noticed(name: str, wrong: object, monkeypatch: pytest.MonkeyPatch) -> None:
    network, clip = small(), frames(given=2, height=32, width=32)
    straightforward = Straightforward(authors_names(network), spatial_kernel())
    monkeypatch.setattr(f"harness.networks.davsr.{name}", wrong)
    with torch.inference_mode():
        assert distance(network(clip), straightforward(clip)) > 1e-3


def test_parameters_are_those_that_the_authors_save() -> None:
    with torch.device("meta"):
        network, slomo = build_davsr(), super_slomo()
    own = sum(value.numel() for name, value in network.named_parameters() if "initial" not in name)
    unread = 3 * (16 + 1)  # numbers beside the step sizes
    assert GOLDEN.parameters == 7_468_885
    assert own + 71_664 + unread == GOLDEN.parameters
    assert sum(value.numel() for value in slomo.parameters()) == 39_610_473


# -- the data step


@pytest.mark.parametrize(("factors", "shutter"), [((5, 4, 4), 5), ((2, 4, 4), 1), ((3, 2, 4), 3)], ids=str)
def test_the_data_step_minimises_what_it_says(factors: tuple[int, int, int], shutter: int) -> None:
    generator = torch.Generator().manual_seed(0)
    step = DataStep(factors, frames=shutter)
    given = torch.rand(1, 1, 2, 14, 8, generator=generator, dtype=torch.float64)
    size = [n * factor for n, factor in zip(given.shape[2:], factors, strict=True)]
    estimate = torch.rand(1, 1, *size, generator=generator, dtype=torch.float64)
    alpha = torch.tensor(0.02, dtype=torch.float64)

    def energy(v: Tensor) -> Tensor:
        seen = camera(v, factors, shutter)
        return (seen - given).square().sum() + alpha * (v - estimate).square().sum()

    found = step(estimate, step.observe(given), alpha).requires_grad_()
    (gradient,) = torch.autograd.grad(energy(found), found)
    (before,) = torch.autograd.grad(energy(estimate.requires_grad_()), estimate)
    assert float(gradient.abs().max()) < 1e-7
    assert float(before.abs().max()) > 1e-3
    assert not torch.is_complex(found)


def camera(clip: Tensor, factors: tuple[int, int, int], shutter: int) -> Tensor:
    """Blur that wraps around, a shift at a time, then one of so many samples; the frames' middle is the origin."""
    kernel = 5 * spatial_kernel().double() / shutter
    blurred = torch.zeros_like(clip)
    for frame in range(shutter):
        for row in range(25):
            for column in range(25):
                moved = clip.roll((frame - shutter // 2, row - 12, column - 12), (2, 3, 4))
                blurred = blurred + kernel[row, column] * moved
    return blurred[:, :, :: factors[0], :: factors[1], :: factors[2]]


def test_step_sizes_are_positive_and_learn() -> None:
    sizes = small(**LEAST).step_sizes()
    assert sizes.shape == (3,)
    assert bool((sizes > 0).all())
    assert sizes.requires_grad


# -- where it starts


@pytest.mark.parametrize(("factor", "lead", "wanted"), [(5, 2, "0 0 0abcd 1 1 1"), (2, 0, "0a 1 1"), (1, 0, "0 1")])
def test_the_first_estimate_in_order(factor: int, lead: int, wanted: str) -> None:
    given = torch.stack([torch.full((3, 2, 2), float(k)) for k in range(2)])[None]
    times = {letter: (k + 1) / factor for k, letter in enumerate("abcd")}
    start = InitialEstimate(Blend(), time_factor=factor, space_factor=4, lead=lead)(given)
    values = [times.get(letter) for letter in wanted.replace(" ", "")]
    exact = [
        float(letter) if value is None else value
        for letter, value in zip(wanted.replace(" ", ""), values, strict=True)
    ]
    assert start.shape == (1, 2 * factor, 3, 8, 8)
    assert start[0, :, 0, 0, 0].tolist() == pytest.approx(exact)


def test_the_first_estimate_aligns_corners() -> None:
    given = torch.arange(4.0).view(1, 1, 1, 1, 4).expand(1, 2, 3, 4, 4)
    start = InitialEstimate(Blend(), time_factor=1, space_factor=4, lead=0)(given)
    torch.testing.assert_close(start[0, 0, 0, 0], torch.linspace(0, 3, 16))


def test_super_slomo_makes_all_times_of_all_pairs_at_once() -> None:
    network = small().initial.interpolate
    first, second = frames(given=3, height=32, width=64)[0].split((2, 1))
    second = torch.cat((first[1:], second))
    with torch.inference_mode():
        together = network(first, second, (0.2, 0.8))
        alone = [network(first[i : i + 1], second[i : i + 1], (time,)) for i in range(2) for time in (0.2, 0.8)]
    assert together.shape == (2, 2, 3, 32, 64)
    assert distance(together.flatten(0, 1), torch.cat(alone).flatten(0, 1)) < 1e-5


# -- the walk


def test_a_partly_known_convolution_is_the_convolution() -> None:
    layer = nn.Conv2d(5, 2, 3, padding=1)
    maps = torch.rand(3, 2, 5, 6, 7)
    partly = PartlyKnown(layer, start=1, count=2)
    early = partly.early(maps[:, :, 1:3])
    for step in range(3):
        found = partly(early[step], maps[step, :, :1], maps[step, :, 3:])
        torch.testing.assert_close(found, layer(maps[step]))


def test_flows_of_second_order_go_two_frames_back() -> None:
    flows = torch.rand(3, 1, 2, 6, 8) * 2
    farther = second_order(flows)
    assert not farther[0].any()
    for n in (1, 2):
        torch.testing.assert_close(farther[n], flows[n] + warp(flows[n - 1], flows[n], padding="zeros"))


# -- the whole


@pytest.mark.parametrize("initial", ["linear", "slomo"])
def test_everything_learns_but_super_slomo(initial: str) -> None:
    network = small(**{**LEAST, "initial": initial, "iterations": 2}).train()
    clip = frames(batch=1, given=2, height=32, width=32)
    before = clip.clone()
    network(clip).square().mean().backward()
    for name, parameter in network.named_parameters():
        if name.startswith("initial."):
            assert parameter.grad is None, name
            continue
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name
    assert torch.equal(clip, before)


@pytest.mark.parametrize("rate", [1, 2, 3, 4])
def test_the_variant_for_sharp_frames_knows_any_rate(rate: int) -> None:
    network = small(**{**LEAST, "exposure": "instant", "time_factor": rate})
    with torch.inference_mode():
        assert network(frames(given=3, height=7, width=9)).shape == (1, 3 * rate, 3, 28, 36)
    assert network.data_step.get_buffer("kernel").shape == (1, 25, 25)
    assert network.initial.lead == 0


def test_an_open_shutter_needs_a_middle() -> None:
    with pytest.raises(ValidationError, match="odd time_factor"):
        DAVSROptions(time_factor=2)
    assert [DAVSROptions(time_factor=rate).lead for rate in (1, 3, 5)] == [0, 1, 2]


def test_clips_of_a_batch_do_not_see_each_other() -> None:
    network, clips = small(**LEAST), frames(batch=2, given=2, height=8, width=8)
    with torch.inference_mode():
        together = network(clips)
        alone = torch.cat([network(clips[k : k + 1]) for k in range(2)])
    assert distance(together, alone) < 1e-5


def test_half_precision_keeps_positions_and_frequencies() -> None:
    network, clip = small(**LEAST), frames(given=2, height=8, width=8)
    with torch.inference_mode():
        exact = network(clip)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = network(clip)
    assert half.dtype == torch.float32
    assert 0 < distance(half, exact) < 0.2


class Still(nn.Module):
    """A flow network that sees no motion."""

    def forward(self, frames_0: Tensor, frames_1: Tensor) -> Tensor:
        return (frames_0 - frames_1)[:, :2] * 0


def test_compiles_as_one_graph() -> None:
    torch.compiler.reset()
    network, clip = small(**{**LEAST, "iterations": 1, "time_factor": 1}), frames(given=2, height=8, width=8)
    network.prior.flow = Still()  # SPyNet by itself: tests/networks/test_spynet.py
    with torch.inference_mode():
        compiled = torch.compile(network, backend="eager", fullgraph=True)(clip)
        assert distance(compiled, network(clip)) < 1e-5


def test_nothing_waits_for_the_device() -> None:
    """On the meta device there are no values: whoever asked for one would fail."""
    network = build_davsr(DAVSROptions.model_validate({**LEAST, "initial": "slomo", "iterations": 1})).to("meta")
    assert network(frames(given=2, height=32, width=32).to("meta")).shape == (1, 10, 3, 128, 128)


# -- names and refusals


def test_each_of_the_two_files_and_both_together() -> None:
    keys = [*GOLDEN.entries, *GOLDEN.kept]
    with torch.device("meta"):
        state = build_davsr().state_dict()
    theirs = [key for key in keys if not key.startswith("state_dict")]
    for some in (theirs, [key for key in keys if key.startswith("state_dict")], keys):
        ours = from_release({key: torch.zeros(6, 1) for key in some})
        assert ours.keys() <= state.keys()
    assert from_release({key: torch.zeros(6, 1) for key in keys}).keys() == state.keys()


def test_a_foreign_checkpoint_is_named() -> None:
    with pytest.raises(DataError, match=r"generator\.conv_first\.weight"):
        from_release({"generator.conv_first.weight": torch.zeros(1)})


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        ((1, 1, 3, 32, 32), "two or more frames"),
        ((2, 3, 32, 32), "two or more frames"),
        ((1, 2, 3, 32, 40), "multiples of 32"),
    ],
)
def test_what_it_cannot_take_is_refused(shape: tuple[int, ...], found: str) -> None:
    with pytest.raises(DataError, match=found):
        small()(torch.zeros(shape))
    with pytest.raises(DataError, match="at least 7"):
        small(**LEAST)(torch.zeros(1, 2, 3, 6, 8))
