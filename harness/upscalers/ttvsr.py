"""TTVSR as a super-resolver: RGB in [0, 1], clips as a whole where they are short, and segments of long ones.

The network walks through a clip in both directions, so every frame depends on all others, and what it keeps grows
with the clip. The authors give it whole clips; here a clip of more than `segment` frames is cut into segments that
overlap, and of each the frames near an inner end are thrown away: they have seen too little of one direction. What a
frame becomes then depends on its segment alone, and memory does not grow.

Frames are padded at the right and at the bottom by their last column and row, to 64 pixels at least, below which the
authors' program does not go, and to multiples of 4; the result is cropped.
"""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from harness.networks.ttvsr.build import ttvsr
from harness.networks.ttvsr.network import SCALE, TTVSR
from harness.networks.ttvsr.trajectories import CELL
from harness.ops.precision import at_least_float32
from harness.upscalers.base import StreamingSuperResolver
from harness.upscalers.limits import only_scale
from harness.upscalers.options import TTVSRStageOptions
from harness.upscalers.padding import at_least, to_multiple

LEAST_SIZE = 64


class TTVSRSuperResolver(StreamingSuperResolver):
    """The network on padded frames.

    Args:
        options: how long clips are cut.
        scale: 4; the network knows no other.
    """

    def __init__(self, options: TTVSRStageOptions | None = None, *, scale: int = SCALE) -> None:
        options = options or TTVSRStageOptions()
        super().__init__(options, scale=scale)
        only_scale("TTVSR", known=SCALE, scale=scale)
        self.segment, self.overlap = options.segment, options.overlap
        self.network: TTVSR = ttvsr()
        self.network = self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def trained(self) -> nn.Module:
        return self.network

    def stream(self, frames: Iterable[Tensor]) -> Iterator[Tensor]:
        """See `SuperResolver`; reads as far ahead as a segment goes, and one frame more."""
        kept: list[Tensor] = []
        done = 0  # of those that are kept
        for frame in frames:
            if len(kept) == self.segment:  # the clip goes on beyond it
                yield from self._upscaled(kept)[done : self.segment - self.overlap]
                kept, done = kept[self.segment - 2 * self.overlap :], self.overlap
            kept.append(frame)
        if kept:
            yield from self._upscaled(kept)[done:]

    def _upscaled(self, segment: list[Tensor]) -> Tensor:
        """Frames (3, h, w) to (T, 3, 4h, 4w)."""
        height, width = segment[0].shape[-2:]
        padded = to_multiple(at_least(torch.stack(segment), LEAST_SIZE), CELL)
        upscaled: Tensor = self.network(padded.unsqueeze(0)).squeeze(0)
        return at_least_float32(upscaled[..., : self.scale * height, : self.scale * width])
