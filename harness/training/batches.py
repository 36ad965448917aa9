"""Batches: the crops of an iteration, augmented, on the training device.

A process of several takes its share: position b of a batch belongs to process b modulo their number. Slow stores are
asked ahead, by threads; the order of results never depends on which thread was faster. Crops are as long as the rate
of their iteration wants.

Conventions: LR (B, T, 3, c, c) and HR (B, T, 3, s*c, s*c), RGB, float32 in [0, 1], all T frames; at rate r those
that are given are 0, r, 2r, ..., T - 1.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from harness.errors import UsageError
from harness.evaluation.machine import usable_cores
from harness.training.frames import Frames, FrameStore
from harness.training.losses.objective import Truth
from harness.training.recipe import Recipe
from harness.training.sampling import Draw, Sampler

_AHEAD = 3  # iterations whose crops are being read


class Batches:
    """The crops of each iteration.

    Args:
        store: where they are cut from.
        sampler: which ones.
        recipe: how many, how large, in how many parts.
        device: where they go.
        rank: number of this process.
        processes: how many share a batch.

    Raises:
        UsageError: a process would have nothing to do in some part of a batch.
    """

    def __init__(
        self,
        store: FrameStore,
        sampler: Sampler,
        recipe: Recipe,
        *,
        device: torch.device,
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        if recipe.batch < processes * recipe.accumulate:
            raise UsageError(
                "Every process needs a crop in every part of a batch.",
                found=f"a batch of {recipe.batch} for {processes} processes in {recipe.accumulate} parts",
                todo="raise recipe.batch, or lower recipe.accumulate or the number of processes",
            )
        self._store, self._sampler, self._recipe, self._device = store, sampler, recipe, device
        self._positions = range(rank, recipe.batch, processes)
        self._pool = ThreadPoolExecutor(usable_cores()) if store.slow else None
        self._pending: dict[int, list[Future[Frames]]] = {}

    def rate(self, iteration: int) -> int:
        """The rate of an iteration."""
        return self._sampler.rate(iteration, self._recipe.each_rate)

    def get(self, iteration: int) -> list[Truth]:
        """The crops of an iteration that are this process's share, in the recipe's number of parts."""
        crops = self._crops(iteration)
        size = -(-len(crops) // self._recipe.accumulate)
        return [self._truth(crops[start : start + size]) for start in range(0, len(crops), size)]

    def close(self) -> None:
        """Stop reading ahead."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _crops(self, iteration: int) -> list[Frames]:
        if self._pool is None:
            return [self._crop(draw, frames) for draw, frames in self._draws(iteration)]
        for ahead in range(iteration, min(iteration + _AHEAD + 1, max(self._recipe.iterations, iteration + 1))):
            if ahead not in self._pending:
                self._pending[ahead] = [self._pool.submit(self._crop, *wanted) for wanted in self._draws(ahead)]
        return [future.result() for future in self._pending.pop(iteration)]

    def _draws(self, iteration: int) -> list[tuple[Draw, int]]:
        """What to cut, and how many frames of it."""
        frames = self._recipe.frames_at(self.rate(iteration))
        return [(self._sampler.draw(iteration, position), frames) for position in self._positions]

    def _crop(self, draw: Draw, frames: int) -> Frames:
        cut = self._store.cut(draw, frames=frames, crop=self._recipe.crop)
        return Frames(_augmented(cut.hr, draw), _augmented(cut.lr, draw))

    def _truth(self, crops: Sequence[Frames]) -> Truth:
        return Truth(hr=self._batch([crop.hr for crop in crops]), lr=self._batch([crop.lr for crop in crops]))

    def _batch(self, crops: list[Tensor]) -> Tensor:
        return torch.stack(crops).to(self._device, non_blocking=True).float().div_(255)


def _augmented(frames: Tensor, draw: Draw) -> Tensor:
    axes = [axis for axis, wanted in ((0, draw.reverse), (-2, draw.flip), (-1, draw.mirror)) if wanted]
    turned = frames.flip(axes) if axes else frames
    return turned.transpose(-2, -1) if draw.transpose else turned
