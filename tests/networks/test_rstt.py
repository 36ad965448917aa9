"""RSTT beside the authors' numbers, beside a straightforward program, and what must hold in any case."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from benchmarks.straightforward_rstt import Straightforward
from benchmarks.timing import Calls
from harness.errors import DataError
from harness.networks.rstt.attention import WindowAttention, distance_index
from harness.networks.rstt.blocks import StochasticDepth
from harness.networks.rstt.build import build_rstt
from harness.networks.rstt.key_map import from_release
from harness.networks.rstt.network import RSTT
from harness.networks.rstt.options import RSTTOptions
from harness.networks.rstt.windows import Windows
from tests.networks.clips import distance
from tests.networks.release import errors, frames, loaded, reference
from tests.parity.references import golden

TOLERANCE = 1e-4
DEAD = 96 * 96 * 16 + 96
"""Parameters of the reduction that the release keeps and never uses."""

SMALL = RSTTOptions(depth=2, channels=16)


@pytest.fixture(scope="module")
def arrays() -> dict[str, Tensor]:
    return reference("rstt-s")


@pytest.fixture
def authors() -> RSTT:
    network = loaded("rstt-s")
    assert isinstance(network, RSTT)
    return network


@pytest.fixture
def small() -> RSTT:
    torch.manual_seed(0)
    return build_rstt(SMALL).eval()


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def shallow(salt: str) -> dict[str, Tensor]:
    """Reference weights of two blocks a stage."""
    weights = golden("rstt-s").weights(salt)
    return {key: value for key, value in weights.items() if ".blocks.2." not in key and ".blocks.3." not in key}


# -- what would be wrong


def see_everything(monkeypatch: pytest.MonkeyPatch, _network: RSTT) -> None:
    monkeypatch.setattr("harness.networks.rstt.windows.HIDDEN", 0.0)


def keep_what_is_filled_up(monkeypatch: pytest.MonkeyPatch, _network: RSTT) -> None:
    monkeypatch.setattr(Windows, "blank", lambda _windows, tokens: tokens)


def dictionary_of_the_first_frames(_monkeypatch: pytest.MonkeyPatch, network: RSTT) -> None:
    for module in network.modules():
        if isinstance(module, WindowAttention) and module.index.shape == (112, 64):
            module.index = distance_index(range(7), range(4))


def key_minus_query(_monkeypatch: pytest.MonkeyPatch, network: RSTT) -> None:
    for module in network.modules():
        if isinstance(module, WindowAttention):
            module.index = len(module.bias_table) - 1 - module.index


def rows_for_columns(_monkeypatch: pytest.MonkeyPatch, network: RSTT) -> None:
    transpose_tables(network)


def tanh(_monkeypatch: pytest.MonkeyPatch, network: RSTT) -> None:
    for module in network.modules():
        if isinstance(module, nn.GELU):
            module.approximate = "tanh"


def small_epsilon(_monkeypatch: pytest.MonkeyPatch, network: RSTT) -> None:
    for module in network.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = 1e-6


def steep_entry(_monkeypatch: pytest.MonkeyPatch, network: RSTT) -> None:
    network.features[1].negative_slope = 0.1  # type: ignore[index]


def corners_aligned(monkeypatch: pytest.MonkeyPatch, _network: RSTT) -> None:
    monkeypatch.setattr(
        "harness.networks.rstt.network.enlarged",
        lambda given: nn.functional.interpolate(
            given.transpose(1, 2), size=(7, 128, 144), mode="trilinear", align_corners=True
        ).transpose(1, 2),
    )


@pytest.mark.parametrize(
    ("wrong", "least"),
    [
        (see_everything, 1.0),
        (keep_what_is_filled_up, 0.05),
        (dictionary_of_the_first_frames, 0.1),
        (key_minus_query, 0.5),
        (rows_for_columns, 0.5),
        (steep_entry, 0.1),
        (corners_aligned, 0.1),
        (tanh, 5e-4),
        (small_epsilon, 2e-4),
    ],
)
def test_another_network_is_noticed(
    wrong: object, least: float, authors: RSTT, arrays: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(wrong)
    wrong(monkeypatch, authors)
    assert errors("rstt-s", authors, arrays)["y"] > least


def transpose_tables(network: RSTT) -> None:
    """Exchange rows and columns in all bias tables."""
    for module in network.modules():
        if isinstance(module, WindowAttention):
            table = module.bias_table.data
            turned = table.view(-1, 7, 7, table.shape[1]).transpose(1, 2)
            module.bias_table.data = turned.reshape(table.shape)


# -- what it is


@pytest.mark.parametrize("size", [(36, 28), (32, 32), (9, 70)], ids=str)
def test_it_is_the_straightforward_program(size: tuple[int, int]) -> None:
    """With other weights; at sizes at which the reference neither shifts nor fills up, or along the other side."""
    weights = shallow("other")
    network = build_rstt(RSTTOptions(depth=2)).eval()
    network.load_state_dict(from_release(weights))
    clip = frames(given=4, height=size[0], width=size[1])
    with torch.inference_mode():
        assert distance(network(clip), Straightforward(weights)(clip)) < TOLERANCE


@pytest.mark.parametrize(("depth", "wanted"), [(8, 7_674_515), (6, 6_079_895), (4, 4_485_275)])
def test_parameters_are_the_releases(depth: int, wanted: int) -> None:
    assert parameters(build_rstt(RSTTOptions(depth=depth))) == wanted - DEAD


@pytest.mark.parametrize("name", ["rstt", "rstt-s"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_every_name_of_a_checkpoint_is_known(name: str, prefix: str) -> None:
    depth = {"rstt": 8, "rstt-s": 4}[name]
    weights = golden(name).weights("public")
    constants: Mapping[str, Tensor] = dict.fromkeys(golden(name).kept, torch.zeros(64, 64, dtype=torch.int64))
    ours = from_release({prefix + key: value for key, value in {**weights, **constants}.items()})
    own = build_rstt(RSTTOptions(depth=depth)).state_dict()
    assert {key: value.shape for key, value in ours.items()} == {key: value.shape for key, value in own.items()}
    assert golden(name).parameters == sum(value.numel() for value in weights.values())
    with pytest.raises(DataError, match=r"conv_first\.weight"):
        from_release({"conv_first.weight": torch.zeros(1)})


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (9, 31), (24, 17)])
def test_any_size(size: tuple[int, int], small: RSTT) -> None:
    with torch.inference_mode():
        upscaled = small(frames(given=4, height=size[0], width=size[1]))
    assert upscaled.shape == (1, 7, 3, 4 * size[0], 4 * size[1])
    assert upscaled.isfinite().all()


def test_clips_of_a_batch_do_not_see_each_other(small: RSTT) -> None:
    clips = frames(batch=2, given=4, height=36, width=28)
    with torch.inference_mode():
        alone = torch.cat([small(clip) for clip in clips.split(1)])
        assert distance(small(clips), alone) < TOLERANCE


@pytest.mark.parametrize("shape", [(1, 3, 3, 8, 8), (1, 7, 3, 8, 8), (4, 3, 8, 8), (1, 4, 1, 8, 8)], ids=str)
def test_other_frames_are_refused(shape: tuple[int, ...], small: RSTT) -> None:
    with pytest.raises(DataError, match="RSTT takes 4 frames"):
        small(torch.zeros(shape))


# -- how it works


def test_calls_do_not_grow_with_the_size(small: RSTT) -> None:
    """On a device; on a CPU, pictures are made frame by frame."""
    network, counts = small.to("meta"), []
    for batch, side in ((1, 40), (2, 72)):
        clips = frames(batch=batch, given=4, height=side, width=side).to("meta")
        with torch.inference_mode(), Calls() as calls:
            network(clips)
        counts.append(calls.count)
    assert counts[0] == counts[1]


def test_half_the_calls_of_the_straightforward_program() -> None:
    weights = shallow("other")
    network = build_rstt(RSTTOptions(depth=2)).eval()
    clip = frames(given=4, height=32, width=36)
    counts = []
    for program in (network, Straightforward(weights)):
        with torch.inference_mode(), Calls() as calls:
            program(clip)
        counts.append(calls.count)
    assert counts[0] < 0.75 * counts[1], counts


def test_everything_learns() -> None:
    network = build_rstt(RSTTOptions(depth=2, channels=16, stochastic_depth=0))
    network(frames(batch=2, given=4, height=20, width=36)).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_blocks_are_left_out_at_rising_and_falling_rates(small: RSTT) -> None:
    rates = [module.rate for module in small.modules() if isinstance(module, StochasticDepth)]
    assert rates[0] == rates[-1] == 0
    assert max(rates) == rates[7] == rates[8] == 0.1
    assert rates == rates[::-1]


def test_leaving_out_keeps_the_mean_and_only_happens_in_training() -> None:
    torch.manual_seed(0)
    sometimes = StochasticDepth(0.25)
    added = torch.ones(20_000, 1, 1)
    kept = sometimes(added)
    assert torch.equal(kept[kept > 0], torch.full((int((kept > 0).sum()),), 1 / 0.75))
    assert kept.mean() == pytest.approx(1, abs=0.02)
    assert torch.equal(sometimes.eval()(added), added)


def test_compiles_as_one_graph(small: RSTT) -> None:
    clip = frames(given=4, height=12, width=20)
    torch.compiler.reset()
    with torch.inference_mode():
        compiled = torch.compile(small, backend="eager", fullgraph=True)(clip)
        assert distance(compiled, small(clip)) < TOLERANCE


def test_nothing_waits_for_the_device(small: RSTT) -> None:
    """On the meta device there are no values: whoever asked for one would fail."""
    assert small.to("meta")(frames(given=4, height=36, width=20).to("meta")).shape == (1, 7, 3, 144, 80)


def test_half_precision_is_close(authors: RSTT, arrays: dict[str, Tensor]) -> None:
    with torch.inference_mode():
        exact = authors(arrays["x"])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            close = authors(arrays["x"])
    assert (close.float() - exact).square().mean().sqrt() < 0.02 * exact.square().mean().sqrt()


def test_other_precisions_run(small: RSTT) -> None:
    clip = frames(given=4, height=12, width=20)
    with torch.inference_mode():
        exact = small.double()(clip.double())
        close = small.bfloat16()(clip.bfloat16())
    assert (exact.dtype, close.dtype) == (torch.float64, torch.bfloat16)
    assert distance(exact, close.double()) < 0.05
