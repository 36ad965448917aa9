"""DAIN beside the authors' numbers, beside a straightforward program, and what must hold in any case."""

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from harness.errors import DataError
from harness.networks.dain import network as module
from harness.networks.dain.build import build_dain
from harness.networks.dain.key_map import from_release
from harness.networks.dain.network import DAIN, interpolate
from harness.networks.parity.check import watched
from harness.ops.flow_projection import project_flow
from tests.networks.clips import distance
from tests.networks.release import frames, loaded, reference, weights
from tests.networks.straightforward_dain import Straightforward
from tests.parity.references import golden

TOLERANCE = 1e-4
UNUSED = 2 * 2 * 4 * 4 + 2  # the layer of the release that is never read


def authors(salt: str = "public") -> DAIN:
    network = loaded("dain", salt=salt)
    assert isinstance(network, DAIN)
    return network


@pytest.fixture(scope="module")
def arrays() -> dict[str, Tensor]:
    return reference("dain")


def off(network: DAIN, arrays: dict[str, Tensor]) -> float:
    """How far a frame is from the authors', half-way."""
    with torch.inference_mode():
        made = network(*arrays["input"], (0.5,))
    return distance(made[:, 0, :, ::3, ::3], arrays["out_rectified@3"])


@pytest.mark.parametrize(("size", "time"), [((64, 64), 0.2), ((128, 64), 0.5)], ids=str)
def test_it_is_the_straightforward_program(size: tuple[int, int], time: float) -> None:
    """With weights, at sizes, times and with a batch that the reference has not.

    Where a flow is close to a pixel, the last bit decides: a few pixels may differ before the rectification.
    """
    network, straightforward = authors("other"), Straightforward(weights("dain", "other"))
    clip = frames(batch=2, height=size[0], width=size[1])
    with torch.inference_mode(), watched(network, {}, inputs={"known": "rectify"}) as seen:
        made = network(clip[:, 0], clip[:, 1], (time,))[:, 0]
        (known,) = seen["known"]
        wanted = torch.cat([straightforward.known(pair[:1], pair[1:], time) for pair in clip])
        assert float(((known - wanted).abs() < TOLERANCE).double().mean()) > 0.99
        assert distance(made, known[:, :3] + straightforward.rectify(known)) < TOLERANCE


def exchanged_filters(network: DAIN) -> None:
    network.filter_heads = nn.ModuleList([network.filter_heads[1], network.filter_heads[0]])


def inverted_depth(network: DAIN) -> None:
    network.depth.register_forward_hook(lambda _depth, _given, out: -out)


def backward_flow(network: DAIN) -> None:
    network.flow.register_forward_hook(lambda _flow, _given, out: out.roll(1, 0))


def narrow_context(network: DAIN) -> None:
    for layer in network.context.modules():
        if isinstance(layer, nn.Conv2d) and layer.dilation == (8, 8):
            layer.dilation = layer.padding = (4, 4)


def two_directions(network: DAIN) -> None:
    """The pyramid's frames are not exchanged for the second direction: both flows are the first."""
    network.flow.register_forward_hook(lambda _flow, _given, out: out[:1].expand_as(out))


@pytest.mark.parametrize("wrong", [exchanged_filters, inverted_depth, backward_flow, narrow_context, two_directions])
def test_other_details_are_noticed(wrong: Callable[[DAIN], None], arrays: dict[str, Tensor]) -> None:
    network = authors()
    wrong(network)
    assert off(network, arrays) > 0.01


def with_holes(flow: Tensor, weights: Tensor, *, fill: bool) -> Tensor:
    del fill
    return project_flow(flow, weights, fill=False)


def same_sign(flow: Tensor, weights: Tensor, *, fill: bool) -> Tensor:
    return -project_flow(flow, weights, fill=fill)


