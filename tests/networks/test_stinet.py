"""What must hold for every STINet; that it has the authors' numbers is in tests/cli/test_parity.py."""

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from harness.errors import DataError
from harness.networks.dbpn import dbpn
from harness.networks.stinet.build import build_stinet
from harness.networks.stinet.features import Features
from harness.networks.stinet.global_refinement import causal_edges, full_edges
from harness.networks.stinet.interpolation import adapted_flows
from harness.networks.stinet.key_map import from_release, super_resolution_from_release
from harness.networks.stinet.local import LocalRefinement
from harness.networks.stinet.network import STINet
from harness.networks.stinet.options import STINetOptions
from harness.ops.deform_conv import deform_conv
from tests.parity.references import REFERENCES, golden

TOLERANCE = 1e-4
GOLDEN = golden("stinet")
DEAD = 262_208 + 1_731
"""Parameters that the release keeps and never uses: a convolution of the graph's attributes, S-SR's RGB head."""


@pytest.fixture(scope="module")
def reference() -> Mapping[str, Tensor]:
    with np.load(REFERENCES / "stinet.npz") as stored:
        return {name: torch.from_numpy(stored[name]) for name in stored.files}


@pytest.fixture(scope="module")
def official() -> STINet:
    network = build_stinet()
    network.load_state_dict(from_release(GOLDEN.weights("public")))
    return network.eval()


