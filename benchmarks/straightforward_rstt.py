"""RSTT one frame and one attention at a time: what `bench_rstt` and tests compare with.

Written from a description of what the release computes, on its own names of the weights; of the harness it takes
nothing. Each attention pads, rolls and cuts its maps by itself and keeps its logits; what may look at what is told by
labels of regions; convolutions see a frame at a time.
"""

from collections.abc import Mapping
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

HEADS = (2, 4, 8, 16)
SIDE = 4


class Straightforward:
    """The network of one state dict, of the authors' names; its depth is that of the weights.

    Args:
        state: the weights.
    """

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self.state = state
        self.depth = len({key.split(".")[3] for key in state if key.startswith("encoder_layers.0.blocks.")})

    def __call__(self, frames: Tensor) -> Tensor:
        """(1, 4, 3, h, w) to (1, 7, 3, 4h, 4w)."""
        height, width = frames.shape[-2:]
        maps = [F.leaky_relu(self.conv("input_proj.proj.0", frame)) for frame in frames.unbind(1)]
        maps = [F.pad(each, (0, -width % 8, 0, -height % 8)) for each in maps]
        memories = []
        for i in range(4):
            memories.append(self.encoded(i, last(maps)))
            if i < 3:
                maps = [self.conv(f"downsample.{i}.conv.0", each, stride=2) for each in first(memories[-1])]
        given = first(memories[-1])
        queries = [given[0]]
        for before, after in pairwise(given):
            queries += [(before + after) / 2, after]
        for i in range(4):
            decoded = self.decoded(i, last(queries), memories[3 - i])
            queries = first(decoded)
            if i < 3:
                weight, bias = self.layer(f"upsample.{i}.deconv.0")
                queries = [F.conv_transpose2d(each, weight, bias, stride=2) for each in queries]
        pictures = torch.stack([self.picture(each[..., :height, :width]) for each in queries], dim=1)
        size = (7, 4 * height, 4 * width)
        return pictures + F.interpolate(frames.transpose(1, 2), size=size, mode="trilinear").transpose(1, 2)

    def encoded(self, stage: int, maps: Tensor) -> Tensor:
        for j in range(self.depth):
            name = f"encoder_layers.{stage}.blocks.{j}"
            normal = self.norm(f"{name}.norm1", maps)
            maps = maps + self.attention(f"{name}.attn", normal, normal, heads=HEADS[stage], shifted=j % 2 == 1)
            maps = maps + self.perceptron(f"{name}.mlp", self.norm(f"{name}.norm2", maps))
        return maps

    def decoded(self, stage: int, maps: Tensor, memory: Tensor) -> Tensor:
        for j in range(self.depth):
            name, heads, shifted = f"decoder_layers.{stage}.blocks.{j}", HEADS[3 - stage], j % 2 == 1
            normal = self.norm(f"{name}.norm1", maps)
            maps = maps + self.attention(f"{name}.attn1", normal, normal, heads=heads, shifted=shifted)
            normal, known = self.norm(f"{name}.norm2", maps), self.norm(f"{name}.norm_kv", memory)
            maps = maps + self.attention(f"{name}.attn2", normal, known, heads=heads, shifted=shifted)
            maps = maps + self.perceptron(f"{name}.mlp", self.norm(f"{name}.norm3", maps))
        return maps

    def attention(self, name: str, asking: Tensor, asked: Tensor, *, heads: int, shifted: bool) -> Tensor:
        """Maps (D, H, W, C) and (E, H, W, C)."""
        _, height, width, channels = asking.shape
        shift = tuple(2 if shifted and side > SIDE else 0 for side in (height, width))
        queries, keys_from = (self.windows(each, shift) for each in (asking, asked))
        q = F.linear(queries, *self.layer(f"{name}.q")) * (channels // heads) ** -0.5
        k, v = F.linear(keys_from, *self.layer(f"{name}.kv")).chunk(2, dim=-1)
        q, k, v = (each.unflatten(-1, (heads, -1)).transpose(1, 2) for each in (q, k, v))
        logits = q @ k.transpose(-2, -1) + self.bias(name, len(asking), len(asked))
        if any(shift):
            labels = region_labels(height + -height % SIDE, width + -width % SIDE, shift)
            of_query, of_key = (self.cut(labels.expand(len(each), -1, -1).unsqueeze(-1)) for each in (asking, asked))
            logits = logits - 100.0 * (of_query != of_key.transpose(1, 2)).unsqueeze(1).float()
        found = F.linear((logits.softmax(-1) @ v).transpose(1, 2).flatten(2), *self.layer(f"{name}.proj"))
        rows, columns = (height + -height % SIDE) // SIDE, (width + -width % SIDE) // SIDE
        maps = found.view(rows, columns, -1, SIDE, SIDE, channels).permute(2, 0, 3, 1, 4, 5)
        maps = maps.reshape(-1, rows * SIDE, columns * SIDE, channels).roll(shift, dims=(1, 2))
        return maps[:, :height, :width]

    def windows(self, maps: Tensor, shift: tuple[int, ...]) -> Tensor:
        _, height, width, _ = maps.shape
        maps = F.pad(maps, (0, 0, 0, -width % SIDE, 0, -height % SIDE))
        return self.cut(maps.roll((-shift[0], -shift[1]), dims=(1, 2)))

    def cut(self, maps: Tensor) -> Tensor:
        """(D, H, W, C) to (windows, D * 16, C)."""
        frames, height, width, channels = maps.shape
        cut = maps.reshape(frames, height // SIDE, SIDE, width // SIDE, SIDE, channels)
        return cut.permute(1, 3, 0, 2, 4, 5).reshape(-1, frames * SIDE * SIDE, channels)

    def bias(self, name: str, frames: int, key_frames: int) -> Tensor:
        """(heads, D * 16, E * 16)."""
        step = 1 if frames == key_frames else 2
        places, key_places = (
            torch.cartesian_prod(times, torch.arange(SIDE), torch.arange(SIDE))
            for times in (torch.arange(frames), step * torch.arange(key_frames))
        )
        apart = places.unsqueeze(1) - key_places + torch.tensor((frames - 1, SIDE - 1, SIDE - 1))
        rows = apart[..., 0] * 49 + apart[..., 1] * 7 + apart[..., 2]
        return self.state[f"{name}.relative_position_bias_table"][rows].permute(2, 0, 1)

    def picture(self, maps: Tensor) -> Tensor:
        for name in ("upconv1", "upconv2"):
            maps = F.leaky_relu(F.pixel_shuffle(self.conv(name, maps), 2), 0.1)
        return self.conv("conv_last", F.leaky_relu(self.conv("HRconv", maps), 0.1))

    def perceptron(self, name: str, maps: Tensor) -> Tensor:
        return F.linear(F.gelu(F.linear(maps, *self.layer(f"{name}.fc1"))), *self.layer(f"{name}.fc2"))

    def norm(self, name: str, maps: Tensor) -> Tensor:
        return F.layer_norm(maps, maps.shape[-1:], *self.layer(name))

    def conv(self, name: str, maps: Tensor, *, stride: int = 1) -> Tensor:
        return F.conv2d(maps, *self.layer(name), stride=stride, padding=1)

    def layer(self, name: str) -> tuple[Tensor, Tensor]:
        return self.state[f"{name}.weight"], self.state[f"{name}.bias"]


def region_labels(height: int, width: int, shift: tuple[int, ...]) -> Tensor:
    """(H, W): three bands of every shifted side, after the roll."""
    labels = torch.zeros(height, width)
    if shift[0]:
        labels[height - SIDE : height - SIDE // 2] += 1
        labels[height - SIDE // 2 :] += 2
    if shift[1]:
        labels[:, width - SIDE : width - SIDE // 2] += 3
        labels[:, width - SIDE // 2 :] += 6
    return labels


def last(frames: list[Tensor]) -> Tensor:
    """Frames (1, C, H, W) to one (D, H, W, C)."""
    return torch.cat(frames).permute(0, 2, 3, 1)


def first(maps: Tensor) -> list[Tensor]:
    """And back."""
    return list(maps.permute(0, 3, 1, 2).split(1))
