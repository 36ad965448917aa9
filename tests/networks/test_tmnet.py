"""TMNet in both of its modes beside the authors' numbers, beside a straightforward program, and what must hold."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from benchmarks.straightforward_tmnet import Straightforward
from harness.errors import DataError
from harness.networks.tmnet.build import build_lr_branch
from harness.networks.tmnet.key_map import from_release
from harness.networks.tmnet.modulation import TemporalModulation, TemporalModulationBlock
from harness.networks.tmnet.network import TMNet
from harness.networks.tmnet.options import TMNetOptions
from tests.networks.clips import distance
from tests.networks.release import errors, frames, loaded, reference, weights

TOLERANCE = 1e-4
SMALL = TMNetOptions(channels=8, feature_blocks=1, reconstruction_blocks=1)


def authors(*, salt: str = "public") -> TMNet:
    network = loaded("tmnet", salt=salt)
    assert isinstance(network, TMNet)
    return network


def small(options: TMNetOptions = SMALL) -> TMNet:
    """A network whose sampling and modulation matter."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_lr_branch(options)
        for name, parameter in network.named_parameters():
            if "offsets_and_mask" in name or "factors" in name:
                nn.init.normal_(parameter)
    return network


# -- the authors' numbers; those of the single-frame mode are in tests/cli/test_parity.py


def test_the_multi_frame_mode_is_the_authors() -> None:
    arrays = reference("tmnet-multi")
    found = errors("tmnet", authors(), arrays)
    assert len(found) == len(arrays) - 2
    assert {"y", "mid_TMB_A_l1_first", "mid_TMB_B_l3_first"} <= found.keys()
    assert {name: error for name, error in found.items() if not error < TOLERANCE} == {}


def exchange_halves(network: TMNet) -> None:
    """Each half counts time from where the other stands."""
    for half in (network.interpolation.align.first, network.interpolation.align.second):
        half.register_forward_pre_hook(lambda _half, given, more: (given, {"time": -more["time"]}), with_kwargs=True)


def feed_offset_features(network: TMNet) -> None:
    """A block sees the offset features in the place of what these are made of."""
    for module in network.modules():
        if isinstance(module, TemporalModulation):
            module.register_forward_pre_hook(lambda _module, given: (given[0], given[0], given[2]))


def add_before_the_activation(network: TMNet) -> None:
    for module in network.modules():
        if isinstance(module, TemporalModulation):
            module.register_forward_hook(lambda _module, _given, out: nn.functional.leaky_relu(out, 0.1))


def no_skip(network: TMNet) -> None:
    """The trunk takes away what is added to it."""
    kept: list[Tensor] = []
    network.interpolation.register_forward_hook(lambda _module, _given, out: kept.append(out.flatten(0, 1)))
    network.trunk.register_forward_hook(lambda _module, _given, out: out - kept[-1])


def skip_of_the_compared(network: TMNet) -> None:
    kept: list[Tensor] = []
    network.interpolation.register_forward_hook(lambda _module, _given, out: kept.append(out.flatten(0, 1)))
    network.global_refinement.register_forward_pre_hook(lambda _module, given: kept.append(given[0].flatten(0, 1)))
    network.trunk.register_forward_hook(lambda _module, _given, out: out + kept[-1] - kept[-2])


def comparison_alone(network: TMNet) -> None:
    """The ConvLSTM hears of the comparison, and not of the features themselves."""
    kept: list[Tensor] = []
    network.interpolation.register_forward_hook(lambda _module, _given, out: kept.append(out))
    network.global_refinement.register_forward_pre_hook(lambda _module, given: (given[0] - kept[-1], given[1]))


@pytest.mark.parametrize(
    "wrong",
    [
        exchange_halves,
        feed_offset_features,
        add_before_the_activation,
        no_skip,
        skip_of_the_compared,
        comparison_alone,
    ],
)
def test_what_is_wrong_is_noticed(wrong: Callable[[TMNet], None]) -> None:
    network, straightforward = authors(salt="other"), Straightforward(weights("tmnet", "other"))
    wrong(network)
    with torch.inference_mode():
        assert distance(network(frames(), times=(0.2,)), straightforward(frames(), torch.tensor([[0.2]]))) > 0.01


def test_what_is_wrong_is_noticed_by_the_reference() -> None:
    network = authors()
    exchange_halves(network)
    found = errors("tmnet", network, reference("tmnet-multi"))
    right = {name for name, error in found.items() if error < TOLERANCE}
    assert right == {"mid_L1_fea", "mid_layersAtBOffset_first"}  # which see given frames alone
    assert found["y"] > 0.1


# -- a straightforward program, with weights that the references have not, at sizes and times that they have not


