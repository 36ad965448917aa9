"""BMBC beside a straightforward program at any size and time, and what a wrong one would give.

That it is the authors' network is seen in tests/cli/test_parity.py.
"""

import pytest
import torch
from torch import Tensor, nn

from benchmarks.straightforward_bilateral import StraightforwardBMBC
from benchmarks.timing import Calls
from harness.errors import DataError
from harness.networks.bmbc.build import bmbc
from harness.networks.bmbc.key_map import PARTS, from_release
from harness.networks.bmbc.network import BMBC
from harness.ops.dynamic_filter import dynamic_filter
from harness.ops.warp import Reading, warp_inside
from tests.networks.clips import distance
from tests.networks.pictures import two_frames
from tests.networks.release import errors, loaded, reference, weights
from tests.parity.references import golden

TOLERANCE = 1e-4


def network(salt: str = "public") -> BMBC:
    built = loaded("bmbc", salt=salt)
    assert isinstance(built, BMBC)
    return built


@pytest.fixture(scope="module")
def public() -> BMBC:
    return network()


@pytest.mark.parametrize("case", [(1, 100, 70), (2, 32, 33), (1, 5, 3)], ids=str)
def test_it_is_the_straightforward_program_at_any_size_and_time(case: tuple[int, int, int]) -> None:
    batch, height, width = case
    first, second = two_frames(height, width, batch=batch, seed=height)
    times, plain = (1 / 6, 0.75), StraightforwardBMBC(weights("bmbc", "other"))
    with torch.inference_mode():
        made = network("other")(first, second, times)
        wanted = torch.stack([plain(first, second, time) for time in times], dim=1)
    assert made.shape == (batch, 2, 3, height, width)
    assert distance(made, wanted) < TOLERANCE
    if min(height, width) > 8:
        assert distance(made[:, 0], made[:, 1]) > 0.01


def test_it_is_the_straightforward_program_in_double_precision() -> None:
    first, second = (frame.double() for frame in two_frames(20, 33))
    exact = {key: value.double() for key, value in weights("bmbc", "public").items()}
    built = bmbc().double()
    built.load_state_dict(from_release(exact))
    with torch.inference_mode():
        assert distance(built(first, second, (0.3,))[:, 0], StraightforwardBMBC(exact)(first, second, 0.3)) < 1e-10


def test_positions_may_be_read_the_other_way() -> None:
    frames, plain = two_frames(40, 50), StraightforwardBMBC(weights("bmbc", "public"))
    built = bmbc(reading="corners").eval()
    built.load_state_dict(network().state_dict())
    with torch.inference_mode():
        areas = plain(*frames, 0.25)
        plain.align_corners = True
        corners, made = plain(*frames, 0.25), built(*frames, (0.25,))[:, 0]
    assert distance(made, corners) < TOLERANCE
    assert distance(made, areas) > 0.01


def by_corners(maps: Tensor, flow: Tensor, *, reading: Reading) -> Tensor:
    """What the release would do in a newer PyTorch that is told to align corners."""
    assert reading == "areas"
    return warp_inside(maps, flow, reading="corners")


def columns_first(maps: list[Tensor], filters: Tensor, *, size: int) -> Tensor:
    taps = filters.unflatten(1, (len(maps), size, size)).transpose(2, 3).flatten(1, 3)
    return dynamic_filter(maps, taps, size=size)


@pytest.mark.parametrize(
    ("name", "wrong", "least"),
    [
        ("networks.layers.bilateral_motion.warp_inside", by_corners, 1e-3),
        ("networks.bmbc.network.warp_inside", by_corners, 1e-2),
        ("networks.bmbc.network.dynamic_filter", columns_first, 1e-3),
        ("ops.bilateral_cost._EPSILON", 1e-4, 1e-3),
    ],
)
def test_other_details_are_noticed(
    name: str, wrong: object, least: float, public: BMBC, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"harness.{name}", wrong)
    assert max(errors("bmbc", public, reference("bmbc")).values()) > least


def test_the_special_moments_sample_one_map_only(public: BMBC) -> None:
    """At times 0 and 1 a motion is half of a flow: it is not what a time close by gives, which loses the borders."""
    pyramids = public.motion.pyramids(*two_frames(64, 96))
    with torch.inference_mode():
        at, beside = (public.motion(*pyramids, time=time) for time in (0.0, 1e-7))
    assert distance(at, beside) > 1e-3


def test_what_all_times_share_is_computed_once(public: BMBC) -> None:
    frames = two_frames(40, 50)
    calls: list[int] = []
    hooks = [
        module.register_forward_hook(lambda *_, k=k: calls.append(k))
        for k, module in enumerate((public.motion, public.context, public.filters))
    ]
    with torch.inference_mode():
        made = public(*frames, (0.25, 0.5, 0.75))
        counts = [calls.count(k) for k in range(3)]
        one = public(*frames, (0.5,))
    for hook in hooks:
        hook.remove()
    assert counts == [2 + 3, 2, 3]
    assert torch.equal(made[:, 1:2], one)


def test_clips_of_a_batch_do_not_see_each_other(public: BMBC) -> None:
    first, second = two_frames(30, 40, batch=2)
    with torch.inference_mode():
        assert distance(public(first, second, (0.5,))[1:], public(first[1:], second[1:], (0.5,))) < 1e-5


def test_motions_in_half_precision_are_those_of_float32(public: BMBC) -> None:
    frames = two_frames(40, 50)
    with torch.inference_mode():
        (wanted,), whole = public.motions(*frames, (0.5,)), public(*frames, (0.5,))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            (found,) = public.motions(*frames, (0.5,))
            made = public(*frames, (0.5,))
    assert all(map(torch.equal, found, wanted))
    assert made.dtype == torch.float32
    assert 0 < distance(made, whole) < 0.05


def test_it_asks_less_of_a_device_than_the_straightforward_program(public: BMBC) -> None:
    frames = two_frames(40, 50)
    plain = StraightforwardBMBC(weights("bmbc", "public"))
    with torch.no_grad(), Calls() as ours:
        public(*frames, (0.5,))
    with torch.no_grad(), Calls() as theirs:
        plain(*frames, 0.5)
    assert ours.count < 0.1 * theirs.count


def test_every_frame_gets_a_gradient(public: BMBC) -> None:
    leaves = [frame.requires_grad_() for frame in two_frames(20, 30)]
    gradients = torch.autograd.grad(public(*leaves, (0.25,)).square().mean(), leaves)
    assert all(bool(gradient.isfinite().all()) and bool(gradient.any()) for gradient in gradients)


def numbers(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameters_are_as_many_as_the_authors() -> None:
    with torch.device("meta"):
        built = bmbc()
    unused = 2 * 2 * 4 * 4 + 2  # a layer of the motion network that the release never calls
    assert numbers(built.context) == 9_408
    assert numbers(built.motion) + unused == 10_555_732
    assert numbers(built.filters) == 449_238
    assert numbers(built) + unused == golden("bmbc").parameters == 11_014_378


def test_names_of_the_release() -> None:
    state = weights("bmbc", "public")
    assert {key.partition(".")[0] + "." for key in state} == set(PARTS.values())
    assert from_release({f"module.{key}": value for key, value in state.items()}).keys() == from_release(state).keys()
    with pytest.raises(DataError, match="SFE_Third"):
        from_release({**state, "DFNet.SFE_Third.weight": torch.ones(1)})
