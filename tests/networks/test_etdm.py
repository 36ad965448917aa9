"""ETDM beside a second opinion at every length, as a stream, and what a wrong one would give.

That it is the authors' network is seen in tests/cli/test_parity.py.
"""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from harness.errors import DataError
from harness.networks.etdm import network as module
from harness.networks.etdm.build import etdm
from harness.networks.etdm.key_map import from_release
from harness.networks.etdm.moments import moment
from harness.networks.etdm.network import ETDM
from harness.networks.etdm.parity import moments
from harness.ops.warp import Warp, stretched_warp, warp
from harness.upscalers.weights import translate
from tests.networks.clips import distance
from tests.networks.release import frames, loaded, reference, weights
from tests.networks.straightforward_etdm import upscaled
from tests.parity.references import golden

TOLERANCE = 1e-4


def small(*, sample: Warp = warp) -> ETDM:
    """A small network whose values stay near one."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = etdm(channels=8, blocks=3, fusion_blocks=1, sample=sample)
        for name, parameter in network.named_parameters():
            std = 0.5 * parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.05
            nn.init.normal_(parameter, std=2 * std if name.startswith("flow") else std)
    return network.eval().requires_grad_(False)


def clip(given: int, *, batch: int = 1, height: int = 10, width: int = 12, seed: int = 0) -> Tensor:
    """Noise that changes much in some places and little in others."""
    noise = frames(batch=batch, given=given, height=height, width=width, seed=seed)
    still = frames(batch=batch, given=1, height=height, width=width, seed=seed + 1)
    return still + (noise - still) * torch.linspace(0, 1, width)


@pytest.mark.parametrize(
    ("given", "batch", "size", "salt"),
    [(3, 1, (12, 20), "a"), (4, 2, (9, 8), "b"), (6, 1, (33, 34), "c")],
    ids=["three frames", "four frames, two clips", "six frames"],
)
def test_it_is_what_the_sheet_says_at_any_length(given: int, batch: int, size: tuple[int, int], salt: str) -> None:
    lr = clip(given, batch=batch, height=size[0], width=size[1], seed=given)
    with torch.inference_mode():
        made, wanted = loaded("etdm", salt=salt)(lr), upscaled(lr, weights("etdm", salt))
    assert made.shape == (batch, given, 3, 4 * size[0], 4 * size[1])
    assert distance(made, wanted) < TOLERANCE * max(1.0, float(wanted.abs().max()))


def test_the_masks_are_those_of_the_authors() -> None:
    arrays = reference("etdm")
    for theirs in moments(arrays):
        ours = moment(theirs.before, theirs.frame, theirs.after)
        assert torch.equal(ours.changed_before, theirs.changed_before)
        assert torch.equal(ours.changed_after, theirs.changed_after)
        assert 0.1 < float(ours.changed_after.mean()) < 0.6


def test_every_frame_has_its_own_mean() -> None:
    """A clip of a batch does not change what is much in another one."""
    before, frame, after = clip(3, batch=2).unbind(1)
    before = before * torch.tensor([1.0, 9.0]).view(2, 1, 1, 1)
    both = moment(before, frame, after)
    alone = moment(before[:1], frame[:1], after[:1])
    assert torch.equal(both.changed_before[:1], alone.changed_before)


@pytest.mark.parametrize("given", range(1, 9))
def test_a_stream_is_the_clip(given: int) -> None:
    network, lr = small(), clip(given)
    made = list(network.stream(lr.unbind(1)))
    assert len(made) == given
    assert torch.equal(torch.stack(made, dim=1), network(lr))


def test_frames_come_as_soon_as_three_more_are_known() -> None:
    """And later ones change nothing: no frame beyond the fourth next one is read before the frame is out."""
    network, lr, read = small(), clip(8), []

    def source() -> Iterator[Tensor]:
        for index, frame in enumerate(lr.unbind(1)):
            read.append(index)
            yield frame

    known = []
    for _ in network.stream(source()):
        known.append(len(read))
    assert known == [5, 6, 7, 8, 8, 8, 8, 8]
    longer = torch.cat((lr, clip(3, seed=5)), dim=1)
    assert torch.equal(network(longer)[:, :4], network(lr)[:, :4])


def test_two_frames_follow_the_rules_and_one_is_its_own_neighbour() -> None:
    """By the formulas for the last frames: with T = 2 a frame's neighbours are both the other one."""
    network = small()
    first, second = clip(2).unbind(1)
    presents = list(network.presents([moment(second, first, second), moment(first, second, first)]))
    b, left = ([getattr(one, name) for one in presents] for name in ("estimate", "d_before"))
    told = [(b[0] - left[0], b[1] - (left[0] + left[1]), b[1] - (left[0] + left[1])), (b[1], b[1], b[1])]
    wanted = [network.picture(one, seen) for one, seen in zip(presents, told, strict=True)]
    assert distance(network(clip(2)), torch.stack(wanted, dim=1)) < 1e-6
    (alone,) = network.presents([moment(first, first, first)])
    assert distance(network(first.unsqueeze(1))[:, 0], network.picture(alone, (alone.estimate,) * 3)) < 1e-6
    assert network(clip(1))[:, 0].isfinite().all()


