"""TTVSR as a straightforward program: its description put down line by line, with the authors' names of the weights.

Nothing is shared with ours. Locations are maps of coordinates, key frames leave four maps of tokens, and each of them
is sampled by torch's `grid_sample` at every step.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

State = Mapping[str, Tensor]


class Straightforward:
    """The network of a state dict under the authors' names (`generator.…`)."""

    def __init__(self, state: State) -> None:
        self.state = {name.removeprefix("generator."): value for name, value in state.items()}

    def __call__(self, lrs: Tensor) -> Tensor:
        """(B, T, 3, h, w) to (B, T, 3, 4h, 4w)."""
        frames = list(lrs.unbind(1))
        flows_backward = [self.spynet(a, b) for a, b in pairwise(frames)]
        flows_forward = [self.spynet(b, a) for a, b in pairwise(frames)]
        features = [self.trunk(frame, "feat_extractor.main") for frame in frames]
        count = len(frames)
        backward = self.walk(features, list(range(count))[::-1], flows_backward[::-1])[::-1]
        forward = self.walk(features, list(range(count)), flows_forward)
        pictures = [self.picture(*parts) for parts in zip(frames, backward, features, forward, strict=True)]
        return torch.stack(pictures, dim=1)

    def walk(self, features: list[Tensor], order: list[int], flows: list[Tensor]) -> list[Tensor]:
        p = torch.zeros_like(features[0])
        batch, _, height, width = p.shape
        y, x = torch.meshgrid(torch.arange(height // 4.0), torch.arange(width // 4.0), indexing="ij")
        home = torch.stack((x, y)).to(p).expand(batch, -1, -1, -1)
        location, stored, made = home, list[tuple[Tensor, ...]](), []
        for step, index in enumerate(order):
            frame = features[index]
            if step:
                flow = flows[step - 1]
                p = warped(p, flow, mode="bilinear", padding_mode="border")
                coarse = F.adaptive_avg_pool2d(flow, (height // 4, width // 4)) / 4
                location = warped(location, coarse, mode="nearest", padding_mode="border")
                p = self.attend(frame, location, p, stored)
                if step % 3 == 0:
                    location = torch.cat((location, home), dim=1)
            p = self.trunk(torch.cat((frame, p), dim=1), "resblocks.main")
            made.append(p)
            if step % 3 == 0:
                stored.append((unfold(frame), unfold(p), unfold(shrunk(p, 6)), unfold(shrunk(p, 8))))
        return made

    def attend(self, frame: Tensor, location: Tensor, anchor: Tensor, stored: Sequence[Sequence[Tensor]]) -> Tensor:
        query = F.normalize(unfold(frame), dim=1)
        scores, read = [], []
        for key, tokens in enumerate(stored):
            at = location[:, 2 * key : 2 * key + 2]
            index, *values = (sampled(one, at, mode="nearest", padding_mode="zeros") for one in tokens)
            scores.append((F.normalize(index, dim=1) * query).sum(1))
            read.append(values)
        best, winner = torch.stack(scores).max(0)
        chosen = []
        for scale in range(3):
            every = torch.stack([values[scale] for values in read])
            pick = winner[None, :, None].expand(1, *every.shape[1:])
            chosen.append(F.pixel_shuffle(every.gather(0, pick)[0], 4))
        weight = best.repeat_interleave(4, dim=1).repeat_interleave(4, dim=2).unsqueeze(1)
        return self.conv(torch.cat(chosen, dim=1), "LTAM.fusion") * weight + anchor

    def picture(self, frame: Tensor, backward: Tensor, features: Tensor, forward: Tensor) -> Tensor:
        r = lrelu(self.conv(torch.cat((backward, features, forward), dim=1), "fusion", padding=0))
        r = lrelu(F.pixel_shuffle(self.conv(r, "upsample1.upsample_conv"), 2))
        r = lrelu(F.pixel_shuffle(self.conv(r, "upsample2.upsample_conv"), 2))
        r = self.conv(lrelu(self.conv(r, "conv_hr")), "conv_last")
        return r + F.interpolate(frame, scale_factor=4, mode="bilinear", align_corners=False)

    def trunk(self, maps: Tensor, name: str) -> Tensor:
        maps = lrelu(self.conv(maps, f"{name}.0"))
        for k in range(len({key.split(".")[3] for key in self.state if key.startswith(f"{name}.2.")})):
            maps = maps + self.conv(F.relu(self.conv(maps, f"{name}.2.{k}.conv1")), f"{name}.2.{k}.conv2")
        return maps

    def spynet(self, ref: Tensor, supp: Tensor) -> Tensor:
        height, width = ref.shape[-2:]
        h32, w32 = -(-height // 32) * 32, -(-width // 32) * 32
        refs, supps = ([self.normalised(images, h32, w32)] for images in (ref, supp))
        for _ in range(5):
            refs, supps = ([F.avg_pool2d(levels[0], 2), *levels] for levels in (refs, supps))
        flow = ref.new_zeros(len(ref), 2, h32 // 32, w32 // 32)
        for level in range(6):
            if level:
                flow = 2 * F.interpolate(flow, scale_factor=2, mode="bilinear", align_corners=True)
            moved = warped(supps[level], flow, mode="bilinear", padding_mode="border")
            seen = torch.cat((refs[level], moved, flow), dim=1)
            for layer in range(5):
                seen = self.conv(seen, f"spynet.basic_module.{level}.basic_module.{layer}.conv", padding=3)
                seen = F.relu(seen) if layer < 4 else seen
            flow = flow + seen
        flow = F.interpolate(flow, size=(height, width), mode="bilinear", align_corners=False)
        return flow * torch.tensor([width / w32, height / h32], device=flow.device).view(1, 2, 1, 1)

    def normalised(self, images: Tensor, height: int, width: int) -> Tensor:
        images = F.interpolate(images, size=(height, width), mode="bilinear", align_corners=False)
        return (images - self.state["spynet.mean"]) / self.state["spynet.std"]

    def conv(self, maps: Tensor, name: str, *, padding: int = 1) -> Tensor:
        return F.conv2d(maps, self.state[f"{name}.weight"], self.state[f"{name}.bias"], padding=padding)


def lrelu(maps: Tensor) -> Tensor:
    return F.leaky_relu(maps, 0.1)


def unfold(maps: Tensor) -> Tensor:
    """4x4 patches: (B, 16 C, h / 4, w / 4)."""
    return F.unfold(maps, 4, stride=4).view(len(maps), -1, maps.shape[2] // 4, maps.shape[3] // 4)


def shrunk(maps: Tensor, size: int) -> Tensor:
    """Patches of some size around those of 4x4, side by side, and then all of it as small as the map."""
    height, width = maps.shape[-2:]
    patches = F.unfold(maps, size, padding=(size - 4) // 2, stride=4)
    large = F.fold(patches, (height * size // 4, width * size // 4), size, stride=size)
    return F.adaptive_avg_pool2d(large, (height, width))


def warped(maps: Tensor, flow: Tensor, *, mode: str, padding_mode: str) -> Tensor:
    height, width = maps.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return sampled(maps, torch.stack((x, y)).to(flow) + flow, mode=mode, padding_mode=padding_mode)


def sampled(maps: Tensor, at: Tensor, *, mode: str, padding_mode: str) -> Tensor:
    """Maps at positions (B, 2, H, W), x before y, in pixels."""
    height, width = maps.shape[-2:]
    grid = torch.stack((2 * at[:, 0] / max(width - 1, 1) - 1, 2 * at[:, 1] / max(height - 1, 1) - 1), dim=3)
    return F.grid_sample(maps, grid, mode=mode, padding_mode=padding_mode, align_corners=True)
