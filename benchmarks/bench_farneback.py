"""How long our Farneback flow takes, as a multiple of OpenCV's own on the same machine in the same minute.

    python -m benchmarks.bench_farneback [--threads 1]

One direction per pair, RGB frames in, flow out (OpenCV: 8-bit grey in, flow out). Sizes: Vid4's LR and HR frames.
Rounds alternate between the two and the fastest of each counts, so that other work on the machine tells little.
"""

import argparse

import cv2
import numpy as np
import torch
from skimage import data

from benchmarks.timing import fastest_ms
from harness.flow.farneback import Farneback

SIZES = ((144, 180), (576, 720))


def photo_pair(height: int, width: int) -> np.ndarray:
    """(2, H, W, 3), uint8: a photograph, and the same moved by (2.3, -1.6) pixels."""
    photo = cv2.resize(data.astronaut(), (width, height))  # type: ignore[no-untyped-call]
    moved = cv2.warpAffine(photo, np.array([[1.0, 0.0, 2.3], [0.0, 1.0, -1.6]]), (width, height))
    return np.stack((photo, moved))


def report(height: int, width: int, *, batch: int, rounds: int) -> None:
    pair = photo_pair(height, width)
    greys = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in pair]
    flow = np.zeros((height, width, 2), np.float32)
    frames = torch.from_numpy(pair).permute(0, 3, 1, 2) / 255
    firsts, seconds = (frames[i : i + 1].repeat(batch, 1, 1, 1) for i in range(2))
    estimator = Farneback()
    expansions = [[level.clone() for level in estimator.expand(frame)] for frame in (firsts, seconds)]
    opencv_ms, whole_ms, solve_ms = fastest_ms(
        [
            lambda: cv2.calcOpticalFlowFarneback(greys[0], greys[1], flow, 0.5, 3, 15, 3, 5, 1.2, 0),
            lambda: estimator(firsts, seconds),
            lambda: estimator.between(expansions[0], expansions[1]),
        ],
        rounds=rounds,
    )
    whole_ms, solve_ms = whole_ms / batch, solve_ms / batch
    print(
        f"{width}x{height}, batch {batch}: OpenCV {opencv_ms:.1f} ms, ours {whole_ms:.1f} ms per pair"
        f" = {whole_ms / opencv_ms:.1f} x OpenCV; of it between expanded frames {solve_ms:.1f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)
    with torch.inference_mode():
        for height, width in SIZES:
            for batch in (1, 4):
                report(height, width, batch=batch, rounds=arguments.rounds if height < 200 else 3)


if __name__ == "__main__":
    main()
