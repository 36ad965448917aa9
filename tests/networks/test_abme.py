"""ABME beside a straightforward program at any size, and what a wrong one would give.

That it is the authors' network is seen in tests/cli/test_parity.py.
"""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from benchmarks.straightforward_bilateral import StraightforwardABME
from benchmarks.timing import Calls
from harness.errors import DataError
from harness.networks.abme.asymmetric import doubled
from harness.networks.abme.build import abme
from harness.networks.abme.key_map import PARTS, from_release
from harness.networks.abme.network import ABME, Resize, motion_size
from harness.networks.abme.synthesis import Motions
from harness.ops.warp import Reading, warp
from tests.networks.clips import distance
from tests.networks.pictures import two_frames
from tests.networks.release import errors, loaded, reference, weights
from tests.parity.references import golden

TOLERANCE = 1e-4


def network(salt: str = "public") -> ABME:
    built = loaded("abme", salt=salt)
    assert isinstance(built, ABME)
    return built


@pytest.fixture(scope="module")
def public() -> ABME:
    return network()


SIZES = [
    (1, 123, 60),  # of one pixel across at the coarsest level
    (2, 33, 60),
    (1, 516, 40),  # so high that it is halved
    (1, 5, 3),
]


@pytest.mark.parametrize("case", SIZES, ids=str)
def test_it_is_the_straightforward_program_at_any_size(case: tuple[int, int, int]) -> None:
    batch, height, width = case
    resize: Resize = "bilinear" if height % 2 else "bicubic"
    frames = two_frames(height, width, batch=batch, seed=height)
    with torch.inference_mode():
        made = network("other")(*frames, resize=resize)
        wanted = StraightforwardABME(weights("abme", "other"))(*frames, resize)
    assert made.shape == (batch, 3, height, width)
    assert distance(made, wanted) < TOLERANCE
    assert distance(made, (frames[0] + frames[1]) / 2) > 0.1


def test_it_is_the_straightforward_program_in_double_precision() -> None:
    first, second = (frame.double() for frame in two_frames(20, 33))
    exact = {key: value.double() for key, value in weights("abme", "public").items()}
    built = abme().double()
    built.load_state_dict(from_release(exact))
    with torch.inference_mode():
        assert distance(built(first, second), StraightforwardABME(exact)(first, second)) < 1e-10


def unmasked(maps: Tensor, flow: Tensor, *, reading: Reading) -> Tensor:
    del reading
    return warp(maps, flow, padding="zeros")


def rows_first(maps: Tensor, flow: Tensor, *, reading: Reading) -> Tensor:
    return unmasked(maps, flow.flip(1), reading=reading)


@pytest.mark.parametrize(
    ("name", "wrong", "least"),
    [
        ("networks.layers.bilateral_motion.warp_inside", unmasked, 1e-3),
        ("networks.abme.asymmetric.warp_inside", unmasked, 1e-3),
        ("networks.abme.synthesis.warp_inside", rows_first, 0.01),
        ("networks.abme.asymmetric.doubled", lambda maps: maps.repeat_interleave(2, 2).repeat_interleave(2, 3), 1e-3),
        ("networks.abme.network._TRUST", 10.0, 1e-4),
    ],
)
def test_other_details_are_noticed(
    name: str, wrong: object, least: float, public: ABME, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"harness.{name}", wrong)
    assert max(errors("abme", public, reference("abme")).values()) > least


def test_another_reading_of_positions_is_noticed(public: ABME, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public.symmetric.coarsest.cost, "reading", "areas")
    assert errors("abme", public, reference("abme"))["sbm_flow6"] > 1e-3


def test_the_motions_are_not_exchanged(public: ABME) -> None:
    first, second = two_frames(60, 70)
    with torch.inference_mode():
        motions = public.motions(first, second)
        made = public.synthesise(first, second, motions)
        exchanged = public.synthesise(first, second, Motions(motions.symmetric, motions.to_0, motions.to_1))
        assert torch.equal(made, public(first, second))
    assert distance(made, exchanged) > 0.01


def test_clips_of_a_batch_do_not_see_each_other(public: ABME) -> None:
    first, second = two_frames(30, 40, batch=2)
    with torch.inference_mode():
        both = public(first, second)
        alone = public(first[1:], second[1:])
    assert distance(both[1:], alone) < 1e-5


@pytest.mark.parametrize(
    ("size", "wanted"),
    [((64, 112), (64, 128)), ((511, 65), (512, 128)), ((512, 65), (256, 64)), ((576, 720), (320, 384))],
)
def test_the_height_alone_decides_whether_frames_are_halved(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    assert motion_size(*size) == wanted


def test_doubling_by_hand() -> None:
    row = torch.tensor([1.0, 3.0, 7.0])
    wanted = torch.tensor([1.0, 2.0, 3.0, 5.0, 7.0, 7.0])
    assert torch.equal(doubled(row.view(1, 1, 1, 3))[0, 0], wanted.expand(2, -1))
    assert torch.equal(doubled(row.view(1, 1, 3, 1))[0, 0], wanted.view(6, 1).expand(-1, 2))


def test_motions_in_half_precision_are_those_of_float32(public: ABME) -> None:
    frames = two_frames(40, 50)
    with torch.inference_mode():
        wanted, whole = public.motions(*frames), public(*frames)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert all(map(torch.equal, public.motions(*frames), wanted))
            made = public(*frames)
    assert made.dtype == torch.float32
    assert 0 < distance(made, whole) < 0.2


def test_it_asks_less_of_a_device_than_the_straightforward_program(public: ABME) -> None:
    frames = two_frames(40, 50)
    plain = StraightforwardABME(weights("abme", "public"))
    with torch.no_grad(), Calls() as ours:
        public(*frames)
    with torch.no_grad(), Calls() as theirs:
        plain(*frames)
    assert ours.count < 0.2 * theirs.count


def test_every_frame_gets_a_gradient(public: ABME) -> None:
    leaves = [frame.requires_grad_() for frame in two_frames(20, 30)]
    gradients = torch.autograd.grad(public(*leaves).square().mean(), leaves)
    assert all(bool(gradient.isfinite().all()) and bool(gradient.any()) for gradient in gradients)


def numbers(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameters_are_as_many_as_the_authors() -> None:
    with torch.device("meta"):
        built = abme()
    unused = 2 * 2 * 4 * 4 + 2  # a layer of the first network that the release never calls
    assert numbers(built.symmetric) + unused == 10_555_732
    assert numbers(built.asymmetric) == 994_646
    assert numbers(built.synthesis) == 5_998_795
    assert numbers(built) + unused == golden("abme").parameters == 17_549_173


def renamed(state: Mapping[str, Tensor], prefix: str, key: str, value: Tensor) -> dict[str, Tensor]:
    return {**state, prefix + key: value}


def test_names_of_the_release() -> None:
    state = weights("abme", "public")
    assert {key.partition(".")[0] + "." for key in state} == set(PARTS.values())
    wanted = from_release(state)
    identity = renamed(state, "SynNet.", "Filtering.filter_localexpand", torch.ones(9, 1, 3, 3))
    assert from_release(identity).keys() == wanted.keys()  # as parallel training saves it
    assert from_release({f"module.{key}": value for key, value in state.items()}).keys() == wanted.keys()
    with pytest.raises(DataError, match="conv7aa"):
        from_release(renamed(state, "SBMNet.", "conv7aa.0.weight", torch.ones(1)))
