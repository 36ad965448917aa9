"""ETDM: a clip from its differences in time, looking back at three frames and forth at three.

Source: T. Isobe et al., "Look Back and Forth: Video Super-Resolution with Explicit Temporal Difference Modeling",
2022, and the behaviour of its release where the text is silent.

Conventions: frames are RGB in [0, 1], nothing is clamped. Time goes frame by frame: each is (B, 3, h, w), and what
comes out is (B, 3, 4h, 4w). Estimates are residuals to the bilinear picture, (B, 48, h, w), in the order of a pixel
shuffle. Any size from 1x1. Flows are in pixels, dx before dy. Nothing waits for the device.

One recurrence serves clips and streams: frame s is ready three frames after it was given, and what is kept does not
grow. In the estimates of a frame t the paper's symbols are: o the frame, d_before = frame - the one before it,
d_after = frame - the one after it; h the state, R the features of what the past says.

Deviation: the release takes no clips of fewer than three frames. Here two follow the same rules, and one alone
is its own neighbour. The release refuses flows of frames of 32 pixels and less; see harness.networks.spynet.
"""

from collections.abc import Iterable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.etdm.moments import (
    REACH,
    Moment,
    Past,
    Present,
    at_the_end,
    from_future,
    moment,
    neighbourhoods,
)
from harness.networks.layers.reconstruction import ResidualBlock
from harness.ops.channels import cat_channels
from harness.ops.warp import Warp

SCALE = 4


class Dilatable(nn.Module):
    """A convolution and residual blocks that are told at each call how far apart their taps lie.

    Args:
        entry: frame, both neighbours, h and R, (B, 9 + 2C, h, w), to features.
        blocks: behind it.
    """

    def __init__(self, entry: nn.Conv2d, blocks: Sequence[ResidualBlock]) -> None:
        super().__init__()
        self.entry = entry
        self.blocks: Iterable[ResidualBlock] = nn.ModuleList(blocks)  # type: ignore[assignment]  # mypy: of any modules

    def forward(self, seen: Tensor, *, dilation: int) -> Tensor:
        """To features (B, C, h, w)."""
        features = _apart(self.entry, seen, dilation).relu_()
        for block in self.blocks:
            features = features + _apart(block.second, _apart(block.first, features, dilation).relu_(), dilation)
        return features


def _apart(layer: nn.Conv2d, maps: Tensor, dilation: int) -> Tensor:
    """A 3x3 convolution whose taps lie `dilation` pixels apart."""
    return F.conv2d(maps, layer.weight, layer.bias, padding=dilation, dilation=dilation)


