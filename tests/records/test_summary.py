"""Averages of frame scores, against sums done by hand."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.records.schema import ClipLine
from harness.records.summary import AverageRule, Coverage, average, clip_means, coverage, frame_scores

INF = math.inf


def line(clip: str, *scores: float | None, group: str = "", given: tuple[bool, ...] = ()) -> ClipLine:
    frames = tuple(range(len(scores)))
    return ClipLine(clip=clip, group=group, status="done", frames=frames, given=given, scores={"psnr-y": scores})


def failed(clip: str) -> ClipLine:
    return ClipLine(clip=clip, status="failed", error="OSError: truncated")


def test_frames_then_clips_weighs_clips_alike() -> None:
    lines = [line("long", 30.0, 30.0, 30.0, 30.0), line("short", 20.0, 22.0)]
    assert average(lines, "psnr-y", "frames>clips") == pytest.approx((30 + 21) / 2)


def test_folders_weigh_alike_under_the_folder_rule() -> None:
    lines = [line("1/a", 30.0, group="1"), line("1/b", 32.0, group="1"), line("2/a", 20.0, group="2")]
    assert average(lines, "psnr-y", "frames>clips>folders") == pytest.approx((31 + 20) / 2)
    assert average(lines, "psnr-y", "frames>clips") == pytest.approx(82 / 3)


def test_undefined_frames_are_skipped_and_infinite_ones_are_not() -> None:
    assert average([line("a", None, 2.0, 4.0)], "psnr-y", "frames>clips") == 3.0
    assert average([line("a", INF, 2.0), line("b", 4.0)], "psnr-y", "frames>clips") == INF
    # A clip whose every frame is undefined does not count as a clip.
    assert average([line("a", None), line("b", 4.0)], "psnr-y", "frames>clips") == 4.0


@pytest.mark.parametrize("rule", ["frames>clips", "frames>clips>folders"])
def test_nothing_scored_is_nan(rule: AverageRule) -> None:
    assert math.isnan(average([], "psnr-y", rule))
    assert math.isnan(average([failed("a")], "psnr-y", rule))
    assert math.isnan(average([line("a", 1.0)], "lpips", rule))


def test_frames_can_be_chosen() -> None:
    lines = [line("a", 40.0, 30.0, 42.0, given=(True, False, True))]
    assert average(lines, "psnr-y", "frames>clips", frames="given") == 41.0
    assert average(lines, "psnr-y", "frames>clips", frames="interpolated") == 30.0
    assert frame_scores(lines[0], "psnr-y", frames="interpolated") == {1: 30.0}


def test_clip_means_leave_out_failed_clips() -> None:
    assert clip_means([line("a", 1.0, 3.0), failed("b")], "psnr-y") == {"a": 2.0}


def test_coverage_counts_the_benchmark_and_nothing_else() -> None:
    lines = [line("a", 1.0), failed("b"), line("stranger", 1.0)]
    found = coverage(lines, ("a", "b", "c", "d"))
    assert found == Coverage(done=1, failed=1, expected=4)
    assert found.words == "1 of 4 clips, 1 failed"
    assert not found.complete
    assert coverage([line("a", 1.0)], ("a",)).complete


@given(st.lists(st.floats(0, 60), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_clips_never_shows(scores: list[float], rng: random.Random) -> None:
    lines = [line(f"c{index}", score, group=str(index % 3)) for index, score in enumerate(scores)]
    shuffled = lines.copy()
    rng.shuffle(shuffled)
    assert average(lines, "psnr-y", "frames>clips") == average(shuffled, "psnr-y", "frames>clips")
    assert average(lines, "psnr-y", "frames>clips>folders") == average(shuffled, "psnr-y", "frames>clips>folders")
