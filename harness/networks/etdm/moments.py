"""The frames of a clip as ETDM's recurrence meets them: their neighbours, what the past leaves, what the future says.

Sizes and ranges are those of `network`. Each end of a clip is a mirror: the frame before the first is the second, and
the one after the last is the last but one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

REACH = 3  # frames, into the past and into the future
_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Moment:
    """A frame between its neighbours.

    Args:
        before, frame, after: (B, 3, h, w).
        changed_before: where the frame differs much from the one before it: 1, elsewhere 0, (B, 1, h, w).
        changed_after: likewise from the one after it.
    """

    before: Tensor
    frame: Tensor
    after: Tensor
    changed_before: Tensor
    changed_after: Tensor


@dataclass(frozen=True)
class Past:
    """What goes from one frame to the next.

    Args:
        frame: the last one.
        h: its state, (B, C, h, w).
        remembered: R, its features, (B, C, h, w).
        d_after: its difference to the next one, (B, 48, h, w).
        estimates: of it, by itself and by the two frames before it.
    """

    frame: Tensor
    h: Tensor
    remembered: Tensor
    d_after: Tensor
    estimates: tuple[Tensor, ...]


@dataclass(frozen=True)
class Present:
    """What the past has made of a frame, for the frames before it to look at.

    Args:
        frame: itself.
        estimate: b, (B, 48, h, w).
        d_before: l', its difference to the frame before it, (B, 48, h, w).
        remembered: R, (B, C, h, w).
    """

    frame: Tensor
    estimate: Tensor
    d_before: Tensor
    remembered: Tensor


def neighbourhoods(frames: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Every frame with those before and after it; at either end the inner one is both.

    >>> [tuple(three) for three in neighbourhoods([0, 1, 2])]
    [(1, 0, 1), (0, 1, 2), (1, 2, 1)]
    """
    before, frame = None, None
    for after in frames:
        if frame is not None:
            yield after if before is None else before, frame, after
        before, frame = frame, after
    if frame is not None:
        inner = frame if before is None else before
        yield inner, frame, inner


def moment(before: Tensor, frame: Tensor, after: Tensor) -> Moment:
    """Three frames (B, 3, h, w), and where the outer ones differ from the middle by more than they do on average."""
    luma = _luma(frame)

    def changed(other: Tensor) -> Tensor:
        apart = (luma - _luma(other)).abs()
        return (apart > apart.mean(dim=(2, 3), keepdim=True)).to(frame.dtype)

    return Moment(before, frame, after, changed(before), changed(after))


def _luma(frame: Tensor) -> Tensor:
    """(B, 3, h, w) to (B, 1, h, w)."""
    red, green, blue = (weight * channel for weight, channel in zip(_LUMA, frame.split(1, dim=1), strict=True))
    luma: Tensor = red + green + blue
    return luma


def from_future(ahead: Sequence[Present]) -> tuple[Tensor, ...]:
    """What the frames after one say of it: their estimates without all that has changed since; the last is repeated.

    Args:
        ahead: one to three frames, the next one first.
    """
    said, since = [], torch.zeros_like(ahead[0].d_before)
    for present in ahead:
        since = since + present.d_before
        said.append(present.estimate - since)
    return (*said, *(said[-1:] * (REACH - len(said))))


def at_the_end(last: Sequence[Present]) -> list[tuple[Tensor, ...]]:
    """What the last three frames of a clip, or fewer, are told about the future.

    As the release does it: the third last hears of the second last alone; the second last is told what would be
    right for the third last; the last hears of itself.
    """
    if not last:
        return []
    two = last[-2:]
    told = [from_future(two[:1]), from_future(two), (last[-1].estimate,) * REACH]
    return told[-len(last) :]
