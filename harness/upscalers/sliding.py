"""Super-resolvers that enlarge one frame with the help of a fixed number of neighbours on both sides."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from harness.upscalers.base import StreamingSuperResolver


class SlidingWindow(StreamingSuperResolver):
    """A window that slides over all frames of a clip, one HR frame each.

    No more than two windows' frames are kept. What stands in for neighbours beyond the clip's ends is the
    network's own rule.
    """

    reach: int = 3
    """Neighbours on each side; a window has 2 * reach + 1 frames."""

    @abstractmethod
    def centre(self, window: Tensor) -> Tensor:
        """The middle frame (3, s*h, s*w) of a window (2 * reach + 1, 3, h, w), in [0, 1]; not clamped."""

    @abstractmethod
    def neighbours(self, centre: int, last: int | None) -> Sequence[int]:
        """The frames of the window around `centre`, 2 * reach + 1 indices.

        None lies more than 2 * reach from the centre, so that no other frame needs to be kept.

        Args:
            centre: index of the frame that is enlarged.
            last: index of the clip's last frame; None while it is not known: the end is then far.
        """

    def stream(self, frames: Iterable[Tensor]) -> Iterator[Tensor]:
        """See `SuperResolver`."""
        kept: dict[int, Tensor] = {}
        last, centre = -1, 0
        for last, frame in enumerate(frames):
            kept[last] = frame
            # Frames whose window is whole, whether or not the clip ends here. Those of the end wait for it.
            while max(self.neighbours(centre, None)) <= last and centre + self.reach <= last:
                yield self._enlarged(kept, self.neighbours(centre, None))
                centre += 1
                kept.pop(centre - 2 * self.reach - 1, None)
        for remaining in range(centre, last + 1):
            yield self._enlarged(kept, self.neighbours(remaining, last))

    def _enlarged(self, kept: dict[int, Tensor], indices: Sequence[int]) -> Tensor:
        return self.centre(torch.stack([kept[index] for index in indices]))
