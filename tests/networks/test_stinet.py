"""What must hold for every STINet. That it is the authors' is seen in tests/cli/test_parity.py."""

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.timing import Calls
from harness.errors import DataError
from harness.networks.dbpn import dbpn
from harness.networks.layers.sequences import on_device, timestamps
from harness.networks.stinet.build import build_stinet
from harness.networks.stinet.interpolation import adapted_flows
from harness.networks.stinet.key_map import from_release, super_resolution_from_release
from harness.networks.stinet.local import LocalRefinement
from harness.networks.stinet.network import STINet
from harness.networks.stinet.options import OFFICIAL, STINetOptions
from harness.ops.deform_conv import deform_conv
from tests.networks.clips import distance, noise
from tests.parity.references import REFERENCES, golden

CPU = torch.device("cpu")
TOLERANCE = 1e-4
GOLDEN = golden("stinet")
DEAD = 262_208 + 1_731
"""Parameters that the release keeps and never uses: a convolution of the graph's attributes, S-SR's RGB head."""


@pytest.fixture(scope="module")
def reference() -> Mapping[str, Tensor]:
    with np.load(REFERENCES / "stinet.npz") as stored:
        return {name: torch.from_numpy(stored[name]) for name in stored.files}


def inputs(reference: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    return reference["input"], reference["input_f_flow"], reference["input_b_flow"]


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


@pytest.mark.parametrize("wrong", [{"graph_edges": "full"}, {"flow": "raw"}], ids=["graph", "flow"])
def test_another_variant_is_noticed(wrong: dict[str, str], official: STINet, reference: Mapping[str, Tensor]) -> None:
    network = build_stinet(STINetOptions.model_validate({**OFFICIAL.model_dump(), **wrong}))
    network.load_state_dict(official.state_dict())
    with torch.inference_mode():
        frames = network(*inputs(reference))
    assert distance(frames, reference["h_finalrec"][:, 1]) > 0.05


def test_parameters_are_the_papers() -> None:
    network = build_stinet()
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert (parameters, parameters + DEAD) == (11_497_663, 11_761_602)
    assert GOLDEN.parameters == 11_761_602
    assert sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad) == 4_153_564


def test_clips_of_a_batch_do_not_see_each_other(paper: STINet) -> None:
    two = noise(batch=2, given=3)
    with torch.inference_mode():
        together = paper(*two)
        alone = torch.cat([paper(*(part[i : i + 1] for part in two)) for i in range(2)])
    assert distance(together, alone) < TOLERANCE


def test_any_number_of_frames_at_any_times(paper: STINet) -> None:
    with torch.inference_mode():
        three = paper.phase_1(*noise(given=3), times=(0.25, 0.5, 0.75))
        one = paper.phase_1(*noise(given=3))
        frames = paper(*noise(given=3), times=(0.25, 0.5, 0.75))
    assert frames.shape == (1, 9, 3, 32, 36)
    # What both know, they agree on: the given frames and the middles between them.
    assert distance(three["hr"][::2], one["hr"]) < TOLERANCE
    assert distance(three["lr"][::2], one["lr"]) < TOLERANCE
    assert distance(three["lr"][1], three["lr"][3]) > 1e-3


@pytest.mark.parametrize("given", [2, 5, 7])
@pytest.mark.parametrize("rate", [1, 2, 4, 6])
def test_windows_of_any_length_at_the_rates_of_table_2(given: int, rate: int) -> None:
    network = build_stinet(STINetOptions(channels=8, super_resolution_stages=1, interpolation_blocks=1)).eval()
    with torch.inference_mode():
        frames = network(*noise(given=given), times=tuple(k / rate for k in range(1, rate)))
    assert frames.shape == (1, (given - 1) * rate + 1, 3, 32, 36)
    assert frames.isfinite().all()


@pytest.mark.parametrize("size", [(8, 8), (9, 31), (20, 13)])
def test_any_size(size: tuple[int, int], paper: STINet) -> None:
    with torch.inference_mode():
        frames = paper(*noise(height=size[0], width=size[1]))
    assert frames.shape == (1, 3, 3, 4 * size[0], 4 * size[1])


def test_times_are_those_of_the_frames_that_come_out() -> None:
    assert timestamps(3, on_device((0.5,), CPU)).tolist() == [0, 1, 2, 3, 4]
    assert timestamps(2, on_device((0.25, 0.5, 0.75), CPU)).tolist() == [0, 1, 2, 3, 4]
    assert timestamps(2, on_device((0.1,), CPU)).tolist() == pytest.approx([0, 0.2, 2])
    assert timestamps(3, on_device((), CPU)).tolist() == [0, 1, 2]


