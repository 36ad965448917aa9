"""The comparison picture: what it shows is chosen by rule; how it looks is judged by people."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from harness.errors import RecordError
from harness.records.store import ResultStore, Run
from harness.reports.comparison import comparison_picture
from harness.reports.crops import Square, error_map, telling_square
from harness.reports.scene import load_scene
from tests.reports.fakes import fake_run, header, write_run, write_sample

Frame = NDArray[np.uint8]


def texture(height: int = 128, width: int = 160, *, seed: int = 0) -> Frame:
    """Grey everywhere, noise in a square whose corner is at (72, 32), or at the bottom of smaller frames."""
    frame = np.full((height, width, 3), 128, dtype=np.uint8)
    part = frame[min(72, max(0, height - 32)) :][:32, 32:64] if width > 32 else frame
    part[:] = np.random.default_rng(seed).integers(0, 256, part.shape)
    return frame


def off_by(frame: Frame, levels: int) -> Frame:
    moved: Frame = np.clip(frame.astype(int) + levels, 0, 255).astype(np.uint8)
    return moved


def runs(folder: Path, count: int, truth: Frame, *, clip: str = "calendar") -> list[Run]:
    for index in range(count):
        place = write_run(folder, fake_run(header(f"method-{index:02d}", title=f"Method {index}"), 25.0 + index))
        write_sample(place, off_by(truth, 3 * (index + 1)), truth, clip=clip)
    return list(ResultStore(folder).runs())


def test_the_crop_lies_where_structure_and_error_are() -> None:
    truth = texture()
    wrong = truth.copy()
    wrong[72:104, 32:64] //= 2
    found = telling_square(truth, [error_map(wrong, truth), error_map(truth, truth)], side=32)
    assert found == Square(72, 32, 32)


def test_the_crop_prefers_what_tells_methods_apart() -> None:
    truth = np.full((64, 64, 3), 128, dtype=np.uint8)
    same = error_map(truth, truth)
    both, one = same.copy(), same.copy()
    both[:16, :16] = 50.0  # wrong in both methods
    one[40:56, 40:56] = 20.0  # wrong in one alone
    square = telling_square(truth, [both, both + one], side=16)
    assert square == Square(40, 40, 16)


def test_the_crop_of_a_small_frame_is_smaller() -> None:
    frame = texture(8, 20)
    square = telling_square(frame, [error_map(frame, frame)])
    assert square.side == 8
    assert square.of(frame).shape == (8, 8, 3)


def test_errors_do_not_wrap_around() -> None:
    dark, bright = np.zeros((2, 2, 3), dtype=np.uint8), np.full((2, 2, 3), 255, dtype=np.uint8)
    assert np.all(error_map(dark, bright) == 255)
    assert np.all(error_map(bright, dark) == 255)


def test_scene_takes_titles_scores_and_one_scale(tmp_path: Path) -> None:
    scene = load_scene(runs(tmp_path, 3, texture()))
    assert (scene.dataset, scene.clip, scene.frame, scene.given) == ("Vid4", "calendar", 1, False)
    assert [(panel.title, panel.score) for panel in scene.panels] == [
        ("Method 0", "25.00 dB"),
        ("Method 1", "26.00 dB"),
        ("Method 2", "27.00 dB"),
    ]
    assert scene.largest_error == 16.0  # the largest is 9 levels


@pytest.mark.parametrize("count", [1, 4, 7])
def test_pictures_of_any_number_of_methods(tmp_path: Path, count: int) -> None:
    path = comparison_picture(runs(tmp_path, count, texture(64, 96)), tmp_path / "new" / "picture.png")
    with Image.open(path) as image:
        image.load()
        assert image.width > image.height
        assert np.asarray(image.convert("L")).std() > 20


def test_the_same_runs_give_the_same_bytes(tmp_path: Path) -> None:
    listed = runs(tmp_path, 2, texture())
    first, second = (comparison_picture(listed, tmp_path / f"{name}.png").read_bytes() for name in "ab")
    assert first == second


def test_only_shared_samples_are_compared(tmp_path: Path) -> None:
    listed = runs(tmp_path, 2, texture())
    other = write_run(tmp_path, fake_run(header("other")))
    write_sample(other, texture(), texture(), clip="walk")
    with pytest.raises(RecordError, match="one sample frame that all runs have"):
        load_scene(ResultStore(tmp_path).runs())
    assert load_scene(listed).clip == "calendar"
    with pytest.raises(RecordError, match="no runs"):
        load_scene([])


def test_untrained_networks_get_no_score(tmp_path: Path) -> None:
    place = write_run(tmp_path, fake_run(header("alpha", untrained=True)))
    write_sample(place, texture(), texture())
    assert load_scene(ResultStore(tmp_path).runs()).panels[0].score == "untrained"


def test_damaged_samples_are_named(tmp_path: Path) -> None:
    listed = runs(tmp_path, 1, texture())
    folder = listed[0].folder / "samples"
    write_sample(listed[0].folder, texture(64, 64), texture())
    with pytest.raises(RecordError, match="size of its ground truth"):
        load_scene(listed)
    (folder / "calendar_000001.png").write_bytes(b"not a picture")
    with pytest.raises(RecordError, match=r"calendar_000001\.png cannot be read"):
        load_scene(listed)
    (folder / "samples.json").write_text("[{}]")
    with pytest.raises(RecordError, match=r"samples\.json cannot be read"):
        load_scene(listed)


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="cannot be written"):
        comparison_picture(runs(tmp_path, 1, texture()), tmp_path / "file" / "picture.png")
