"""RCAN beside the authors' numbers, beside a straightforward program, and what must hold in any case."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from harness.errors import DataError
from harness.networks.rcan import RCAN, from_release, rcan
from tests.networks.clips import distance
from tests.networks.release import errors, loaded, reference, weights
from tests.networks.straightforward_rcan import Straightforward
from tests.parity.references import golden

TOLERANCE = 1e-4


def small() -> RCAN:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return rcan(channels=16, groups=2, blocks=2, reduction=2).eval()


def frames(*, batch: int = 1, height: int = 8, width: int = 9, seed: int = 0) -> Tensor:
    """Noise in 0..255."""
    return 255 * torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(seed))


def without_identity(network: RCAN, path: str) -> None:
    """The module gives its residual alone."""
    network.get_submodule(path).register_forward_hook(lambda _module, given, out: out - given[0])


def by_the_loudest(network: RCAN, path: str) -> None:
    """The attention of a block looks at maxima, not at means."""
    attention = network.get_submodule(path)
    gate = attention.get_submodule("gate")
    attention.register_forward_hook(
        lambda _module, given, _out: given[0] * gate(given[0].amax(dim=(-2, -1), keepdim=True))
    )


@pytest.mark.parametrize(
    ("change", "path", "first"),
    [
        (without_identity, "body", "upsampled"),
        (without_identity, "body.9", "group9"),
        (without_identity, "body.0.0", "rcab0"),
        (by_the_loudest, "body.0.0.3", "rcab0"),
    ],
)
def test_a_wrong_layer_is_noticed(change: Callable[[RCAN, str], None], path: str, first: str) -> None:
    network = loaded("rcan")
    assert isinstance(network, RCAN)
    change(network, path)
    found = errors("rcan", network, reference("rcan"))
    assert found[first] > 1
    assert found["out"] > 10 * TOLERANCE
    assert found["head"] < TOLERANCE


@pytest.mark.parametrize("size", [(24, 40), (7, 5), (1, 1)], ids=str)
def test_it_is_the_straightforward_program(size: tuple[int, int]) -> None:
    """With weights that the reference has not, at sizes that it has not, several frames at once."""
    given = frames(batch=2, height=size[0], width=size[1])
    with torch.inference_mode():
        made = loaded("rcan", salt="other")(given)
        wanted = Straightforward(weights("rcan", "other"))(given)
    assert made.shape == (2, 3, 4 * size[0], 4 * size[1])
    assert distance(made, wanted) < TOLERANCE * float(wanted.abs().max())


def test_parameters_are_the_releases() -> None:
    with torch.device("meta"):
        network = rcan()
    assert sum(parameter.numel() for parameter in network.parameters()) == 15_592_379
    assert golden("rcan").parameters == 15_592_379


def test_the_mean_is_that_of_the_release() -> None:
    """Untrained, entry and exit are what the released file holds, to the last bit, and undo each other."""
    network = small()
    assert network.get_parameter("subtract_mean.bias").tolist() == [
        -114.44400024414062,
        -111.46049499511719,
        -103.02000427246094,
    ]
    given = frames()
    with torch.inference_mode():
        assert distance(network.add_mean(network.subtract_mean(given)), given) < 1e-4


def test_a_file_of_parallel_training_is_read_too() -> None:
    state = weights("rcan", "public")
    parallel = {f"module.{name}": value for name, value in state.items()}
    assert from_release(parallel).keys() == from_release(state).keys() == rcan_names()
    with pytest.raises(DataError, match="authors"):
        from_release({"fusion.weight": torch.zeros(1)})


def rcan_names() -> set[str]:
    with torch.device("meta"):
        return set(rcan().state_dict())


def test_every_parameter_learns() -> None:
    network, given = small(), frames()
    before = given.clone()
    network(given).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name
    assert torch.equal(given, before)


def test_compiles_as_one_graph() -> None:
    torch.compiler.reset()
    network = small()
    with torch.inference_mode():
        compiled = torch.compile(network, backend="eager", fullgraph=True)
        assert distance(compiled(frames()), network(frames())) < 1e-3


def test_nothing_waits_for_the_device() -> None:
    """On the meta device there are no values: whoever asked for one would fail."""
    assert small().to("meta")(frames().to("meta")).shape == (1, 3, 32, 36)