def inputs(reference: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    return reference["input"], reference["input_f_flow"], reference["input_b_flow"]


def noise(*, batch: int = 1, given: int = 2, height: int = 6, width: int = 5, seed: int = 0) -> tuple[Tensor, ...]:
    """Frames and both flows of a small clip."""
    generator = torch.Generator().manual_seed(seed)
    frames = torch.randn(batch, given, 3, height, width, generator=generator)
    flows = torch.randn(2, batch, given - 1, 2, height, width, generator=generator)
    return frames, *flows


def distance(a: Tensor, b: Tensor) -> float:
    assert a.shape == b.shape
    return float((a - b).abs().max())


def swapped(frames: Tensor, offsets: Tensor, *rest: Tensor, padding: int) -> Tensor:
    """Deformable convolution with (dx, dy) offsets."""
    return deform_conv(
        frames, offsets.reshape(len(offsets), -1, 2, *offsets.shape[2:]).flip(2).flatten(1, 2), *rest, padding=padding
    )


def maskless(frames: Tensor, offsets: Tensor, mask: Tensor, *rest: Tensor, padding: int) -> Tensor:
    """Deformable convolution whose masks have learned nothing."""
    return deform_conv(frames, offsets, torch.full_like(mask, 0.5), *rest, padding=padding)


@pytest.mark.parametrize("wrong", [swapped, maskless])
def test_another_operator_is_noticed(
    wrong: Callable[..., Tensor], official: STINet, reference: Mapping[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.networks.layers.deformable.deform_conv", wrong)
    with torch.inference_mode():
        frames = official(*inputs(reference))
    assert distance(frames, reference["h_finalrec"][:, 1]) > 0.1


@pytest.mark.parametrize(
    "wrong", [STINetOptions(graph_edges="full"), STINetOptions(flow="raw")], ids=["graph", "flow"]
)
def test_another_variant_is_noticed(wrong: STINetOptions, official: STINet, reference: Mapping[str, Tensor]) -> None:
    network = build_stinet(wrong)
    network.load_state_dict(official.state_dict())
    with torch.inference_mode():
        frames = network(*inputs(reference))
    assert distance(frames, reference["h_finalrec"][:, 1]) > 0.05


def test_parameters_are_the_papers() -> None:
    parameters = sum(parameter.numel() for parameter in build_stinet().parameters())
    assert (parameters, parameters + DEAD) == (11_497_663, 11_761_602)
    assert GOLDEN.parameters == 11_761_602
    assert sum(parameter.numel() for parameter in build_stinet().parameters() if parameter.requires_grad) == 4_153_564


VARIANTS: dict[str, tuple[STINetOptions, int]] = {
    "flow unscaled": (STINetOptions(flow="raw"), 0),
    "private blocks": (STINetOptions(interpolation_shared=False), 369_280),
    "no ST-LR": (STINetOptions(local_refinement=False), -1_471_280),
    "no Inet": (STINetOptions(local_interaction="none"), -16_576),
    "no ST-GR": (STINetOptions(global_refinement="none"), -164_672),
    "undirected graph": (STINetOptions(graph_edges="full"), 0),
    "louder graph": (STINetOptions(graph_gain=0.3), 0),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_option_changes_the_result(variant: str, official: STINet) -> None:
    options, more = VARIANTS[variant]
    network = build_stinet(options)
    network.load_state_dict(official.state_dict(), strict=False)
    assert sum(parameter.numel() for parameter in network.parameters()) == 11_497_663 + more
    with torch.inference_mode():
        frames, expected = network(*noise()), official(*noise())
    assert frames.shape == expected.shape == (1, 3, 3, 24, 20)
    assert distance(frames, expected) > 1e-3


def test_options_that_cannot_be_built_are_refused() -> None:
    with pytest.raises(ValidationError):
        STINetOptions.model_validate({"graph_edges": "sideways"})
    with pytest.raises(ValidationError):
        STINetOptions.model_validate({"graph_edge": "full"})


def test_clips_of_a_batch_do_not_see_each_other(official: STINet) -> None:
    two = noise(batch=2, given=3)
    with torch.inference_mode():
        together = official(*two)
        alone = torch.cat([official(*(part[i : i + 1] for part in two)) for i in range(2)])
    assert distance(together, alone) < TOLERANCE


def test_any_number_of_frames_at_any_times(official: STINet) -> None:
    with torch.inference_mode():
        three = official.phase_1(*noise(given=3), times=(0.25, 0.5, 0.75))
        one = official.phase_1(*noise(given=3))
        frames = official(*noise(given=3), times=(0.25, 0.5, 0.75))
    assert frames.shape == (1, 9, 3, 24, 20)
    # What both know, they agree on: the given frames and the middles between them.
    assert distance(three.hr[:, ::2], one.hr) < TOLERANCE
    assert distance(three.lr[:, ::2], one.lr) < TOLERANCE
    assert distance(three.lr[:, 1], three.lr[:, 3]) > 1e-3


def test_flows_are_adapted_by_equation_1() -> None:
    there, back = torch.ones(1, 1, 2, 1, 1), -torch.ones(1, 1, 2, 1, 1)
    adapted = adapted_flows(there, back, (0.25, 0.5))
    assert adapted.flatten().tolist() == [0.75, 0.75, -0.25, -0.25, 0.5, 0.5, -0.5, -0.5]


def test_edges_of_the_graphs() -> None:
    features = Features(lr=torch.zeros(1, 7, 1, 1, 1), hr=torch.zeros(1, 7, 1, 4, 4))
    causal, full = causal_edges(features), full_edges(features)
    assert causal.sum() == 49
    # LR nodes hear the earlier ones and their HR counterpart, HR nodes the earlier ones alone.
    assert causal.sum(dim=1).tolist() == [1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6]
    assert torch.equal(full, full.T)
    assert set(full.sum(dim=1).tolist()) == {7.0}


def test_everything_but_s_sr_learns(official: STINet) -> None:
    network = build_stinet()
    network.load_state_dict(official.state_dict())
    outputs = network.supervised(*noise())
    sum((picture.square().mean() for picture in (outputs.frames, *outputs.phase_1)), start=torch.zeros(())).backward()
    for name, parameter in network.named_parameters():
        if name.startswith("initialisation.super_resolution."):
            assert parameter.grad is None, name
        else:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.any(), name


@pytest.mark.parametrize("start", ["zero", "kaiming"])
def test_where_an_untrained_network_samples(start: Literal["zero", "kaiming"]) -> None:
    refinement = build_stinet(offset_init=start).local_refinement
    assert isinstance(refinement, LocalRefinement)
    for direction in (refinement.past, refinement.future):
        weights = direction.align.get_parameter("offsets_and_mask.weight")
        assert bool(weights.any()) == (start == "kaiming")


class Calls(TorchDispatchMode):
    """Counts the calls that compute: a view costs nothing on a device."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's own is not annotated
        self.count = 0

    def __torch_dispatch__(
        self,
        func: OpOverload[..., object],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        self.count += not func.is_view
        return func(*args, **(kwargs or {}))


def test_a_window_is_a_few_hundred_calls_however_long(official: STINet) -> None:
    counts = []
    for given in (2, 4):
        with torch.no_grad(), Calls() as calls:
            official(*noise(given=given))
        counts.append(calls.count)
    assert counts[0] == counts[1] <= 400


@pytest.mark.parametrize("prefix", ["", "module."])
def test_both_spellings_of_a_checkpoint(prefix: str, official: STINet) -> None:
    state = GOLDEN.weights("public")
    if prefix:
        state = {prefix + key.replace("SAG1.bias", "SAG1.fc_neigh.bias"): value for key, value in state.items()}
        assert "module.SAG1.fc_neigh.bias" in state
    ours = from_release(state)
    assert {name: value.shape for name, value in ours.items()} == {
        name: value.shape for name, value in official.state_dict().items()
    }
    assert all(torch.equal(value, official.state_dict()[name]) for name, value in ours.items())


def test_the_separate_file_of_s_sr(official: STINet) -> None:
    state = GOLDEN.weights("public")
    alone = {key.removeprefix("DBPN."): value for key, value in state.items() if key.startswith("DBPN.")}
    network = dbpn()
    network.load_state_dict(super_resolution_from_release(alone))
    assert sum(parameter.numel() for parameter in network.parameters()) == 7_345_830
    frames = noise()[0][0]
    with torch.inference_mode():
        features = official.initialisation.super_resolution(frames)
        assert torch.equal(network.features(frames), features)
        assert network(frames).shape == (2, 3, 24, 20)


def test_a_foreign_checkpoint_is_named() -> None:
    with pytest.raises(DataError, match=r"conv_first\.weight"):
        from_release({"conv_first.weight": torch.zeros(1)})


def test_flows_that_do_not_belong_to_the_frames_are_refused(official: STINet) -> None:
    frames, there, back = noise(given=3)
    with pytest.raises(DataError, match="two flows"):
        official(frames, there, back[:, 1:])
    with pytest.raises(DataError, match="two or more frames"):
        official(frames[:, :1], there[:, :0], back[:, :0])