def test_uneven_times_change_the_weights_of_the_graph(paper: STINet) -> None:
    features = {"lr": torch.randn(3, 1, 64, 8, 9), "hr": torch.randn(3, 1, 64, 32, 36)}
    even, uneven = (torch.tensor(times) for times in ([0.0, 1.0, 2.0], [0.0, 0.2, 2.0]))
    with torch.inference_mode():
        gains = [paper.global_refinement(features, times).gain["hr"] for times in (even, uneven)]
    assert distance(*gains) > 1e-4


def test_flows_are_adapted_by_equation_1() -> None:
    there, back = torch.ones(1, 1, 2, 1, 1), -torch.ones(1, 1, 2, 1, 1)
    adapted = adapted_flows(there, back, (0.25, 0.5))
    assert adapted.flatten().tolist() == [0.75, 0.75, -0.25, -0.25, 0.5, 0.5, -0.5, -0.5]


@pytest.mark.parametrize("ssr", ["frozen", "finetune"])
def test_everything_learns_but_a_frozen_s_sr(ssr: str, official: STINet) -> None:
    network = build_stinet(train_super_resolution=ssr == "finetune")
    network.load_state_dict(official.state_dict())
    outputs = network.supervised(*noise())
    pictures = (outputs.frames, *outputs.phase_1.values())
    sum((picture.square().mean() for picture in pictures), start=torch.zeros(())).backward()
    for name, parameter in network.named_parameters():
        if name.startswith("initialisation.super_resolution.") and ssr == "frozen":
            assert parameter.grad is None, name
        else:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.any(), name


@pytest.mark.parametrize("flow", ["adapted", "none"])
def test_large_maps_learn_too(flow: Literal["adapted", "none"]) -> None:
    """A CPU takes these a few at a time; nothing may then work in place on what it was given."""
    options = STINetOptions(flow=flow, channels=8, super_resolution_stages=2, interpolation_blocks=1)
    network = build_stinet(options, train_super_resolution=True, offset_init="kaiming")
    clips = noise(batch=2, given=3, height=40, width=36)
    given = [part.clone() for part in clips]
    outputs = network.supervised(*clips, times=(0.25, 0.5))
    pictures = (outputs.frames, *outputs.phase_1.values())
    sum((picture.square().mean() for picture in pictures), start=torch.zeros(())).backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in network.parameters())
    assert all(torch.equal(part, before) for part, before in zip(clips, given, strict=True))


@pytest.mark.parametrize("start", ["zero", "kaiming"])
def test_where_an_untrained_network_samples(start: Literal["zero", "kaiming"]) -> None:
    refinement = build_stinet(offset_init=start).local_refinement
    assert isinstance(refinement, LocalRefinement)
    for direction in ("past", "future"):
        weights = refinement.get_parameter(f"{direction}.module.deform.offsets_and_mask.weight")
        assert bool(weights.any()) == (start == "kaiming")


@pytest.mark.parametrize("name", ["official", "paper"])
def test_a_window_is_a_few_hundred_calls_however_long(name: str, request: pytest.FixtureRequest) -> None:
    network: STINet = request.getfixturevalue(name)
    counts = []
    for given in (2, 4):
        with torch.no_grad(), Calls() as calls:
            network(*noise(given=given))
        counts.append(calls.count)
    assert counts[0] == counts[1] <= 400


def test_compiles_as_one_graph(paper: STINet) -> None:
    frames = noise(given=3)
    with torch.inference_mode():
        compiled = torch.compile(paper, backend="eager", fullgraph=True)(*frames)
        assert distance(compiled, paper(*frames)) < TOLERANCE


def test_nothing_waits_for_the_device() -> None:
    """On the meta device there are no values: whoever asked for one would fail."""
    network = build_stinet().to("meta")
    assert network(*(part.to("meta") for part in noise(given=4))).shape == (1, 7, 3, 32, 36)


def test_maps_stay_channels_last(paper: STINet) -> None:
    contiguous: list[str] = []
    hooks = [
        module.register_forward_hook(
            lambda _module, _inputs, out, name=name: (
                None if out.is_contiguous(memory_format=torch.channels_last) else contiguous.append(name)
            )
        )
        for name, module in paper.named_modules()
        if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d)
    ]
    with torch.inference_mode():
        paper(*noise(given=4))
    for hook in hooks:
        hook.remove()
    assert contiguous == []


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
        assert distance(network.features(frames), features) < TOLERANCE
        assert network(frames).shape == (2, 3, 32, 36)


def test_a_foreign_checkpoint_is_named() -> None:
    with pytest.raises(DataError, match=r"conv_first\.weight"):
        from_release({"conv_first.weight": torch.zeros(1)})


def test_flows_that_do_not_belong_to_the_frames_are_refused(official: STINet) -> None:
    frames, there, back = noise(given=3)
    with pytest.raises(DataError, match="two flows"):
        official(frames, there, back[:, 1:])
    with pytest.raises(DataError, match="two or more frames"):
        official(frames[:, :1], there[:, :0], back[:, :0])
