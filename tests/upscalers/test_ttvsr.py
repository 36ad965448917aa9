"""TTVSR as a super-resolver: whole clips, segments of long ones, padding, and its two files."""

import weakref
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from harness.cards import CardLibrary
from harness.errors import CardError, UsageError
from harness.networks.ttvsr.build import ttvsr
from harness.upscalers import ttvsr as module
from harness.upscalers.build import build_upscaler
from harness.upscalers.options import TTVSRStageOptions
from harness.upscalers.ttvsr import TTVSRSuperResolver
from harness.upscalers.weights import load_weights
from tests.networks.clips import distance
from tests.networks.release import weights
from tests.upscalers.small_stinet import clip

LIBRARY = CardLibrary()


class Spy(nn.Module):
    """In the place of the network: frame t of a segment says t, and how long the segment was, beside its number."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, ...]] = []

    def forward(self, frames: Tensor) -> Tensor:
        count = frames.shape[1]
        self.seen.append(tuple(frames.shape))
        place = torch.arange(float(count)).view(1, count, 1, 1)
        said = torch.stack(
            (frames[:, :, 0], *(part.expand_as(frames[:, :, 0]) for part in (place, count - 1 - place))), 2
        )
        return said.repeat_interleave(4, dim=3).repeat_interleave(4, dim=4)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> TTVSRSuperResolver:
    monkeypatch.setattr(module, "ttvsr", partial(ttvsr, channels=8, blocks=1, feature_blocks=1))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return TTVSRSuperResolver(TTVSRStageOptions(segment=8, overlap=2)).eval().requires_grad_(False)


def numbered(count: int) -> Iterator[Tensor]:
    """Frame t is t everywhere."""
    return (torch.full((3, 4, 4), float(t)) for t in range(count))


@pytest.mark.parametrize(("segment", "overlap"), [(8, 2), (5, 2), (4, 0), (2, 0), (50, 5)])
@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 12, 13, 51, 100])
def test_segments_give_every_frame_once_and_far_from_their_inner_ends(
    small: TTVSRSuperResolver, count: int, segment: int, overlap: int
) -> None:
    small.network = spy = Spy()  # type: ignore[assignment]
    small.segment, small.overlap = segment, overlap
    made = torch.stack(list(small.stream(numbered(count))))[:, :, 0, 0]
    number, before, after = made.unbind(1)
    assert number.tolist() == list(range(count))
    inner_start, inner_end = before < number, after < count - 1 - number
    assert int((before[inner_start]).min() if inner_start.any() else overlap) >= overlap
    assert int((after[inner_end]).min() if inner_end.any() else overlap) >= overlap
    assert max(seen[1] for seen in spy.seen) == min(count, segment)
    assert len(spy.seen) == 1 + max(0, -(-(count - segment) // (segment - 2 * overlap)))


def test_a_short_clip_is_the_whole_network(small: TTVSRSuperResolver) -> None:
    frames = clip(6, height=66, width=70)
    padded = torch.nn.functional.pad(frames, (0, 2, 0, 2), mode="replicate")
    wanted = small.network(padded.unsqueeze(0))[0, :, :, :264, :280]
    assert distance(small.super_resolve(frames), wanted) < 1e-5


def test_a_long_clip_is_its_segments(small: TTVSRSuperResolver) -> None:
    """Eight frames, of which six count; then the other five behind two that are only seen."""
    frames = clip(11, height=12, width=8)
    parts = small.super_resolve(frames[:8])[:6], small.super_resolve(frames[4:])[2:]
    made = torch.stack(list(small.stream(iter(frames))))
    assert distance(made, torch.cat(parts)) < 1e-5
    small.segment = 50
    assert distance(small.super_resolve(frames), made) > 1e-5


def test_sizes_are_multiples_of_four_and_at_least_64(small: TTVSRSuperResolver) -> None:
    small.network = spy = Spy()  # type: ignore[assignment]
    for size, wanted in (((12, 70), (64, 72)), ((66, 64), (68, 64)), ((64, 68), (64, 68))):
        frames = clip(2, height=size[0], width=size[1])
        assert small.super_resolve(frames).shape == (2, 3, 4 * size[0], 4 * size[1])
        assert spy.seen[-1] == (1, 2, 3, *wanted)


def test_memory_is_that_of_a_segment(small: TTVSRSuperResolver) -> None:
    small.network = Spy()  # type: ignore[assignment]
    alive, most = [], []

    def source() -> Iterator[Tensor]:
        for frame in numbered(40):
            alive.append(weakref.ref(frame))
            most.append(sum(one() is not None for one in alive))
            yield frame

    assert sum(1 for _ in small.stream(source())) == 40
    assert max(most) <= small.segment + 2


def test_segments_must_leave_something() -> None:
    assert (TTVSRStageOptions().segment, TTVSRStageOptions().overlap) == (50, 5)
    card = LIBRARY.method("blend+ttvsr")
    assert card.super_resolution is not None
    changed = card.model_copy(
        update={"super_resolution": card.super_resolution.model_copy(update={"options": {"segment": 10}})}
    )
    with pytest.raises(CardError, match="do not fit") as caught:
        build_upscaler(changed, LIBRARY, untrained=True)
    assert "more than twice the overlap" in caught.value.found


def test_it_knows_one_scale() -> None:
    with pytest.raises(UsageError, match="scale 2"):
        TTVSRSuperResolver(scale=2)


def test_both_files_are_loaded_and_one_of_them_expects_other_frames(tmp_path: Path) -> None:
    files = LIBRARY.method("ttvsr").weights
    assert list(files) == ["authors-reds", "authors-vimeo"], "the first is the default"
    state = {**weights("ttvsr", "public"), "step_counter": torch.zeros(1)}
    for tag, degradation in (("authors-reds", "bicubic"), ("authors-vimeo", "gaussian-blur")):
        path = tmp_path / files[tag].file
        path.parent.mkdir(exist_ok=True)
        torch.save({"meta": {}, "state_dict": state, "optimizer": {}}, path)
        built = TTVSRSuperResolver()
        assert load_weights(built.trained, tag, files[tag], folder=tmp_path).degradation == degradation
    assert torch.equal(built.network.fuse[0].bias, weights("ttvsr", "public")["generator.fusion.bias"])  # type: ignore[index]
