"""Datasets as people have them on disk: what is found, what is named as missing or wrong, before any decoding."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from harness.cards import CardLibrary, ClipEntry, DatasetCard, ListEntry, Manifest
from harness.clips.benchmark import Benchmark, open_benchmark
from harness.clips.readers import fingerprint_files
from harness.errors import DataError
from tests.clips.making import entry, noise, smooth, two_clips, write_frames, write_video

LINES = ("00001/0001", "00001/0003", "00002/0001")


def septuplets(root: Path, *, lines: tuple[str, ...] = LINES) -> tuple[DatasetCard, Manifest]:
    """Three septuplets and their list, as Vimeo-90K has them."""
    home = root / "vimeo_septuplet"
    for number, line in enumerate(LINES):
        frames = noise(7, 8, 12, seed=number)
        write_frames(home / "sequences" / line, frames, name=lambda index: f"im{index + 1}.png")
    (home / "fast.txt").write_text("\n".join(lines) + "\n")
    digest = hashlib.sha256("\n".join(LINES).encode()).hexdigest()
    manifest = Manifest(
        default=ClipEntry(frames=7, width=12, height=8),
        clips={LINES[0]: ClipEntry(pixels="0" * 64)},
        list=ListEntry(file="fast.txt", entries=3, sha256=digest),
    )
    folders = ("vimeo_septuplet", ".")
    return DatasetCard(name="v", title="V", layout="vimeo-septuplet", folders=folders, download="Ask V."), manifest


def opened(root: Path, card: DatasetCard, manifest: Manifest) -> Benchmark:
    return open_benchmark(card, manifest, data_root=root)


def test_clips_come_in_the_manifests_order(tmp_path: Path) -> None:
    card, manifest = two_clips(tmp_path)
    benchmark = opened(tmp_path, card, manifest)
    assert benchmark.expected == ("one", "two")
    assert not benchmark.problems
    assert [(clip.name, clip.group, clip.frames, clip.height, clip.width) for clip in benchmark.clips] == [
        ("one", "", 7, 24, 32),
        ("two", "", 9, 24, 32),
    ]
    for clip in benchmark.clips:
        clip.check_pixels(clip.pixel_hash())
    with pytest.raises(DataError, match="'one' are not the published ones"):
        benchmark.clips[0].check_pixels(benchmark.clips[1].pixel_hash())


@pytest.mark.parametrize("home", ["Vid4/GT", "vid4/gt", "VID4/HR", "Vid4", "GT", "."])
def test_vid4_wherever_it_lies(tmp_path: Path, home: str) -> None:
    card = CardLibrary().dataset("vid4")
    names = ("calendar", "City", "foliage", "WALK")
    for name in names:
        write_frames(tmp_path / home / name, noise(7, 8, 8), name=lambda index: f"Frame {index + 5}.png")
    manifest = Manifest(clips={name.lower(): ClipEntry(frames=7, width=8, height=8) for name in names})
    benchmark = opened(tmp_path, card, manifest)
    assert [clip.name for clip in benchmark.clips] == ["calendar", "city", "foliage", "walk"]
    lr_folder = benchmark.clips[0].lr_folder
    dataset = tmp_path / home if home in ("Vid4", ".") else (tmp_path / home).parent
    assert lr_folder is not None
    assert lr_folder.parent.parent.resolve() == dataset.resolve()


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    card, manifest = two_clips(tmp_path)
    home = tmp_path / "pair" / "GT"
    clips = dict(manifest.clips)
    for name in ("gap", "large", "tiny", "torn", "mixed", "deep"):
        write_frames(home / name, noise(7, 24, 32))
        clips[name] = entry(noise(7, 24, 32))
    (home / "gap" / "3.png").unlink()
    write_frames(home / "large", noise(7, 48, 32))
    write_frames(home / "tiny", noise(7, 3, 3))
    clips["tiny"] = ClipEntry()
    (home / "torn" / "2.png").write_bytes(b"")
    write_frames(home / "mixed", noise(1, 24, 32), name=lambda _: "x.jpg")
    write_frames(home / "deep", noise(1, 24, 36), name=lambda _: "6.png")
    clips["gone"] = ClipEntry()
    write_frames(home / "bonus", noise(2, 24, 32))
    (home / "empty").mkdir()
    benchmark = opened(tmp_path, card, Manifest(clips=clips))
    told = {problem.clip: (problem.kind, str(problem)) for problem in benchmark.problems}
    assert [clip.name for clip in benchmark.clips] == ["one", "two"]
    assert told["gap"][0] == "count"
    assert "6 frames, not 7; number 3 left out" in told["gap"][1]
    assert told["large"][0] == "size"
    assert "32x48, not 32x24" in told["large"][1]
    assert "smaller than 4x4" in told["tiny"][1]
    assert "2.png" in told["torn"][1]
    assert "7 png, 1 jpeg" in told["mixed"][1]
    assert "6.png is 36x24" in told["deep"][1]
    assert told["gone"][0] == "missing"
    assert benchmark.missing == ("gone",)
    assert benchmark.extra == ("bonus",)
    assert set(told) | {"one", "two"} == set(benchmark.expected)


def test_nothing_at_all_says_where_it_was_looked_for(tmp_path: Path) -> None:
    card, manifest = two_clips(tmp_path)
    with pytest.raises(DataError, match=r"elsewhere/pair/GT, .*elsewhere/pair\n.*Ask\.") as caught:
        opened(tmp_path / "elsewhere", card, manifest)
    assert caught.value.exit_code == 2
    shutil.rmtree(tmp_path / "pair" / "GT")
    (tmp_path / "pair" / "GT" / "three").mkdir(parents=True)
    with pytest.raises(DataError, match="no clip of it"):
        opened(tmp_path, card, manifest)


def test_septuplets_and_their_list(tmp_path: Path) -> None:
    card, manifest = septuplets(tmp_path)
    shutil.rmtree(tmp_path / "vimeo_septuplet" / "sequences" / LINES[1])
    for root in (tmp_path, tmp_path / "vimeo_septuplet"):
        benchmark = opened(root, card, manifest)
        assert benchmark.expected == LINES
        assert [clip.name for clip in benchmark.clips] == [LINES[0], LINES[2]]
        assert [clip.group for clip in benchmark.clips] == ["00001", "00002"]
        assert [clip.expected_pixels for clip in benchmark.clips] == ["0" * 64, None]
        assert benchmark.missing == (LINES[1],)


def test_the_list_may_lie_one_folder_above_and_end_its_lines_as_it_likes(tmp_path: Path) -> None:
    card, manifest = septuplets(tmp_path)
    (tmp_path / "vimeo_septuplet" / "fast.txt").unlink()
    (tmp_path / "Fast.txt").write_bytes("\r\n".join(LINES).encode() + b"\r\n\r\n")
    assert opened(tmp_path, card, manifest).expected == LINES


@pytest.mark.parametrize("lines", [LINES[:2], (*LINES, "00003/0001"), LINES[::-1], ()])
def test_another_list_is_refused(tmp_path: Path, lines: tuple[str, ...]) -> None:
    card, manifest = septuplets(tmp_path, lines=lines)
    with pytest.raises(DataError, match=rf"official list fast\.txt: 3 entries.*\n.*fast\.txt: {len(lines)} entries"):
        opened(tmp_path, card, manifest)


def test_a_list_that_is_not_there_is_named(tmp_path: Path) -> None:
    card, manifest = septuplets(tmp_path)
    (tmp_path / "vimeo_septuplet" / "fast.txt").unlink()
    with pytest.raises(DataError, match=r"needs its official list fast\.txt \(3 entries.*\n.*vimeo_septuplet"):
        opened(tmp_path, card, manifest)


def test_a_list_cannot_lead_out_of_the_dataset(tmp_path: Path) -> None:
    card, manifest = septuplets(tmp_path)
    (tmp_path / "vimeo_septuplet" / "fast.txt").write_text("../../secret")
    digest = hashlib.sha256(b"../../secret").hexdigest()
    wanted = ListEntry(file="fast.txt", entries=1, sha256=digest)
    with pytest.raises(DataError, match="stay inside"):
        opened(tmp_path, card, manifest.model_copy(update={"list": wanted}))


def test_adobe240_is_halved_from_whole_frames(tmp_path: Path) -> None:
    library = CardLibrary()
    card = library.dataset("adobe240")
    home = tmp_path / "Adobe240" / "test"
    write_frames(home / "IMG_0001", noise(2, 18, 26))
    write_frames(home / "img_0003", noise(2, 9, 13))
    write_frames(home / "IMG_0012", noise(2, 26, 18))
    manifest = library.manifest(card).model_copy(update={"default": ClipEntry(width=26, height=18)})
    benchmark = opened(tmp_path, card, manifest)
    assert len(benchmark.expected) == 17
    (clip,) = benchmark.clips
    assert (clip.name, clip.height, clip.width, clip.source_scale) == ("IMG_0001", 8, 12, 2)
    frames = list(clip.read())
    assert {frame.shape for frame in frames} == {(8, 12, 3)}
    told = {problem.clip: problem for problem in benchmark.problems}
    assert told["IMG_0003"].kind == "size"  # halved already: halving it again would be another benchmark
    assert "rotation" in told["IMG_0012"].todo


def test_frames_takes_whatever_is_there(tmp_path: Path) -> None:
    card = CardLibrary().dataset("frames")
    root = tmp_path / "mine"
    write_frames(root / "b10", noise(3, 17, 22), name=lambda index: f"{index}.webp")
    write_frames(root / "b9", noise(2, 16, 16), name=lambda index: f"{index}.bmp")
    write_video(root / "c.mp4", smooth(4, 32, 48))
    write_frames(root / "LR_bicubic_x4" / "b9", noise(2, 4, 4))
    (root / "notes.txt").write_text("no clip")
    benchmark = opened(root, card, Manifest())
    found = [(clip.name, clip.frames, clip.height, clip.width) for clip in benchmark.clips]
    assert found == [("b9", 2, 16, 16), ("b10", 3, 16, 20), ("c.mp4", 4, 32, 48)]
    (single,) = opened(root / "b10", card, Manifest()).clips
    assert (single.name, single.frames) == ("b10", 3)
    (root / "frames").mkdir()
    write_frames(root / "frames" / "only", noise(1, 8, 8))
    assert [clip.name for clip in opened(root, card, Manifest()).clips] == ["only"]


def test_a_clip_is_cut_at_the_bottom_and_right(tmp_path: Path) -> None:
    frames = noise(2, 67, 101)
    write_frames(tmp_path / "odd", frames)
    (clip,) = opened(tmp_path / "odd", CardLibrary().dataset("frames"), Manifest()).clips
    assert (clip.height, clip.width) == (64, 100)
    assert all(np.array_equal(cut, frame[:64, :100]) for cut, frame in zip(clip.read(), frames, strict=True))
    assert clip.pixel_hash() == entry(frames).pixels  # of the frames as they are, before the cut


def test_fingerprints_follow_the_bytes(tmp_path: Path) -> None:
    card, manifest = two_clips(tmp_path)
    before = {clip.name: clip.source_fingerprint() for clip in opened(tmp_path, card, manifest).clips}
    assert len(set(before.values())) == 2
    home = tmp_path / "pair" / "GT" / "one"
    for path in sorted(home.iterdir()):
        path.rename(home / f"renamed_{path.name}")
    assert opened(tmp_path, card, manifest).clips[0].source_fingerprint() == before["one"]
    write_frames(home, noise(1, 24, 32, seed=9), name=lambda _: "renamed_0.png")
    assert opened(tmp_path, card, manifest).clips[0].source_fingerprint() != before["one"]


def test_fingerprints_know_where_a_file_ends(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"12")
    second.write_bytes(b"3")
    before = fingerprint_files((first, second))
    first.write_bytes(b"1")
    second.write_bytes(b"23")
    assert fingerprint_files((first, second)) != before


@pytest.mark.parametrize("name", ["demo", "demo-fast", "demo-medium", "demo-slow"])
def test_the_embedded_datasets_need_no_files(tmp_path: Path, name: str) -> None:
    library = CardLibrary()
    card = library.dataset(name)
    manifest = library.manifest(card)
    benchmark = opened(tmp_path / "nowhere", card, manifest)
    assert benchmark.expected == tuple(manifest.clips)
    assert not benchmark.problems
    for clip in benchmark.clips:
        known = manifest.clips[clip.name]
        assert (clip.frames, clip.height, clip.width) == (known.frames, known.height, known.width)
        assert clip.expected_pixels == known.pixels
    shortest = min(benchmark.clips, key=lambda clip: clip.frames)
    shortest.check_pixels(shortest.pixel_hash())


def test_the_shipped_cards_say_what_people_need() -> None:
    library = CardLibrary()
    for name in library.names(DatasetCard):
        card = library.dataset(name)
        assert card.title
        assert card.summary, name
        assert card.download, name
        assert card.licence, name
        library.protocol(card.protocol)
        manifest = library.manifest(card)
        assert manifest != Manifest() or card.layout == "frames", name
    counts = {name: library.manifest(library.dataset(name)).list for name in library.names(DatasetCard)}
    entries = {name: wanted.entries for name, wanted in counts.items() if wanted}
    assert entries == {"vimeo-fast": 1225, "vimeo-medium": 4977, "vimeo-slow": 1613}
    vid4 = library.manifest(library.dataset("vid4")).clips
    assert {name: (clip.frames, clip.width, clip.height) for name, clip in vid4.items()} == {
        "calendar": (41, 720, 576),
        "city": (34, 704, 576),
        "foliage": (49, 720, 480),
        "walk": (47, 720, 480),
    }