class Differences(nn.Module):
    """A frame and its neighbours to the frame and its differences to them.

    Args:
        regions: what is seen, where little changes and where much does; the same weights for both.
        trunk: the sum of both to features.
        state: features to h.
        heads: h to `frame`, `before`, `after`: the frame, and its differences to its neighbours, (B, 48, h, w) each.
    """

    def __init__(self, regions: Dilatable, trunk: nn.Module, *, state: nn.Module, heads: nn.ModuleDict) -> None:
        super().__init__()
        self.regions = regions
        self.trunk = trunk
        self.state = state
        self.heads = heads

    def forward(self, now: Moment, h: Tensor, remembered: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """To the next h, (B, C, h, w), and o, d_before and d_after, (B, 48, h, w) each.

        Args:
            now: the frame.
            h: the state of the frame before it, moved to this one.
            remembered: R of the frame before it.
        """
        h = self.state(self.trunk(self.both_regions(now, h, remembered)))
        o, d_before, d_after = (self.heads[name](h) for name in ("frame", "before", "after"))
        return h, o, d_before, d_after

    def both_regions(self, now: Moment, h: Tensor, remembered: Tensor) -> Tensor:
        """Features of what changes little, by near taps, and of what changes much, by far ones; their sum."""
        much = now.before * now.changed_before, now.after * now.changed_after
        little = now.before - much[0], now.after - much[1]
        near: Tensor = self.regions(cat_channels((now.frame, *little, h, remembered)), dilation=1)
        far: Tensor = self.regions(cat_channels((now.frame, *much, h, remembered)), dilation=2)
        return near + far


class Fusion(nn.Module):
    """Estimates of one frame from several sides, and its features, to better features.

    Args:
        mix: all of them, concatenated, to what the features lack.
        blocks: behind the sum.
    """

    def __init__(self, mix: nn.Module, blocks: nn.Module) -> None:
        super().__init__()
        self.mix = mix
        self.blocks = blocks

    def forward(self, estimates: Sequence[Tensor], features: Tensor) -> Tensor:
        """(B, 48, h, w) each, and (B, C, h, w), to (B, C, h, w)."""
        fused: Tensor = self.blocks(self.mix(cat_channels((*estimates, features))) + features)
        return fused


class ETDM(nn.Module):
    """Frames to frames, four times larger.

    Args:
        flow: two frames to the flow from the first to the second.
        sample: how the state is warped along it.
        differences: a frame between its neighbours to h, o, d_before and d_after.
        look_back: what three past frames say of this one.
        corrections: R to what o (`frame`) and d_before (`before`) lack.
        look_forth: what three future frames say of this one.
        detail: the result of that to what the estimate lacks, (B, 48, h, w).
    """

    def __init__(
        self,
        *,
        flow: nn.Module,
        sample: Warp,
        differences: Differences,
        look_back: Fusion,
        corrections: nn.ModuleDict,
        look_forth: Fusion,
        detail: nn.Module,
    ) -> None:
        super().__init__()
        self.flow = flow
        self.sample = sample
        self.differences = differences
        self.look_back = look_back
        self.corrections = corrections
        self.look_forth = look_forth
        self.detail = detail

    def forward(self, frames: Tensor) -> Tensor:
        """A clip (B, T, 3, h, w) to (B, T, 3, 4h, 4w)."""
        return torch.stack(list(self.stream(frames.unbind(1))), dim=1)

    def stream(self, frames: Iterable[Tensor]) -> Iterator[Tensor]:
        """Frames (B, 3, h, w), one after the other, to (B, 3, 4h, 4w), each three frames later or at the end."""
        return self.upscale(moment(*three) for three in neighbourhoods(frames))

    def upscale(self, moments: Iterable[Moment]) -> Iterator[Tensor]:
        """The same of frames that have their neighbours already."""
        waiting: list[Present] = []
        for present in self.presents(moments):
            waiting.append(present)
            if len(waiting) > REACH:
                yield self.picture(waiting[0], from_future(waiting[1:]))
                del waiting[0]
        for present, seen in zip(waiting, at_the_end(waiting), strict=True):
            yield self.picture(present, seen)

    def presents(self, moments: Iterable[Moment]) -> Iterator[Present]:
        """What the past makes of every frame."""
        past = None
        for now in moments:
            present, past = self.step(now, past)
            yield present

    def step(self, now: Moment, past: Past | None) -> tuple[Present, Past]:
        """One frame, given what the frames before it have left."""
        h, o, d_before, d_after = self.differences(now, *self.carried(now, past))
        said = (o,) * REACH if past is None else tuple(estimate - past.d_after for estimate in past.estimates)
        remembered = self.look_back((*said, o, d_before), h)
        present = Present(
            frame=now.frame,
            estimate=self.corrections["frame"](remembered) + o,
            d_before=self.corrections["before"](remembered) + d_before,
            remembered=remembered,
        )
        return present, Past(now.frame, h, remembered, d_after, (o, *said[:-1]))

    def carried(self, now: Moment, past: Past | None) -> tuple[Tensor, Tensor]:
        """The h of the frame before, moved to this one, and its R, which stays where it is; zeros at first."""
        if past is None:
            channels = self.differences.regions.entry.out_channels
            nothing = torch.zeros_like(now.frame[:, :1]).expand(-1, channels, -1, -1)
            return nothing, nothing
        return self.sample(past.h, self.flow(now.frame, past.frame), padding="zeros"), past.remembered

    def picture(self, present: Present, future: Sequence[Tensor]) -> Tensor:
        """A frame and what three future ones say of it, (B, 48, h, w) each, to (B, 3, 4h, 4w)."""
        seen = self.look_forth((*future, present.estimate), present.remembered)
        residual = F.pixel_shuffle(self.detail(seen) + present.estimate, SCALE)
        return residual + F.interpolate(present.frame, scale_factor=SCALE, mode="bilinear", align_corners=False)
