"""The report of `harness compare` in words, as a text table, and as JSON."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from harness.metrics import METRICS
from harness.records.statistics import ALPHA, DRAWS, EXACT_CLIPS, LEVEL, PairedResult
from harness.reports.measured import ColumnSignature
from harness.reports.model import EMPTY, printed, signed
from harness.reports.significance import Comparison, Report

_MOST_NAMED = 8
_FEW_CLIPS = 20
_HEAD = (
    "Dataset",
    "Metric",
    "Unit",
    "n",
    "Mean A",
    "Mean B",
    "A - B",
    "95 % interval",
    "p",
    "Holm p",
    "A/B better/equal",
)
_LEFT = 3
"""The first columns are words and stand flush left."""


def verdict(one: Comparison, report: Report) -> str:
    """One plain sentence: who is better, by how much, or why nobody can say."""
    result, where = one.by_clip, f"{one.title}, {METRICS[one.metric].title}"
    amount = _amount(one)
    if result.clips == 0:
        return f"{where}: nothing to compare; no clip has a finite difference."
    if result.tally.ties == result.clips and not result.left_out:
        return f"{where}: {report.a} and {report.b} have the same scores on {_clips(result.clips)}."
    if not one.can_decide:
        tests = len(report.comparisons)
        corrected = f" ({one.smallest_holm_p:g} when corrected for {tests} tests)" if tests > 1 else ""
        return (
            f"{where}: no claim is possible. {_clips(result.clips).capitalize()} cannot give a two-sided p below "
            f"{result.smallest_p:g}{corrected}, whatever their scores; on these {_better(one, report)} ({amount}, "
            f"{_count(result)})."
        )
    if one.holm_p <= ALPHA:
        return (
            f"{where}: {_better(one, report)} ({amount}, {_range(one)}; Holm p {_p(one.holm_p)}; {_count(result)})."
        )
    ps = f"p {_p(result.p)}, Holm p {_p(one.holm_p)}"
    return f"{where}: no difference is shown ({ps}; {_range(one)}; {_count(result)})."


def as_text(report: Report) -> str:
    """The report for people."""
    frames = "" if report.frames == "all" else f", {report.frames} frames only"
    lines = [f"A: {report.a}", f"B: {report.b}{frames}", "", *_table(report), ""]
    lines += [verdict(one, report) for one in report.comparisons]
    lines += ["", *_notes(report)]
    return "\n".join(lines) + "\n"


def as_json(report: Report) -> str:
    """The report as one JSON object; undefined numbers are null, infinite ones the text "inf"."""
    whole = asdict(report) | {
        "level": LEVEL,
        "alpha": ALPHA,
        "comparisons": [_json_comparison(one, report) for one in report.comparisons],
    }
    return json.dumps(_plain(whole), indent=1, ensure_ascii=False, allow_nan=False)


def _json_comparison(one: Comparison, report: Report) -> dict[str, object]:
    said = {"verdict": verdict(one, report), "can_decide": one.can_decide}
    return {**asdict(one), "signature": str(one.signature), **said}


def _table(report: Report) -> Iterator[str]:
    rows: list[Sequence[str]] = [_HEAD]
    for one in report.comparisons:
        info = METRICS[one.metric]
        arrow = "↑" if info.higher_is_better else "↓"
        names = (one.title, " ".join(filter(None, (info.title, info.unit, arrow))))
        rows.append((*names, "clips", str(one.by_clip.clips), *_numbers(one, one.by_clip, holm=_p(one.holm_p))))
        rows.append(("", "", "frames", str(one.by_frame.frames), *_numbers(one, one.by_frame, holm=EMPTY)))
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    for number, row in enumerate(rows):
        words = [text.ljust(width) for text, width in zip(row[:_LEFT], widths, strict=False)]
        numbers = [text.rjust(width) for text, width in zip(row[_LEFT:], widths[_LEFT:], strict=True)]
        yield "  ".join((*words, *numbers)).rstrip()
        if number == 0:
            yield "─" * (sum(widths) + 2 * (len(widths) - 1))


def _numbers(one: Comparison, result: PairedResult, *, holm: str) -> tuple[str, ...]:
    digits = METRICS[one.metric].decimals
    interval = EMPTY
    if result.interval is not None:
        interval = " to ".join(signed(end, digits + 1) for end in result.interval)
    tally = result.tally
    return (
        *(printed(value, digits) if not math.isnan(value) else EMPTY for value in (result.mean_a, result.mean_b)),
        signed(result.difference, digits + 1),
        interval,
        _p(result.p),
        holm,
        f"{tally.wins}/{tally.losses}/{tally.ties}",
    )


def _notes(report: Report) -> Iterator[str]:
    for title, clips in report.left_out.items():
        if clips:
            more = f", … ({len(clips)} in all; --json names them)" if len(clips) > _MOST_NAMED else ""
            yield f"Left out of {title}: {', '.join(clips[:_MOST_NAMED])}{more}"
    for one in report.comparisons:
        if one.by_clip.left_out:
            names = ", ".join(one.by_clip.left_out[:_MOST_NAMED])
            yield f"{one.title}, {one.metric}: infinite in one of the two, not in difference, interval and p: {names}"
    yield (
        f"p: two-sided sign flips of whole clips, exact up to {EXACT_CLIPS} clips, else {DRAWS} draws. "
        f"Holm p: corrected for {len(report.comparisons)} tests. "
        f"Interval: BCa bootstrap of whole clips, {DRAWS} draws, seed {report.seed}."
    )
    yield "Rows of frames weigh every frame alike, clustered by clip; claims rest on clips."
    if any(one.by_clip.clips < _FEW_CLIPS for one in report.comparisons):
        yield f"Bootstrap intervals of fewer than {_FEW_CLIPS} clips are too narrow: there, trust p."
    yield from report.runs
    signatures: dict[tuple[str, str], list[str]] = {}
    for one in report.comparisons:
        signatures.setdefault((one.title, one.signature.protocol), []).append(one.signature.metric)
    for (title, protocol), metrics in signatures.items():
        yield f"Signature of {title}: {ColumnSignature(protocol, ' '.join(metrics))}"


def _better(one: Comparison, report: Report) -> str:
    difference = one.by_clip.difference
    if difference == 0:
        return "they are equal on average"
    a_is_better = (difference > 0) == METRICS[one.metric].higher_is_better
    first, second = (report.a, report.b) if a_is_better else (report.b, report.a)
    return f"{first} is better than {second}"


def _amount(one: Comparison) -> str:
    info = METRICS[one.metric]
    return f"by {printed(abs(one.by_clip.difference), info.decimals + 1)} {info.unit}".strip()


def _range(one: Comparison) -> str:
    info = METRICS[one.metric]
    if one.by_clip.interval is None:
        return "no interval"
    low, high = (signed(end, info.decimals + 1) for end in one.by_clip.interval)
    return f"{LEVEL:.0%} interval of A - B {low} to {high} {info.unit}".strip()


def _count(result: PairedResult) -> str:
    ahead = max(result.tally.wins, result.tally.losses)
    side = "A" if result.tally.wins >= result.tally.losses else "B"
    return f"{side} ahead on {ahead} of {_clips(result.clips + len(result.left_out))}"


def _clips(number: int) -> str:
    return "1 clip" if number == 1 else f"{number} clips"


def _p(value: float) -> str:
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"


def _plain(value: object) -> object:
    """The same with None for NaN and texts for infinity."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value
