"""Image pairs with the scores that the field's own programs gave them (tests/references/metrics_golden.*)."""

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

REFERENCES = Path(__file__).parents[1] / "references"
TABLE: dict[str, dict[str, dict[str, dict[str, float | str]]]] = json.loads(
    (REFERENCES / "metrics_golden.json").read_text(encoding="utf-8")
)
PAIRS = list(TABLE["pairs"])
FLOAT_PAIRS = list(TABLE["float_pairs"])


def frames(name: str) -> tuple[Tensor, Tensor]:
    """Prediction and ground truth, (1, 3, H, W): uint8, or a float32 prediction for the pairs that have one."""
    with np.load(REFERENCES / "metrics_golden.npz") as stored:
        out = f"{name}/out" if f"{name}/out" in stored else f"{name}/out_float32"
        arrays = (stored[out], stored[f"{name}/gt"])
    pred, gt = (torch.from_numpy(array).permute(2, 0, 1)[None] for array in arrays)
    return pred, gt


def score(pair: str, program: str, metric: str) -> float:
    """What a program (`rstt`, `zsm_tmnet`, `basicsr_crop0`, ...) gave for `psnr_y`, `ssim_rgb`, ..."""
    kind = "pairs" if pair in TABLE["pairs"] else "float_pairs"
    return float(TABLE[kind][pair][program][metric])
