"""SepConv beside the authors' numbers, beside a straightforward program, and what must hold in any case."""

from collections.abc import Callable, Mapping

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import DataError
from harness.networks.sepconv import PaddingRule, SepConv, from_release, interpolate, sepconv
from tests.networks.clips import distance
from tests.networks.release import errors, frames, loaded, reference, weights
from tests.parity.references import golden

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def arrays() -> dict[str, Tensor]:
    return reference("sepconv")


def authors(salt: str = "public") -> SepConv:
    network = loaded("sepconv", salt=salt)
    assert isinstance(network, SepConv)
    return network


def straightforward(state: Mapping[str, Tensor], one: Tensor, two: Tensor) -> Tensor:
    """The sheet, line by line; the kernels tap by tap."""

    def convs(x: Tensor, name: str, *indices: int) -> Tensor:
        for index in indices:
            layer = f"module{name}.{index}"
            x = F.relu(F.conv2d(x, state[f"{layer}.weight"], state[f"{layer}.bias"], padding=1))
        return x

    def up(x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)

    def taps(x: Tensor, name: str) -> Tensor:
        last = f"module{name}.7"
        return F.conv2d(up(convs(x, name, 0, 2, 4)), state[f"{last}.weight"], state[f"{last}.bias"], padding=1)

    def applied(image: Tensor, vertical: Tensor, horizontal: Tensor) -> Tensor:
        image, (height, width) = F.pad(image, [25] * 4, mode="replicate"), image.shape[-2:]
        total = torch.zeros(())
        for i in range(51):
            row = sum(image[..., i : i + height, j : j + width] * horizontal[:, j : j + 1] for j in range(51))
            total = total + row * vertical[:, i : i + 1]
        return total

    levels = [convs(torch.cat((one, two), dim=1), "Conv1", 0, 2, 4)]
    for level in (2, 3, 4, 5):
        levels.append(convs(F.avg_pool2d(levels[-1], 2), f"Conv{level}", 0, 2, 4))
    x = F.avg_pool2d(levels[-1], 2)
    for level in (5, 4, 3, 2):
        x = convs(up(convs(x, f"Deconv{level}", 0, 2, 4)), f"Upsample{level}", 1) + levels[level - 1]
    parts = [applied(image, taps(x, f"Vertical{k}"), taps(x, f"Horizontal{k}")) for k, image in ((1, one), (2, two))]
    return parts[0] + parts[1]


@pytest.mark.parametrize("size", [(32, 32), (32, 96), (96, 64)], ids=str)
def test_it_is_the_straightforward_program(size: tuple[int, int]) -> None:
    """With weights, at sizes and with a batch that the reference has not."""
    clip = frames(batch=2, height=size[0], width=size[1])
    with torch.inference_mode():
        made = authors("other")(clip[:, 0], clip[:, 1])
        assert distance(made, straightforward(weights("sepconv", "other"), clip[:, 0], clip[:, 1])) < TOLERANCE


def swapped(network: SepConv) -> None:
    for pair in (network.before, network.after):
        pair.vertical, pair.horizontal = pair.horizontal, pair.vertical


def exchanged(network: SepConv) -> None:
    network.before, network.after = network.after, network.before


def other_corners(network: SepConv) -> None:
    for module in network.modules():
        if isinstance(module, nn.Upsample):
            module.align_corners = False


@pytest.mark.parametrize("wrong", [swapped, exchanged, other_corners])
def test_other_details_are_noticed(wrong: Callable[[SepConv], None], arrays: dict[str, Tensor]) -> None:
    network = authors()
    wrong(network)
    found = errors("sepconv", network, arrays)
    assert found["net_out"] > 0.1
    assert found["mid_conv5"] < TOLERANCE


def test_zeros_outside_of_the_frames_are_noticed(arrays: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    pad = F.pad
    monkeypatch.setattr(F, "pad", lambda frames, room, mode="constant": pad(frames, room))
    found = errors("sepconv", authors(), arrays)
    assert min(found[name] for name in ("net_out", "out_improved", "out_paper")) > 0.01


@pytest.mark.parametrize(
    ("padding", "size", "seen"),
    [
        ("improved", (64, 112), (128, 128)),
        ("improved", (128, 256), (128, 256)),
        ("improved", (129, 1), (256, 128)),
        ("paper", (64, 112), (128, 256)),
        ("paper", (78, 206), (128, 256)),
        ("paper", (79, 20), (256, 128)),
    ],
)
def test_frames_are_padded_as_the_authors_do_it(
    padding: PaddingRule, size: tuple[int, int], seen: tuple[int, int]
) -> None:
    network, sizes = sepconv(channels=2, taps=3), []
    network.register_forward_pre_hook(lambda _network, given: sizes.append(tuple(given[0].shape[-2:])))
    network.register_forward_hook(lambda _network, given, _made: given[1])
    clip = frames(height=size[0], width=size[1])
    made = interpolate(network, clip[:, 0], clip[:, 1], padding=padding)
    assert sizes == [seen]
    assert torch.equal(made, clip[:, 1])


def test_parameters_are_the_authors() -> None:
    parameters = sum(parameter.numel() for parameter in sepconv().parameters())
    assert parameters == golden("sepconv").parameters == 21_675_452


def test_every_parameter_and_both_frames_learn() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = sepconv(channels=4, taps=5)
    clip = frames(height=32, width=64)
    before, after = (clip[:, k].clone().requires_grad_() for k in (0, 1))
    network(before, after).square().mean().backward()
    for name, tensor in (*network.named_parameters(), ("before", before), ("after", after)):
        assert tensor.grad is not None, name
        assert tensor.grad.isfinite().all(), name
        assert tensor.grad.any(), name


@pytest.mark.parametrize("spelling", ["module", "net"])
def test_both_spellings_of_a_checkpoint(spelling: str) -> None:
    state = {name.replace("module", spelling, 1): value for name, value in weights("sepconv", "public").items()}
    network = sepconv()
    network.load_state_dict(from_release(state), strict=True)
    assert torch.equal(network.get_parameter("after.horizontal.7.bias"), state[f"{spelling}Horizontal2.7.bias"])


def test_a_foreign_checkpoint_is_named() -> None:
    with pytest.raises(DataError, match=r"moduleConv6\.0\.weight"):
        from_release({"moduleConv6.0.weight": torch.zeros(1)})


@pytest.mark.parametrize("sizes", [((32, 48), (32, 48)), ((32, 32), (64, 32))], ids=str)
def test_other_sizes_are_refused(sizes: tuple[tuple[int, int], tuple[int, int]]) -> None:
    with pytest.raises(DataError, match="multiples of 32"):
        sepconv(channels=2, taps=3)(*(torch.zeros(1, 3, *size) for size in sizes))


def test_it_compiles_without_graph_breaks() -> None:
    network, clip = sepconv(channels=2, taps=3).eval(), frames(height=32, width=32)
    torch.compiler.reset()
    compiled = torch.compile(network, fullgraph=True, backend="eager")
    with torch.no_grad():
        assert distance(compiled(clip[:, 0], clip[:, 1]), network(clip[:, 0], clip[:, 1])) < 1e-6
