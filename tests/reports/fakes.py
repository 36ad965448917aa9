"""Runs made of thin air, for tests of tables and comparisons, and snapshots to compare texts with."""

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.cards.library import CardLibrary
from harness.cards.method import LoadedWeights, OptionValue, Training
from harness.records.schema import ClipLine, RunHeader
from harness.records.store import keyed
from harness.reports.emit import as_latex
from harness.reports.model import Table

LIBRARY = CardLibrary()
"""The shipped cards, read once."""
SNAPSHOTS = Path(__file__).parent / "snapshots"
TMNET = (
    "protocol:tmnet.v1|rate:{rate}|scale:4|lr:matlab-bicubic-u8|window:{inputs}in-append|scored:all|"
    "colour:y-bt601-studio|range:255|rounding:round|border:0|average:frames>clips"
)
TITLES = {"vid4": "Vid4", "vimeo-fast": "Vimeo-Fast", "demo": "Demo"}


@dataclass(frozen=True)
class FakeRun:
    """A run that lies nowhere."""

    header: RunHeader
    lines: dict[str, ClipLine]


def header(
    method: str,
    dataset: str = "vid4",
    *,
    clips: Sequence[str] = ("calendar", "city", "foliage", "walk"),
    title: str | None = None,
    rate: int = 2,
    protocol: str = "tmnet",
    signature: str | None = None,
    metrics: Sequence[str] = ("psnr-y", "ssim-y"),
    tag: str = "",
    card: Mapping[str, object] | None = None,
    average: str = "frames>clips",
    **more: object,
) -> RunHeader:
    """A header like those that `harness run` writes; `more`: other fields of it."""
    inputs = {2: 4}.get(rate, 2)
    of_metrics = " ".join(f"{name}:v1" for name in sorted(metrics))
    own = TMNET.replace("tmnet", protocol).format(rate=rate, inputs=inputs)
    fields: dict[str, object] = {
        "key": "",
        "method": f"{method}@{tag}" if tag else method,
        "method_title": title or method,
        "method_card": dict(card or {}),
        "network_versions": {},
        "weights": (LoadedWeights(tag=tag, file="w.pth", sha256="0" * 64),) if tag else (),
        "dataset": dataset,
        "dataset_title": TITLES.get(dataset, dataset),
        "dataset_card": {},
        "manifest_sha256": "",
        "clips": tuple(clips),
        "rate": rate,
        "scale": 4,
        "protocol": protocol,
        "average": average,
        "input_frames": inputs,
        "signature": f"{signature or own}|{of_metrics}",
        "metrics": tuple(metrics),
        "precision": "fp32",
        "device": "cpu",
        **more,
    }
    return keyed(RunHeader.model_validate(fields))


def trained(
    method: str,
    key: str,
    dataset: str = "vid4",
    *,
    seed: int = 0,
    setting: str = "setting-1",
    iterations: int = 300,
    max_seconds: float = 0,
    options: Mapping[str, OptionValue] | None = None,
    **more: object,
) -> RunHeader:
    """The header of a run of weights that were trained here, under `key`; `more`: as in `header`."""
    training = Training(
        key=key,
        setting=setting,
        data="davis270",
        iterations=iterations,
        batch=8,
        crop=32,
        max_seconds=max_seconds,
        seed=seed,
        options={"lambda_per": 0.1, "lambda_mcl": 0.1, "mcl_relative": "hinge", **(options or {})},
    )
    sha256 = hashlib.sha256(key.encode()).hexdigest()
    weights = LoadedWeights(tag=key[:8], file="weights.safetensors", sha256=sha256, training=training)
    fields: dict[str, Any] = {"weights": (weights,), "tag": key[:8], "card": card(method)} | more
    return header(method, dataset, **fields)


def card(method: str, **options: object) -> dict[str, object]:
    """The shipped card of a method as runs record it, with changed options."""
    recorded = LIBRARY.method(method).model_dump(mode="json", exclude_defaults=True)
    return recorded | {"options": recorded.get("options", {}) | options}


def line(clip: str, scores: Mapping[str, Sequence[float | None]], *, group: str = "", pixels: str = "") -> ClipLine:
    """A clip that is done, every second frame of which was given."""
    frames = tuple(range(len(next(iter(scores.values())))))
    return ClipLine(
        clip=clip,
        group=group,
        status="done",
        pixels=pixels,
        frames=frames,
        given=tuple(index % 2 == 0 for index in frames),
        scores={metric: tuple(values) for metric, values in scores.items()},
    )


def failed(clip: str) -> ClipLine:
    """A clip that failed."""
    return ClipLine(clip=clip, status="failed", error="OSError: truncated")


def fake_run(
    head: RunHeader, psnr: float = 25.0, *, done: int | None = None, fail: int = 0, **scores: float
) -> FakeRun:
    """A run whose clips all score about `psnr`.

    Args:
        head: its header.
        psnr: dB; SSIM is a fortieth of it; other metrics are given by name, `_` for `-`.
        done: how many clips are done; default: all that did not fail.
        fail: how many clips failed, the last ones.
        scores: values of further metrics.
    """
    values = {"psnr-y": psnr, "psnr-rgb": psnr - 1.5, "ssim-y": psnr / 40} | {
        name.replace("_", "-"): value for name, value in scores.items()
    }
    clips = head.clips
    good = clips[: len(clips) - fail][:done]
    lines = {clip: line(clip, {metric: (values[metric],) * 3 for metric in head.metrics}) for clip in good}
    return FakeRun(head, lines | {clip: failed(clip) for clip in clips[len(clips) - fail :]})


def write_run(folder: Path, run: FakeRun) -> Path:
    """Put a run on disk as the store does."""
    place = folder / "runs" / f"{run.header.method}--{run.header.dataset}--x{run.header.rate}--{run.header.key[:10]}"
    place.mkdir(parents=True)
    (place / "run.json").write_text(run.header.model_dump_json() + "\n")
    lines = (one.model_dump_json(exclude_defaults=True) + "\n" for one in run.lines.values())
    (place / "clips.jsonl").write_text("".join(lines))
    return place


def write_sample(
    run: Path, prediction: NDArray[np.uint8], truth: NDArray[np.uint8], *, clip: str = "calendar", frame: int = 1
) -> None:
    """Put a sample beside a run, as `harness run` does."""
    folder = run / "samples"
    folder.mkdir(exist_ok=True)
    stem = f"{clip.replace('/', '__')}_{frame:06d}"
    Image.fromarray(prediction).save(folder / f"{stem}.png")
    Image.fromarray(truth).save(folder / f"{stem}_gt.png")
    entry = {"clip": clip, "frame": frame, "given": False, "file": f"{stem}.png", "gt": f"{stem}_gt.png"}
    (folder / "samples.json").write_text(json.dumps([entry]))


def assert_latex_fits(table: Table) -> None:
    """The table's LaTeX is plain ASCII, its braces close, and every line has as many cells as there are columns."""
    text = as_latex(table)
    assert text.isascii()
    assert text.count("{") == text.count("}")
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    for written in body.splitlines():
        if written.endswith(r"\\"):
            spans = [int(span) for span in re.findall(r"\\multicolumn\{(\d+)\}", written)]
            cells = len(re.findall(r"(?<!\\)&", written)) + 1
            assert cells + sum(spans) - len(spans) == len(table.columns) + 1


def assert_snapshot(text: str, name: str) -> None:
    """The text equals the file; with UPDATE_SNAPSHOTS=1 the file becomes the text, to be read before it is kept."""
    path = SNAPSHOTS / name
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
