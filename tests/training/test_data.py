"""What is learned from: sources, crops, batches."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.clips.images import Pixels
from harness.clips.procedural import demo_dataset_specs
from harness.clips.procedural.training import training_specs
from harness.errors import DataError, UsageError
from harness.training.batches import Batches
from harness.training.frames import FileStore, FrameStore, MemoryStore, extent, gibibytes
from harness.training.losses.objective import Truth
from harness.training.recipe import Recipe
from harness.training.sampling import Draw, Sampler
from harness.training.sources import SourceClip, open_source
from tests.clips.making import noise, write_frames

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three clips of eight frames whose size 4 does not divide."""
    for index in range(3):
        write_frames(tmp_path / "clips" / f"clip{index}", noise(8, 70, 90, seed=index))
    return tmp_path / "clips"


def sampler(
    clips: Sequence[SourceClip], *, seed: int = 0, reverse: bool = False, transpose: bool = False, crop: int = 8
) -> Sampler:
    extents = [extent(clip, scale=4) for clip in clips]
    names = [clip.name for clip in clips]
    return Sampler(extents, names, frames=7, crop=crop, seed=seed, reverse_time=reverse, transpose=transpose)


def clips_of(folder: Path) -> tuple[SourceClip, ...]:
    return open_source(str(folder), held_out=0, demo_clips=2).clips


def test_a_folder_of_clips(folder: Path) -> None:
    source = open_source(str(folder), held_out=1, demo_clips=2)
    assert [clip.name for clip in source.clips] == ["clip0", "clip2"]
    assert [clip.name for clip in source.held_out] == ["clip1"]
    assert source.clips[0].size == (70, 90)
    assert source.describe() | {"sha256": ""} == {
        "kind": "folder",
        "name": "clips",
        "clips": 2,
        "frames": 16,
        "held_out": ["clip1"],
        "missing": 0,
        "sha256": "",
        "sha256_of": "files",
    }
    write_frames(folder / "clip0", noise(1, 70, 90, seed=9))
    assert open_source(str(folder), held_out=1, demo_clips=2).hash != source.hash


def test_something_is_always_left_to_learn_from(folder: Path) -> None:
    source = open_source(str(folder), held_out=9, demo_clips=2)
    assert (len(source.clips), len(source.held_out)) == (1, 2)


def test_vimeo_by_its_list(tmp_path: Path) -> None:
    (tmp_path / "sep_trainlist.txt").write_text("00001/0001\n00001/0002\n00001/0004\n\n")
    for name in ("0001", "0003", "0004"):  # 0003 is of the test list
        write_frames(tmp_path / "sequences" / "00001" / name, noise(7, 256, 448), name=lambda i: f"im{i + 1}.png")
    source = open_source(str(tmp_path), held_out=0, demo_clips=2)
    assert [clip.name for clip in source.clips] == ["00001/0001", "00001/0004"]
    assert (source.missing, source.kind, source.hash_of) == (1, "vimeo-septuplet", "list")
    cut = FileStore(source.clips, scale=4).cut(Draw(1, 0, 0, 80, False, False, False), frames=7, crop=32)
    assert cut.hr.shape == (7, 3, 128, 128)


def test_procedural_clips_are_not_those_that_are_scored() -> None:
    specs = training_specs(12)
    scored = [spec for name in ("demo", "demo-slow", "demo-medium", "demo-fast") for spec in demo_dataset_specs(name)]
    assert not {spec.seed for spec in specs} & {spec.seed for spec in scored}
    assert not {spec.layers for spec in specs} & {spec.layers for spec in scored}
    assert specs[:3] == training_specs(3)
    source = open_source("demo", held_out=1, demo_clips=3)
    assert (len(source.clips), source.clips[0].frames, source.clips[0].size) == (2, 9, (160, 256))
    assert source.hash == open_source("demo", held_out=1, demo_clips=3).hash


def test_every_training_scene_can_be_rendered() -> None:
    for spec in training_specs(60):
        for layer in spec.layers:
            for t in (0.0, spec.frames - 1.0):
                assert spec.placement(layer, t).zoom > 0.5


def test_data_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        open_source(str(tmp_path / "gone"), held_out=1, demo_clips=2)
    with pytest.raises(DataError, match="no folders of frames"):
        open_source(str(tmp_path), held_out=1, demo_clips=2)
    (tmp_path / "sep_trainlist.txt").write_text("00001/0001\n")
    with pytest.raises(DataError, match="none of 1"):
        open_source(str(tmp_path), held_out=1, demo_clips=2)


def test_draws_depend_on_their_numbers_alone(folder: Path) -> None:
    one, other = sampler(clips_of(folder)), sampler(clips_of(folder))
    backwards = [one.draw(i, b) for i in reversed(range(4)) for b in range(3)]
    assert {*backwards} == {other.draw(i, b) for i in range(4) for b in range(3)}
    assert one.draw(0, 1) != one.draw(1, 0)
    assert one.draw(0, 0) != sampler(clips_of(folder), seed=1).draw(0, 0)