def no_reflection(clip: list[Tensor]) -> Iterator[tuple[Tensor, ...]]:
    return zip(clip[:1] + clip[:-1], clip, clip[1:] + clip[-1:], strict=True)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("neighbourhoods", lambda clip: no_reflection(list(clip))),
        ("moment", lambda before, frame, after: moment(after, frame, before)),
        ("from_future", lambda ahead: (ahead[0].estimate,) * 3),
        ("at_the_end", lambda last: [(one.estimate,) * 3 for one in last]),
    ],
)
def test_other_rules_are_noticed(name: str, wrong: object, monkeypatch: pytest.MonkeyPatch) -> None:
    network, lr = small(), clip(5)
    right = network(lr)
    monkeypatch.setattr(module, name, wrong)
    assert distance(network(lr), right) > 1e-3


def test_the_other_reading_of_the_warp_reaches_the_flow_and_the_state() -> None:
    network, lr = small(), clip(3)
    assert distance(small(sample=stretched_warp)(lr), network(lr)) > 1e-4
    network.sample = stretched_warp
    half_way = network(lr)
    assert distance(small(sample=stretched_warp)(lr), half_way) > 1e-4
    assert distance(small()(lr), half_way) > 1e-4


def test_a_file_as_the_authors_save_it_is_the_whole_network() -> None:
    state = {f"module.{name}": value for name, value in weights("etdm", "public").items()}
    with torch.device("meta"):
        network = etdm()
    assert sum(parameter.numel() for parameter in network.parameters()) == golden("etdm").parameters == 8_879_628
    network.load_state_dict(translate(state, "etdm-release"), assign=True)  # strict
    with pytest.raises(DataError, match="neuro_hv"):
        from_release({"neuro.neuro_hv.conv_1.weight": torch.zeros(1)})


def test_what_is_given_gets_a_gradient() -> None:
    lr = clip(4).requires_grad_()
    network = small().requires_grad_(True)
    network(lr).square().mean().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert lr.grad is not None and all(bool(part.any()) for part in lr.grad.unbind(1))


def test_nothing_waits_for_a_device() -> None:
    """No value decides what is computed next: without any, on the device that has none, everything runs."""
    assert small().to("meta")(torch.empty(1, 5, 3, 8, 9, device="meta")).shape == (1, 5, 3, 32, 36)


def test_first_weights_are_a_tenth_of_kaimings() -> None:
    layer = etdm(channels=96, blocks=2, fusion_blocks=1).look_back.mix[0]  # type: ignore[index]
    assert layer.weight.std().item() == pytest.approx(0.1 * (2 / layer.weight[0].numel()) ** 0.5, rel=0.05)
    assert not layer.bias.any()
