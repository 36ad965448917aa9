"""`harness compare`: what is compared, what is refused, and what is said."""

import json
from pathlib import Path

import numpy as np
import pytest

from harness.errors import UsageError
from harness.records.statistics import Tally
from harness.records.store import ResultStore
from harness.reports.significance import compare_runs, find_pairs
from harness.reports.verdicts import as_json, as_text, verdict
from tests.reports.fakes import FakeRun, assert_snapshot, failed, fake_run, header, line, write_run

MANY = [f"00001/{number:04d}" for number in range(60)]


def noisy(method: str, gain: float, *, seed: int, dataset: str = "vimeo-fast", clips: list[str] = MANY) -> FakeRun:
    """Clips that differ by decibels and, around `gain`, by a little."""
    ground, own = np.random.default_rng(0), np.random.default_rng(seed)
    lines = {}
    for clip in clips:
        psnr = ground.normal(35, 3, 3) + gain + own.normal(0, 0.05)
        lines[clip] = line(clip, {"psnr-y": tuple(psnr), "ssim-y": tuple(0.9 + own.normal(0, 0.01, 3))})
    return FakeRun(header(method, dataset, title=method.title(), clips=clips), lines)


def pair() -> tuple[FakeRun, FakeRun]:
    return noisy("alpha", 0.1, seed=1), noisy("beta", 0.0, seed=2)


def test_a_small_gain_on_many_clips_is_found() -> None:
    report = compare_runs([pair()])
    psnr, ssim = report.comparisons
    assert psnr.by_clip.difference == pytest.approx(0.1, abs=0.03)
    assert psnr.holm_p <= 0.05
    assert ssim.holm_p > 0.05
    assert "Alpha is better than Beta (by 0." in verdict(psnr, report)
    assert "no difference is shown" in verdict(ssim, report)


def test_swapping_the_two_swaps_the_words() -> None:
    a, b = pair()
    there, back = compare_runs([(a, b)]).comparisons[0], compare_runs([(b, a)]).comparisons[0]
    assert there.by_clip.difference == pytest.approx(-back.by_clip.difference)
    assert there.by_clip.tally == Tally(back.by_clip.tally.losses, back.by_clip.tally.wins, back.by_clip.tally.ties)
    assert "Alpha is better than Beta" in as_text(compare_runs([(b, a)]))


def test_lower_is_better_where_it_is() -> None:
    a = fake_run(header("alpha", metrics=["lpips"], clips=MANY), lpips=0.2)
    b = fake_run(header("beta", metrics=["lpips"], clips=MANY), lpips=0.3)
    report = compare_runs([(a, b)])
    assert report.comparisons[0].by_clip.tally == Tally(60, 0, 0)
    assert "alpha is better than beta" in verdict(report.comparisons[0], report)


def test_vid4_supports_no_claim_and_says_so() -> None:
    runs = fake_run(header("alpha"), 26.0), fake_run(header("beta"), 25.0)
    report = compare_runs([runs])
    text = verdict(report.comparisons[0], report)
    assert text.startswith("Vid4, PSNR: no claim is possible. 4 clips cannot give a two-sided p below 0.125")


def test_equal_scores_are_called_equal() -> None:
    report = compare_runs([(fake_run(header("alpha")), fake_run(header("beta")))])
    assert "have the same scores on 4 clips" in verdict(report.comparisons[0], report)


def test_holm_is_over_all_metrics_and_datasets() -> None:
    vid4 = fake_run(header("alpha"), 26.0), fake_run(header("beta"), 25.0)
    alone, together = compare_runs([pair()]), compare_runs([pair(), vid4])
    assert len(together.comparisons) == 4
    assert together.comparisons[0].holm_p > alone.comparisons[0].holm_p
    assert together.comparisons[0].holm_p == pytest.approx(4 * together.comparisons[0].by_clip.p)


def test_clips_that_one_run_lacks_are_named() -> None:
    a, b = fake_run(header("alpha"), 26.0), fake_run(header("beta"), 25.0, fail=1)
    c = fake_run(header("gamma"), 25.0, done=2)
    assert compare_runs([(a, b)]).left_out == {"vid4": ("walk (failed in B)",)}
    report = compare_runs([(b, c)])
    assert report.left_out["vid4"] == ("foliage (not run in B)", "walk (failed in A, not run in B)")
    assert report.comparisons[0].by_clip.clips == 2
    assert "Left out of vid4: foliage (not run in B)" in as_text(report)


def test_frames_can_be_chosen() -> None:
    a, b = fake_run(header("alpha"), 26.0), fake_run(header("beta"), 25.0)
    assert compare_runs([(a, b)], frames="interpolated").comparisons[0].by_frame.frames == 4
    assert "interpolated frames only" in as_text(compare_runs([(a, b)], frames="interpolated"))


def test_other_ground_truth_is_refused() -> None:
    head = header("alpha", clips=["walk"]), header("beta", clips=["walk"])
    scores = {"psnr-y": (25.0,), "ssim-y": (0.9,)}
    a, b = (FakeRun(one, {"walk": line("walk", scores, pixels=text)}) for one, text in zip(head, "12", strict=True))
    with pytest.raises(UsageError, match="ground truth of 'walk' is not the same"):
        compare_runs([(a, b)])