def test_draws_reach_everything(folder: Path) -> None:
    drawing = sampler(clips_of(folder), reverse=True, transpose=True)
    draws = [drawing.draw(i, 0) for i in range(2000)]
    assert {draw.clip for draw in draws} == {0, 1, 2}
    assert {draw.start for draw in draws} == {0, 1}
    assert {draw.top for draw in draws} == set(range(17 - 8 + 1))
    assert {draw.left for draw in draws} == set(range(22 - 8 + 1))
    assert len({(draw.mirror, draw.flip, draw.reverse, draw.transpose) for draw in draws}) == 16
    plain = sampler(clips_of(folder))
    assert not any(plain.draw(i, 0).reverse or plain.draw(i, 0).transpose for i in range(50))
    assert all(replace(drawing.draw(i, 0), reverse=False, transpose=False) == plain.draw(i, 0) for i in range(50))


def test_clips_that_are_too_small(folder: Path) -> None:
    with pytest.raises(DataError, match="clip0"):
        sampler(clips_of(folder), crop=18)
    write_frames(folder / "short", noise(6, 70, 90))
    with pytest.raises(DataError, match="'short' has 6 frames"):
        sampler(clips_of(folder))


def test_files_and_memory_give_the_same_crops(folder: Path) -> None:
    clips = clips_of(folder)
    stores: list[FrameStore] = [FileStore(clips, scale=4), MemoryStore(clips, scale=4, device=CPU)]
    for i in range(12):
        crops = [store.cut(sampler(clips).draw(i, 0), frames=7, crop=8) for store in stores]
        assert torch.equal(crops[0].hr, crops[1].hr)
        assert torch.equal(crops[0].lr, crops[1].lr)
        assert crops[0].hr.shape == (7, 3, 32, 32)


def test_lr_and_hr_show_the_same_place() -> None:
    ramp: list[Pixels] = [np.broadcast_to(np.arange(160, dtype=np.uint8)[:, None, None], (160, 96, 3)).copy()] * 7
    clip = SourceClip("ramp", 7, (160, 96), lambda: _Fixed(ramp))
    store = MemoryStore([clip], scale=4, device=CPU)
    crop = store.cut(Draw(0, 0, 10, 3, False, False, False), frames=7, crop=4)
    means = crop.hr[0, 0, :, 0].float().unflatten(0, (4, 4)).mean(1)
    torch.testing.assert_close(crop.lr[0, 0, :, 0].float(), means, atol=0.5, rtol=0)


class _Fixed:
    size = (160, 96)

    def __init__(self, frames: list[Pixels]) -> None:
        self.frames = frames
        self.names = [str(index) for index in range(len(frames))]

    def __len__(self) -> int:
        return len(self.frames)

    def read(self) -> Iterator[Pixels]:
        return iter(self.frames)

    def fingerprint(self) -> str:
        return ""


def batches(folder: Path, recipe: Recipe, *, slow: bool = False, rank: int = 0, processes: int = 1) -> Batches:
    clips = clips_of(folder)
    store: FrameStore = FileStore(clips, scale=4) if slow else MemoryStore(clips, scale=4, device=CPU)
    return Batches(store, sampler(clips), recipe, device=CPU, rank=rank, processes=processes)


def whole(parts: list[Truth]) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.cat([part.hr for part in parts]), torch.cat([part.lr for part in parts])


def test_batches_do_not_depend_on_who_makes_them(folder: Path) -> None:
    recipe = Recipe(batch=5, crop=8)
    hr, lr = whole(batches(folder, recipe).get(3))
    assert hr.shape == (5, 7, 3, 32, 32)
    assert lr.shape == (5, 7, 3, 8, 8)
    assert hr.dtype == torch.float32 and 0 <= hr.min() < hr.max() <= 1
    ahead = batches(folder, recipe, slow=True)
    for iteration in range(3):
        ahead.get(iteration)
    assert torch.equal(whole(ahead.get(3))[0], hr)
    ahead.close()
    shares = [whole(batches(folder, recipe, rank=rank, processes=2).get(3))[1] for rank in range(2)]
    assert torch.equal(shares[0], lr[0::2])
    assert torch.equal(shares[1], lr[1::2])
    parts = batches(folder, Recipe(batch=5, crop=8, accumulate=2)).get(3)
    assert [len(part.hr) for part in parts] == [3, 2]
    assert torch.equal(whole(parts)[0], hr)


def test_a_batch_too_small_for_its_processes(folder: Path) -> None:
    with pytest.raises(UsageError, match="2 processes in 3 parts"):
        batches(folder, Recipe(batch=5, accumulate=3, crop=8), processes=2)


def test_memory_is_estimated(folder: Path) -> None:
    clips = clips_of(folder)
    assert gibibytes(clips, scale=4) * 2**30 == pytest.approx(3 * 8 * 70 * 90 * 3 * 17 / 16)


def test_crops_are_turned_as_drawn(folder: Path) -> None:
    clips = clips_of(folder)
    drawing, store = sampler(clips, reverse=True, transpose=True), MemoryStore(clips, scale=4, device=CPU)
    made = Batches(store, drawing, Recipe(batch=40, crop=8, reverse_time=True), device=CPU)
    hr, lr = whole(made.get(0))
    for position in range(40):
        draw = drawing.draw(0, position)
        cut = store.cut(draw, frames=7, crop=8)
        for crop, found in ((cut.hr, hr[position]), (cut.lr, lr[position])):
            wanted = crop.numpy()[:: -1 if draw.reverse else 1]
            wanted = wanted[:, :, :: -1 if draw.flip else 1, :: -1 if draw.mirror else 1]
            wanted = wanted.swapaxes(2, 3) if draw.transpose else wanted
            assert np.array_equal(wanted, (255 * found).round().numpy())
