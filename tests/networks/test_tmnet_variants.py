"""The rows of STINet's Table VI: TMNet with a module of STINet's, and nothing else changed."""

import pytest
import torch
from torch import nn

from harness.cards import CardLibrary
from harness.networks.stinet.build import build_stinet
from harness.networks.stinet.network import STINet
from harness.networks.stinet.options import STINetOptions
from harness.networks.tmnet.build import build_lr_branch, build_tmnet
from harness.networks.tmnet.network import TMNet
from harness.networks.tmnet.options import TMNetOptions
from harness.networks.tmnet.two_branches import TwoBranches
from harness.upscalers.options import TMNetMethodOptions
from harness.upscalers.registry import typed_options
from tests.networks.clips import distance
from tests.networks.release import frames

FULL = 12_263_523
LSTM, GRAPH, S_SR = 5_063_392, 164_672, 7_344_099
LIBRARY = CardLibrary()
SIZES: dict[str, object] = {
    **{"channels": 8, "feature_blocks": 1, "reconstruction_blocks": 1},
    "super_resolution_stages": 1,
}


def options(name: str) -> TMNetMethodOptions:
    typed = typed_options("tmnet", LIBRARY.method(name).options)
    assert isinstance(typed, TMNetMethodOptions)
    return typed


def small(**changes: object) -> TMNet | TwoBranches:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_tmnet(TMNetOptions.model_validate({**SIZES, **changes}))
        for name, parameter in network.named_parameters():
            if "offsets_and_mask" in name:
                nn.init.normal_(parameter, std=0.3)
    return network.eval()


def flows(*, batch: int = 1, given: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    made = torch.randn(2, batch, given - 1, 2, 8, 8, generator=torch.Generator().manual_seed(1))
    return made[0], made[1]


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_card_is_what_the_program_builds_by_itself() -> None:
    assert options("tmnet") == TMNetMethodOptions()
    assert count(build_tmnet()) == FULL


def test_with_the_graph_the_paper_has_7_36_million() -> None:
    network, plain = build_tmnet(options("tmnet-w-stgr")), build_tmnet()
    assert count(network) == FULL - LSTM + GRAPH == 7_364_803
    ours, theirs = ({name: value.shape for name, value in net.state_dict().items()} for net in (network, plain))
    assert all(name.startswith("global_refinement.lstm.") for name in theirs.keys() - ours.keys())
    assert {name.split(".layers.")[0] for name in ours.keys() - theirs.keys()} == {"global_refinement.stage.graph"}
    assert all(ours[name] == theirs[name] for name in ours.keys() & theirs.keys())


def test_the_graph_is_stinets() -> None:
    """A node for each frame; every channel of a map gets one factor, close to one."""
    network = small(global_refinement="graph")
    assert isinstance(network, TMNet)
    maps, stamps = torch.rand(5, 2, 8, 4, 4), torch.arange(5.0)
    with torch.inference_mode():
        refined = network.global_refinement(maps, stamps)
        stage = build_stinet(
            STINetOptions(hr_features=False, channels=8, super_resolution_stages=1)
        ).global_refinement
        stage.load_state_dict(network.global_refinement.get_submodule("stage").state_dict())
        expected = stage({"lr": maps}, stamps)
        assert torch.equal(refined, expected.features["lr"] * expected.gain["lr"])
        per_clip = network.global_refinement(maps, torch.stack((stamps, 3 * stamps)))
    gain = (refined / maps).flatten(3)
    assert (gain - gain[..., :1]).abs().max() < 1e-5
    assert (gain - 1).abs().max() > 1e-4
    assert distance(per_clip[:, :1], refined[:, :1]) < 1e-6
    assert distance(per_clip[:, 1:], refined[:, 1:]) > 1e-6


def test_mcl_is_in_the_loss_alone() -> None:
    base, variant = LIBRARY.method("tmnet"), LIBRARY.method("tmnet-w-mcl")
    assert options("tmnet-w-mcl") == options("tmnet")
    assert variant.training == {**base.training, "lambda_mcl": 0.1}
    assert base.training["reconstruction"] == "charbonnier"


def test_the_hr_branch_is_stinet_without_lr_and_graph() -> None:
    network = build_tmnet(options("tmnet-w-hr"))
    assert isinstance(network, TwoBranches)
    lr, hr = count(build_lr_branch()), count(network.hr)
    wo_lr, wo_stgr = 9_612_793, GRAPH  # docs/stinet.md; phase 1's head makes pictures that nothing sees here
    assert (lr, hr) == (FULL, wo_lr - wo_stgr - (64 * 9 * 3 + 3))
    frozen = [name for name, parameter in network.named_parameters() if not parameter.requires_grad]
    assert all(name.startswith("hr.initialisation.super_resolution.") for name in frozen)
    assert sum(network.get_parameter(name).numel() for name in frozen) == S_SR
    modules = {type(module).__name__ for module in network.hr.modules()}
    assert not modules & {"GraphRefinement", "Interaction", "LRBranch", "BidirectionalConvLSTM"}


def test_the_branches_are_added_and_meet_nowhere_else() -> None:
    network = small(hr_features=True)
    assert isinstance(network, TwoBranches)
    clip, mean, deviation = frames(given=3), *network.hr_units.buffers()
    with torch.inference_mode():
        whole = network(clip, *flows(), times=(0.25, 0.5))
        lr = network.lr(clip, times=(0.25, 0.5))
        hr = network.hr((clip - mean) / deviation, *flows(), times=(0.25, 0.5))
        assert torch.equal(whole, lr + hr)
        assert distance(hr, torch.zeros_like(hr)) > 1e-3
        assert distance(network(clip, *(2 * flow for flow in flows()), times=(0.25, 0.5)), whole) > 1e-5
    assert whole.shape == (1, 7, 3, 32, 32)
    assert isinstance(network.hr, STINet)


@pytest.mark.parametrize("changes", [{"global_refinement": "graph"}, {"hr_features": True}], ids=str)
def test_a_row_learns_all_that_is_not_frozen(changes: dict[str, object]) -> None:
    network = small(**changes).train()
    given = flows() if isinstance(network, TwoBranches) else ()
    network(frames(given=3), *given, times=(0.3,)).square().mean().backward()
    learning = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
    without = [name for name, parameter in learning.items() if parameter.grad is None or not parameter.grad.any()]
    assert without == []
