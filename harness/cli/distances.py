"""`harness speed --check`: how far each precision is from fp32, as a table."""

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from harness.evaluation.speed import SpeedPlan, Subject


def print_distances(subjects: "Sequence[Subject]", plan: "SpeedPlan", *, as_json: bool) -> None:
    """Measure and print the distance of every precision, on one window of a seeded moving clip."""
    from harness.evaluation.distance import distances_db, in_words
    from harness.evaluation.precision import device_title
    from harness.evaluation.speed import moving_clip

    rows = []
    for subject in subjects:
        setup = plan.setup(subject)
        size = (setup.height // setup.scale, setup.width // setup.scale)
        clip = moving_clip(setup.input_frames, *size).to(plan.device)
        rows.append((subject, distances_db(subject.upscaler, clip, plan.rate, ("tf32", "fp16", "bf16"))))
    if as_json:
        found = [
            {
                "method": subject.method,
                "untrained": subject.untrained,
                "device": device_title(plan.device),
                "distance_db": {name: _json(value) for name, value in distances.items()},
            }
            for subject, distances in rows
        ]
        typer.echo(json.dumps(found, indent=1))
        return
    typer.echo(f"Distance to fp32 of one window, {plan.width}x{plan.height} HR, on {device_title(plan.device)}.\n")
    width = max(len(subject.method) for subject, _ in rows)
    for subject, distances in rows:
        cells = "   ".join(f"{name} {in_words(value)}" for name, value in distances.items())
        doubt = "   (untrained weights: these say little)" if subject.untrained else ""
        typer.echo(f"{subject.method:<{width}}  {cells}{doubt}")


def _json(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return str(value) if math.isinf(value) else value