@pytest.mark.parametrize(
    ("shape", "times"),
    [
        ((1, 3, 6, 10), [[0.25, 0.5, 0.75]]),
        ((2, 2, 5, 7), [[0.1, 0.35], [0.6, 0.95]]),
        ((1, 2, 8, 4), [[0.8]]),
        ((2, 3, 6, 9), None),
    ],
    ids=str,
)
def test_it_is_the_straightforward_program(shape: tuple[int, int, int, int], times: list[list[float]] | None) -> None:
    batch, given, height, width = shape
    clip = frames(batch=batch, given=given, height=height, width=width)
    network, straightforward = authors(salt="other"), Straightforward(weights("tmnet", "other"))
    with torch.inference_mode():
        if times is None:
            assert distance(network(clip), straightforward(clip)) < TOLERANCE
        else:
            at = torch.tensor(times)
            assert distance(network(clip, times=at), straightforward(clip, at)) < TOLERANCE


# -- times


def test_half_way_nothing_is_modulated() -> None:
    network = small()
    with torch.inference_mode():
        single = network(frames(given=3))
        assert distance(network(frames(given=3), times=torch.tensor([[0.5]])), single) < 1e-6
        assert torch.equal(network(frames(given=3), times=(0.5,)), single)
        assert distance(network(frames(given=3), times=(0.25,)), single) > 1e-4


def test_the_single_frame_mode_computes_no_modulation() -> None:
    network = small()
    seen: list[str] = []
    for module in network.modules():
        if isinstance(module, TemporalModulationBlock):
            module.register_forward_hook(lambda *_: seen.append("called"))
    with torch.inference_mode():
        network(frames())
        assert seen == []
        network(frames(given=4), times=(0.25, 0.5, 0.75))
    assert len(seen) == 6  # a block of each level of each half, for all pairs at all times


def test_times_are_the_same_for_all_clips_or_each_clips_own() -> None:
    network, clips = small(), frames(batch=2, given=3)
    with torch.inference_mode():
        same = network(clips, times=(0.2, 0.6))
        assert torch.equal(network(clips, times=torch.tensor([[0.2, 0.6]] * 2)), same)
        own = network(clips, times=torch.tensor([[0.2, 0.6], [0.3, 0.9]]))
        assert distance(own[:1], same[:1]) < 1e-6
        assert distance(own[1:], network(clips[1:], times=(0.3, 0.9))) < 1e-6


def test_what_does_not_depend_on_time_is_made_once_for_a_pair() -> None:
    network = small()
    rows: dict[str, list[int]] = {}
    level = "interpolation.align.first.level_"
    parts = ("3.compare", "3.refine", "3.modulate.block.features", "3.align", "2.compare", "2.join", "1.compare")
    for part in parts:
        network.get_submodule(level + part).register_forward_hook(
            lambda _module, _given, out, part=part: rows.setdefault(part, []).append(len(out))
        )
    with torch.inference_mode():
        network(frames(given=3), times=(0.2, 0.4, 0.6))
    once, each = [2], [6]
    assert [rows[part] for part in parts] == [once, once, once, each, once, each, once]


@pytest.mark.parametrize("times", [(), torch.zeros(1, 0), torch.full((3,), 0.5), torch.full((3, 2), 0.5)], ids=str)
def test_times_of_another_shape_are_refused(times: tuple[float, ...] | Tensor) -> None:
    with pytest.raises(DataError, match="one time or more"):
        small()(frames(), times=times)


# -- the network


def test_clips_of_a_batch_do_not_see_each_other() -> None:
    network, clips = small(), frames(batch=2, given=3)
    with torch.inference_mode():
        together = network(clips, times=(0.3, 0.7))
        alone = torch.cat([network(clip, times=(0.3, 0.7)) for clip in clips.split(1)])
    assert distance(together, alone) < 1e-6


def test_every_parameter_learns_and_modulation_in_the_multi_frame_mode_alone() -> None:
    network, clips = small(), frames(given=3)
    network(clips, times=(0.3,)).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name
    network.zero_grad(set_to_none=True)
    network(clips).square().mean().backward()
    still = {name for name, parameter in network.named_parameters() if parameter.grad is None}
    assert still == {name for name, _ in network.named_parameters() if ".modulate." in name}


def test_compiles_as_one_graph() -> None:
    """All but the recurrence, whose own test is in layers/test_conv_lstm.py."""
    torch.compiler.reset()
    network = small(SMALL.model_copy(update={"global_refinement": "graph"})).eval()
    with torch.inference_mode():
        compiled = torch.compile(network, backend="eager", fullgraph=True)
        assert distance(compiled(frames(), times=(0.3,)), network(frames(), times=(0.3,))) < 1e-6


def test_nothing_waits_for_the_device() -> None:
    """On the meta device there are no values: whoever asked for one would fail."""
    network = small().to("meta")
    assert network(frames().to("meta"), times=(0.25, 0.5)).shape == (1, 4, 3, 32, 32)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_both_spellings_of_a_checkpoint(prefix: str) -> None:
    state = weights("tmnet", "public")
    network = build_lr_branch()
    network.load_state_dict(from_release({prefix + name: value for name, value in state.items()}), strict=True)
    factors = network.get_parameter("interpolation.align.second.level_2.modulate.block.factors.4.weight")
    assert torch.equal(factors, state["pcd_align.TMB_B_l2.t_process.4.weight"])