@pytest.mark.parametrize("wrong", [with_holes, same_sign])
def test_another_projection_is_noticed(
    wrong: Callable[..., Tensor], arrays: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = authors()
    assert off(network, arrays) < TOLERANCE
    monkeypatch.setattr(module, "project_flow", wrong)
    assert off(network, arrays) > 0.01


class Remembering(DAIN):
    """Gives back the second frame, and remembers what it was asked."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.given: list[Tensor] = []

    def forward(self, first: Tensor, second: Tensor, times: Sequence[float]) -> Tensor:
        self.given.append(first)
        return torch.stack([second] * len(times), dim=1)


@pytest.mark.parametrize(
    ("size", "padded", "corner"),
    [
        ((64, 112), (128, 128), (32, 8)),
        ((65, 127), (128, 128), (31, 0)),
        ((128, 256), (192, 320), (32, 32)),
        ((129, 1), (256, 128), (63, 63)),
    ],
)
def test_frames_are_padded_as_the_authors_do_it(
    size: tuple[int, int], padded: tuple[int, int], corner: tuple[int, int]
) -> None:
    network, clip = Remembering(), frames(height=size[0], width=size[1])
    made = interpolate(network, clip[:, 0], clip[:, 1], (0.5, 0.75))
    assert torch.equal(made, torch.stack((clip[:, 1], clip[:, 1]), dim=1))
    (seen,) = network.given
    assert seen.shape[-2:] == padded
    top, left = corner
    assert torch.equal(seen[..., top : top + size[0], left : left + size[1]], clip[:, 0])
    edge = clip[:, 0, :, :1, :1].expand(-1, -1, top + 1, left + 1)
    assert torch.equal(seen[..., : top + 1, : left + 1], edge)


def test_what_does_not_depend_on_time_is_computed_once() -> None:
    network, calls = build_dain().eval(), []
    parts = ("flow", "depth", "context", "filter_features", "rectify")
    for name in parts:
        network.get_submodule(name).register_forward_hook(lambda *_, name=name: calls.append(name))
    with torch.inference_mode():
        network(*frames(height=64, width=64).unbind(1), (0.25, 0.5, 0.75))
    assert {name: calls.count(name) for name in parts} == dict(zip(parts, (1, 1, 1, 1, 3), strict=True))


def test_parameters_are_the_authors() -> None:
    parameters = sum(parameter.numel() for parameter in build_dain().parameters())
    assert parameters + UNUSED == golden("dain").parameters == 24_031_656


def test_every_parameter_and_both_frames_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    """In training, depth is told by the weights of the projection; holes stay holes."""
    filled: list[bool] = []

    def counted(flow: Tensor, weights: Tensor, *, fill: bool) -> Tensor:
        filled.append(fill)
        return project_flow(flow, weights, fill=fill)

    monkeypatch.setattr(module, "project_flow", counted)
    network, clip = authors(), frames(height=64, width=64)
    first, second = (clip[:, k].clone().requires_grad_() for k in (0, 1))
    network(first, second, (0.5,)).square().mean().backward()
    assert filled == [False]
    for name, tensor in (*network.named_parameters(), ("first", first), ("second", second)):
        assert tensor.grad is not None, name
        assert tensor.grad.isfinite().all(), name
        assert tensor.grad.any(), name


@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_authors_file_with_what_it_may_have_besides(prefix: str) -> None:
    state = weights("dain", "public")
    besides = {"rectifyNet2.block1.0.weight": torch.zeros(1), "flownets.deconv2.weight": torch.zeros(2, 2, 4, 4)}
    ours = from_release({prefix + name: value for name, value in {**state, **besides}.items()})
    network = build_dain()
    missing, unexpected = network.load_state_dict(ours, strict=False)
    assert all(name.endswith("num_batches_tracked") for name in missing)
    assert not unexpected
    assert torch.equal(network.get_parameter("rectify.5.bias"), state["rectifyNet.block5.0.bias"])


@pytest.mark.parametrize("name", ["flownets.conv7a.0.weight", "moduleConv1.0.weight"])
def test_a_foreign_checkpoint_is_named(name: str) -> None:
    with pytest.raises(DataError) as caught:
        from_release({name: torch.zeros(1)})
    assert name in caught.value.found


@pytest.mark.parametrize("sizes", [((64, 96), (64, 96)), ((64, 64), (128, 64))], ids=str)
def test_other_sizes_are_refused(sizes: tuple[tuple[int, int], tuple[int, int]]) -> None:
    with pytest.raises(DataError, match="multiples of 64"):
        build_dain()(*(torch.zeros(1, 3, *size) for size in sizes), (0.5,))