def test_other_frames_are_refused() -> None:
    a, b = (
        FakeRun(header(name, clips=["w"]), {"w": line("w", {"psnr-y": (25.0,) * n, "ssim-y": (0.9,) * n})})
        for name, n in (("alpha", 3), ("beta", 5))
    )
    with pytest.raises(UsageError, match="Other frames of 'w'"):
        compare_runs([(a, b)])


def test_no_common_clip_is_refused() -> None:
    a = FakeRun(header("alpha"), {"walk": failed("walk")})
    with pytest.raises(UsageError, match="no clip in common"):
        compare_runs([(a, fake_run(header("beta")))])


def test_other_signatures_are_refused() -> None:
    runs = [fake_run(header("alpha")), fake_run(header("beta", protocol="zooming-slow-mo"))]
    with pytest.raises(UsageError, match="different signatures"):
        find_pairs("alpha", "beta", runs=runs)


def test_a_metric_that_one_lacks_is_refused() -> None:
    runs = fake_run(header("alpha", metrics=["psnr-y", "lpips"]), lpips=0.1), fake_run(header("beta"))
    with pytest.raises(UsageError, match="'lpips' of these runs"):
        compare_runs([runs], metrics=["lpips"])
    with pytest.raises(UsageError, match="Did you mean 'psnr-y'"):
        compare_runs([runs], metrics=["psnr-x"])
    assert [one.metric for one in compare_runs([runs]).comparisons] == ["psnr-y"]


def test_untrained_and_unknown_methods_are_refused() -> None:
    runs = [fake_run(header("alpha", untrained=True)), fake_run(header("beta"))]
    with pytest.raises(UsageError, match="untrained weights"):
        find_pairs("alpha", "beta", runs=runs)
    with pytest.raises(UsageError, match="Did you mean 'beta'"):
        find_pairs("beto", "beta", runs=runs)


def test_pairs_are_found_by_method_weights_dataset_and_rate() -> None:
    runs = [
        fake_run(header("alpha", tag="old"), 24.0),
        fake_run(header("alpha", tag="new"), 25.0),
        fake_run(header("alpha", tag="new", rate=4), 20.0),
        fake_run(header("beta"), 23.0),
        fake_run(header("beta", rate=4), 19.0),
        fake_run(header("alpha", "demo", tag="new"), 30.0),
    ]

    def means(*names: str, rate: int | None = None) -> list[float]:
        (found,) = find_pairs(*names, runs=runs, rate=rate)
        return [next(iter(run.lines.values())).scores["psnr-y"][0] or 0.0 for run in found]

    assert means("alpha@old", "beta") == [24.0, 23.0]
    assert means("alpha@new", "alpha@old") == [25.0, 24.0]
    assert means("alpha@new", "beta", rate=4) == [20.0, 19.0]
    with pytest.raises(UsageError, match="cannot be compared on 'demo'"):
        find_pairs("alpha", "beta", runs=runs, datasets=["demo"])


def test_weights_of_one_method_are_told_apart() -> None:
    runs = [fake_run(header("alpha", tag=tag), psnr) for tag, psnr in (("old", 24.0), ("new", 25.0))]
    report = compare_runs(find_pairs("alpha@new", "alpha@old", runs=runs))
    assert (report.a, report.b) == ("alpha (new)", "alpha (old)")


def test_folders_of_runs_can_be_named(tmp_path: Path) -> None:
    folders = [write_run(tmp_path, fake_run(header("alpha", device=device), 25.0)) for device in ("cpu", "gpu")]
    runs = ResultStore(tmp_path).runs()
    (found,) = find_pairs(str(folders[0]), str(folders[1]), runs=runs)
    assert [run.header.device for run in found] == ["cpu", "gpu"]


def test_json_holds_every_number_and_no_nan() -> None:
    report = compare_runs([(fake_run(header("alpha"), 26.0, done=1), fake_run(header("beta"), 25.0))])
    whole = json.loads(as_json(report), parse_constant=pytest.fail)
    first = whole["comparisons"][0]
    assert first["by_clip"]["difference"] == 1.0
    assert first["by_clip"]["interval"] is None
    assert first["can_decide"] is False
    assert first["signature"].startswith("protocol:tmnet.v1|rate:2")


def test_infinite_scores_are_reported_and_left_out() -> None:
    inf = float("inf")
    scores = {"a": ((inf,), (40.0,)), "b": ((30.0,), (29.0,)), "c": ((inf,), (inf,))}
    runs = [
        FakeRun(
            header(name, clips=list("abc"), metrics=["psnr-y"]),
            {clip: line(clip, {"psnr-y": values[side]}) for clip, values in scores.items()},
        )
        for side, name in enumerate(("alpha", "beta"))
    ]
    report = compare_runs([(runs[0], runs[1])])
    text = as_text(report)
    assert report.comparisons[0].by_clip.left_out == ("a",)
    assert "infinite in one of the two, not in difference, interval and p: a" in text
    assert "∞" in text
    assert json.loads(as_json(report))["comparisons"][0]["by_clip"]["mean_a"] == "inf"


def test_snapshot() -> None:
    vid4 = fake_run(header("alpha", title="Alpha"), 26.0), fake_run(header("beta", title="Beta"), 25.5, fail=1)
    assert_snapshot(as_text(compare_runs([vid4, pair()])), "compare.txt")
