"""Paired statistics against scipy, against known examples, and by their properties."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.records.schema import ClipLine
from harness.records.statistics import (
    PairedClip,
    Tally,
    bootstrap_interval,
    compare_paired,
    holm,
    pair_clips,
    sign_flip_p,
    smallest_p,
)

INF = math.inf


def clips(differences: list[float], *, base: float = 30.0, frames: int = 1) -> list[PairedClip]:
    return [
        PairedClip(f"c{index}", "", (base + value,) * frames, (base,) * frames)
        for index, value in enumerate(differences)
    ]


def test_gain_of_a_twentieth_decibel_on_1225_clips_is_found_paired_and_lost_unpaired() -> None:
    # The example of docs/statistics: clips differ by decibels, the gain is 0.05 dB; pairing removes the former.
    rng = np.random.default_rng(1)
    b = rng.normal(37, 3, 1225)
    a = b + rng.normal(0.05, 0.5, 1225)
    result = compare_paired(clips(list(a - b)), higher_is_better=True)
    assert result.p < 0.005
    assert result.p == pytest.approx(stats.ttest_rel(a, b).pvalue, abs=0.002)
    assert stats.ttest_ind(a, b).pvalue > 0.3
    assert result.interval is not None
    assert 0 < result.interval[0] < 0.05 < result.interval[1]


def test_exact_sign_flip_equals_scipy() -> None:
    rng = np.random.default_rng(2)
    for size in (3, 7, 11):
        sums = rng.normal(0.4, 1, size)
        expected = stats.permutation_test(
            (sums,), lambda x, axis: x.sum(axis=axis), permutation_type="samples", n_resamples=np.inf, vectorized=True
        )
        assert sign_flip_p(sums) == pytest.approx(expected.pvalue, abs=1e-12)


def test_exact_sign_flip_equals_enumeration_in_words() -> None:
    sums = [0.5, -0.25, 1.0, 0.125]
    flipped = [abs(sum(s * v for s, v in zip(signs, sums, strict=True))) for signs in product((1, -1), repeat=4)]
    expected = sum(value >= abs(sum(sums)) for value in flipped) / 16
    assert sign_flip_p(np.array(sums)) == expected


def test_sampled_sign_flip_agrees_with_the_exact_one() -> None:
    sums = np.random.default_rng(3).normal(0.35, 1, 17)
    bits = (np.arange(2**17)[:, None] >> np.arange(17)) & 1
    exact = float(np.mean(np.abs((1 - 2 * bits) @ sums) >= abs(sums.sum()) - 1e-12))
    assert sign_flip_p(sums) == pytest.approx(exact, abs=4 * math.sqrt(exact / 9999))


def test_four_clips_can_support_no_claim() -> None:
    result = compare_paired(clips([0.3, 0.2, 0.5, 0.4]), higher_is_better=True)
    assert result.p == result.smallest_p == 0.125
    assert [smallest_p(n) for n in (0, 1, 2, 5, 6)] == [1.0, 1.0, 0.5, 0.0625, 0.03125]


def test_bca_interval_equals_scipy() -> None:
    values = np.random.default_rng(4).exponential(1.0, 40)
    ours = bootstrap_interval(values, np.ones(40), draws=100_000)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=100_000, method="BCa", rng=np.random.default_rng(5)
    ).confidence_interval
    assert ours is not None
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.015)
    percentile = stats.bootstrap((values,), np.mean, n_resamples=100_000, method="percentile", rng=6)
    # Skewed data: the correction must be visible, or this test could not fail.
    assert abs(ours[1] - percentile.confidence_interval.high) > 0.04


def test_frames_are_clustered_by_clip() -> None:
    # Ten copies of each frame add frames but no knowledge: neither p nor the interval may change.
    rng = np.random.default_rng(7)
    differences = list(rng.normal(0.1, 0.3, 12))
    once = compare_paired(clips(differences), higher_is_better=True, unit="frames")
    tenfold = compare_paired(clips(differences, frames=10), higher_is_better=True, unit="frames")
    assert tenfold.p == once.p
    assert tenfold.interval == pytest.approx(once.interval)
    assert (once.frames, tenfold.frames) == (12, 120)
    assert tenfold.tally.wins == 10 * once.tally.wins


def test_units_and_rules_weigh_as_tables_do() -> None:
    pairs = [
        PairedClip("1/a", "1", (31.0, 31.0, 31.0), (30.0, 30.0, 30.0)),
        PairedClip("1/b", "1", (33.0,), (30.0,)),
        PairedClip("2/a", "2", (36.0,), (30.0,)),
    ]
    by_clip = compare_paired(pairs, higher_is_better=True)
    by_frame = compare_paired(pairs, higher_is_better=True, unit="frames")
    by_folder = compare_paired(pairs, higher_is_better=True, rule="frames>clips>folders")
    assert by_clip.difference == pytest.approx((1 + 3 + 6) / 3)
    assert by_frame.difference == pytest.approx((3 * 1 + 3 + 6) / 5)
    assert by_folder.difference == pytest.approx((2 + 6) / 2)
    for result in (by_clip, by_frame, by_folder):
        assert result.difference == pytest.approx(result.mean_a - result.mean_b)


def test_direction_decides_who_wins_and_not_the_sign() -> None:
    pairs = clips([-0.1, -0.2, 0.3, 0.0])
    higher = compare_paired(pairs, higher_is_better=True)
    lower = compare_paired(pairs, higher_is_better=False)
    assert higher.tally == Tally(1, 2, 1)
    assert lower.tally == Tally(2, 1, 1)
    assert higher.difference == lower.difference


def test_identical_frames_tie_and_one_sided_infinity_is_left_out() -> None:
    pairs = [
        PairedClip("same", "", (INF, 40.0), (INF, 39.0)),
        PairedClip("only-a", "", (INF, 40.0), (41.0, 39.0)),
        PairedClip("plain", "", (30.0,), (31.0,)),
    ]
    result = compare_paired(pairs, higher_is_better=True)
    assert result.left_out == ("only-a",)
    assert result.difference == pytest.approx((0.5 - 1) / 2)
    assert result.clips == 2
    assert result.tally == Tally(2, 1, 0)


def test_equal_systems() -> None:
    result = compare_paired(clips([0.0] * 8), higher_is_better=True)
    assert (result.p, result.difference, result.interval) == (1.0, 0.0, (0.0, 0.0))


def test_one_clip_has_no_interval_and_none_at_all_has_no_number() -> None:
    assert compare_paired(clips([0.5]), higher_is_better=True).interval is None
    nothing = compare_paired([], higher_is_better=True)
    assert math.isnan(nothing.difference)
    assert nothing.p == 1.0


def test_the_seed_decides_everything() -> None:
    pairs = clips(list(np.random.default_rng(8).normal(0.05, 0.5, 60)))
    first, again, other = (compare_paired(pairs, higher_is_better=True, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.p != other.p


def test_pairs_are_frames_that_both_scored() -> None:
    def line(clip: str, *scores: float | None) -> ClipLine:
        return ClipLine(clip=clip, status="done", frames=(0, 2, 4)[: len(scores)], scores={"tof": scores})

    a = [line("x", None, 2.0, 3.0), line("only-a", 1.0), ClipLine(clip="y", status="failed")]
    b = [line("x", 9.0, 8.0, None), line("y", 1.0)]
    assert pair_clips(a, b, "tof") == (PairedClip("x", "", (2.0,), (8.0,)),)


def test_holm_known_example() -> None:
    # Holm 1979, and R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_raw_and_bonferroni_and_keeps_the_order(p_values: list[float]) -> None:
    corrected = holm(p_values)
    for raw, value in zip(p_values, corrected, strict=True):
        assert raw <= value <= min(1.0, len(p_values) * raw) or value == max(corrected)
        assert raw <= value <= 1.0
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    assert [corrected[i] for i in order] == sorted(corrected)
    # The smallest p decides whether anything at all is significant: there Holm is Bonferroni.
    assert min(corrected) == min(1.0, len(p_values) * min(p_values))


@settings(max_examples=40)
@given(st.lists(st.floats(-2, 2, allow_subnormal=False), min_size=2, max_size=8))
def test_swapping_a_and_b_changes_only_signs(differences: list[float]) -> None:
    there = compare_paired(clips(differences), higher_is_better=True, draws=99)
    swapped = [PairedClip(pair.clip, "", pair.b, pair.a) for pair in clips(differences)]
    back = compare_paired(swapped, higher_is_better=True, draws=99)
    assert back.p == there.p >= smallest_p(len(differences))
    assert back.difference == -there.difference
    assert (back.tally.wins, back.tally.losses) == (there.tally.losses, there.tally.wins)
