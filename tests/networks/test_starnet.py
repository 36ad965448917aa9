"""STARnet beside the authors' numbers, beside a straightforward program, and what must hold in any case."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from benchmarks.straightforward_starnet import Straightforward
from benchmarks.timing import Calls
from harness.errors import DataError
from harness.networks.starnet.build import build_starnet
from harness.networks.starnet.flow_refinement import KeepFlow, flow_unet
from harness.networks.starnet.key_map import from_release
from harness.networks.starnet.network import STARnet
from harness.networks.starnet.options import STARnetOptions
from tests.networks.clips import distance
from tests.networks.release import errors, loaded, reference
from tests.parity.references import golden

TOLERANCE = 1e-4
SMALL = STARnetOptions(channels=4)
LEAST = STARnetOptions(channels=4, residual_blocks=1, super_resolution_stages=1)
GOLDEN = golden("starnet")
DEAD = 1_418_118
"""Parameters that the release keeps and never uses: RBPN's decoder."""


def inputs(*, batch: int = 1, height: int = 32, width: int = 32, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    frames = torch.randn(batch, 2, 3, height, width, generator=generator)
    flows = torch.randn(2, batch, 2, height, width, generator=generator)
    return frames, flows[0], flows[1]


def small(options: STARnetOptions = SMALL, *, seed: int = 0) -> STARnet:
    """A small network whose values stay near one, with statistics of batches that are not the initial ones."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build_starnet(options)
        for value in network.state_dict().values():
            if value.ndim > 1:
                nn.init.normal_(value, std=0.9 * value[0].numel() ** -0.5)
            elif value.is_floating_point():
                value.add_(torch.randn(value.shape).abs(), alpha=0.1)
    return network.eval()


def authors_names(network: STARnet) -> dict[str, Tensor]:
    """The state of a network of any size under the names of the release."""
    keys = list(GOLDEN.entries)
    ours = from_release({key: torch.tensor(i) for i, key in enumerate(keys)})
    state = network.state_dict()
    return {keys[int(index)]: state[name] for name, index in ours.items() if name in state}


# -- the release


def test_directions_that_trade_places_are_noticed() -> None:
    """In stage 2 forwards and backwards have the same shapes."""
    authors = loaded("starnet")
    stage = authors.get_submodule("refinement")
    stage.forwards, stage.backwards = stage.backwards, stage.forwards
    found = errors("starnet", authors, reference("starnet"))
    assert min(found[name] for name in ("pred_ht", "pred_h1", "pred_h2", "pred_l")) > 0.1
    assert max(error for name, error in found.items() if name.startswith("mid_")) < TOLERANCE


def test_parameters_are_the_papers() -> None:
    assert GOLDEN.parameters == 111_610_863
    with torch.device("meta"):
        network = build_starnet()
        without = build_starnet(STARnetOptions(flow_refinement=False))
        unet = flow_unet()
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count + DEAD == GOLDEN.parameters
    assert sum(parameter.numel() for parameter in unet.parameters()) == 53_518_594
    assert sum(parameter.numel() for parameter in without.parameters()) + DEAD == 58_092_269


@pytest.mark.parametrize("prefix", ["", "module."])
def test_both_spellings_of_a_checkpoint(prefix: str) -> None:
    keys = [*GOLDEN.entries, *GOLDEN.kept]
    ours = from_release({prefix + key: torch.tensor(0) for key in keys})
    with torch.device("meta"):
        assert ours.keys() == build_starnet().state_dict().keys()


def test_a_foreign_checkpoint_is_named() -> None:
    with pytest.raises(DataError, match=r"model\.conv_first\.weight"):
        from_release({"module.model.conv_first.weight": torch.zeros(1)})


# -- any network


@pytest.mark.parametrize(("batch", "height", "width"), [(1, 32, 32), (2, 37, 45), (1, 63, 34)])
@pytest.mark.parametrize("flow_refinement", [True, False])
def test_it_is_the_straightforward_program(batch: int, height: int, width: int, flow_refinement: bool) -> None:
    """With sizes that the UNet has to pad, and clips that do not see each other."""
    network = small(SMALL.model_copy(update={"flow_refinement": flow_refinement}))
    given = inputs(batch=batch, height=height, width=width)
    with torch.inference_mode():
        made, frames = network.supervised(*given), network(*given)
        h1, ht, h2, low, first = Straightforward(authors_names(network))(*given)
    assert distance(frames, torch.stack((h1, ht, h2), dim=1)) < TOLERANCE
    assert distance(made.frames, frames) < TOLERANCE
    assert distance(made.middle_lr, low) < TOLERANCE
    assert distance(made.first_frames[:, 0], first) < TOLERANCE
    assert frames.shape == made.first_frames.shape == (batch, 3, 3, 4 * height, 4 * width)
    assert made.first_middle_lr.shape == (batch, 3, height, width)
    assert float(frames.std()) > 0.1, "a network that says nothing agrees with everything"


def corners_apart(network: STARnet) -> None:
    network.interpolation.enlarge_motion = nn.Upsample(scale_factor=4, mode="bilinear", align_corners=False)


def raw_flows(network: STARnet) -> None:
    network.flow_refinement = KeepFlow()


def whole_motion(network: STARnet) -> None:
    network.motion.register_forward_pre_hook(lambda _layer, given: (torch.cat((given[0].chunk(2)[0],) * 2),))


@pytest.mark.parametrize("wrong", [corners_apart, raw_flows, whole_motion])
def test_every_stage_counts(wrong: Callable[[STARnet], None]) -> None:
    network, given = small(LEAST), inputs()
    with torch.inference_mode():
        right = network(*given)
        wrong(network)
        assert distance(network(*given), right) > 0.005


def test_played_backwards_the_ends_trade_places_before_stage_2() -> None:
    network = small(LEAST)
    frames, there, back = inputs()
    with torch.inference_mode():
        forth, reverse = network.supervised(frames, there, back), network.supervised(frames.flip(1), back, there)
    assert distance(forth.first_frames[:, 0], reverse.first_frames[:, 2]) < TOLERANCE
    assert distance(forth.first_frames[:, 1], reverse.first_frames[:, 1]) > 0.01


@pytest.mark.parametrize("flow_refinement", [True, False])
def test_every_parameter_learns(flow_refinement: bool) -> None:
    network = small(LEAST.model_copy(update={"flow_refinement": flow_refinement})).train()
    given = inputs(batch=2, height=33, width=40)
    before = [part.clone() for part in given]
    sum((picture.square().mean() for picture in network.supervised(*given)), start=torch.zeros(())).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        # A bias in front of a batch normalisation has no effect, and rounding for its gradient.
        assert parameter.grad.any(), name
    assert all(torch.equal(part, kept) for part, kept in zip(given, before, strict=True))


def test_one_clip_of_the_least_size_trains() -> None:
    """At the smallest level one pixel is left: the statistics are those of both directions."""
    frames = small(LEAST).train()(*inputs(batch=1))
    assert frames.isfinite().all()


def test_what_only_training_sees_is_not_made() -> None:
    network = small()
    counts = []
    for run in (network.forward, network.supervised):
        with torch.no_grad(), Calls() as calls:
            run(*inputs())
        counts.append(calls.count)
    with torch.no_grad(), Calls() as calls:
        Straightforward(authors_names(network))(*inputs())
    assert counts[0] < counts[1] < calls.count


def test_half_precision_does() -> None:
    network, given = small(LEAST), inputs()
    with torch.inference_mode():
        exact = network(*given)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = network(*given)
    assert half.isfinite().all()
    assert 0 < distance(half.float(), exact) < 0.05 * float(exact.abs().max())


def test_compiles_as_one_graph() -> None:
    torch.compiler.reset()
    network = small(LEAST)
    given = inputs(height=33)
    with torch.inference_mode():
        compiled = torch.compile(network, backend="eager", fullgraph=True)(*given)
        assert distance(compiled, network(*given)) < 1e-5


def test_nothing_waits_for_the_device() -> None:
    """On the meta device there are no values: whoever asked for one would fail."""
    network = small(LEAST).to("meta")
    assert network(*(part.to("meta") for part in inputs())).shape == (1, 3, 3, 128, 128)


@pytest.mark.parametrize(
    ("frames", "flow", "found"),
    [
        ((1, 3, 3, 32, 32), (1, 2, 32, 32), "two frames"),
        ((1, 2, 3, 32, 32), (1, 2, 32, 33), "two flows"),
        ((2, 3, 32, 32), (1, 2, 32, 32), "two frames"),
        ((1, 2, 3, 31, 40), (1, 2, 31, 40), "at least 32x32"),
    ],
)
def test_what_it_cannot_take_is_refused(frames: tuple[int, ...], flow: tuple[int, ...], found: str) -> None:
    with pytest.raises(DataError, match=found):
        small(LEAST)(torch.zeros(frames), torch.zeros(flow), torch.zeros(flow))


def test_without_refinement_any_size_does() -> None:
    network = small(LEAST.model_copy(update={"flow_refinement": False}))
    with torch.inference_mode():
        assert network(*inputs(height=3, width=5)).shape == (1, 3, 3, 12, 20)
