"""Modulated deformable convolution (DCNv2) in PyTorch.

Source: Dai et al., "Deformable Convolutional Networks", 2017; Zhu et al., "Deformable ConvNets v2", 2019, Eq. 1:

    y(p) = sum over k of  w_k · x(p + p_k + dp_k) · dm_k

with kernel points p_k, learned offsets dp_k and a mask dm_k; x between pixels is bilinear and zero outside: each of
the four neighbours that lies outside counts as zero. Layouts are those of torchvision and mmcv:

    offsets (B, 2 G K K, H', W'), pixels: deformable group, kernel point (row by row), then (dy, dx), y before x
    mask (B, G K K, H', W'): deformable group, kernel point; already through the sigmoid

Deformable group g moves the g-th of G equal parts of the channels.

How: sample (`grid_sample`, whose CPU kernel is vectorised over positions), times the mask, one matrix product.
One frame of 64 channels of 64x112, 8 groups, one CPU thread: 20 ms (a plain convolution: 5 ms); with an
`embedding_bag` of the four neighbours 27 ms, with `gather` 50 ms, with rows by `index_select` 59 ms; backward too:
70, 195, 110, 240 ms.

Memory: the samples take K² times the room of the frames. They are made for a band of output rows, or for a few
frames, at a time. The largest temporary tensor stays below 32 MiB on a CPU and 256 MiB elsewhere (unless one output
row of one frame needs more), and about three are alive at once, whatever the size. That holds in training too: where
there are several bands, their samples are not kept but made again for the backward pass.
Measured at 720x576, 64 channels, 8 groups, CPU: 110 MB beside inputs and output; with gradients 760 MB, 570 of them
the output and the gradients themselves.

Precision: positions and samples are float32 or better. A position of a large frame does not fit into half precision.
In float32 a position is right to about 1e-7 of the frame's width, 5e-5 pixels in a frame of 720.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from harness.errors import DataError
from harness.ops.deform_conv_backends import Geometry, backend, compiled_operator, explain, use_backend
from harness.ops.memory import most_elements

__all__ = ["backend", "deform_conv", "explain", "use_backend"]


def deform_conv(  # noqa: PLR0913 - the parameters of a convolution, in everybody's order
    frames: Tensor,
    offsets: Tensor,
    mask: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Tensor:
    """Convolve at learned positions, with learned weights for them. Differentiable once in all tensors.

    Nothing waits for the device; compiles without graph breaks. On CUDA, gradients are summed in no fixed order, as
    in every `grid_sample`. `use_backend` of this module picks a compiled operator instead.

    Args:
        frames: (B, C, H, W), floating point, any range.
        offsets: (B, 2 G K K, H', W'), pixels, (dy, dx) of every kernel point of every deformable group; G divides C.
        mask: (B, G K K, H', W'), in [0, 1] where it comes from a sigmoid.
        weight: (O, C / groups, K, K), in the dtype of the frames.
        bias: (O,) or None.
        stride: pixels between two outputs.
        padding: pixels by which the kernel starts outside.
        dilation: pixels between two kernel points.
        groups: of input and output channels, independent of the deformable groups.

    Returns:
        (B, O, H', W'), H' = (H + 2 padding - dilation (K - 1) - 1) // stride + 1, in the dtype of the frames.

    Raises:
        DataError: the shapes do not fit together.
    """
    geometry = Geometry(stride, padding, dilation, groups)
    _check(frames, offsets, mask, weight, geometry)
    precise = torch.promote_types(frames.dtype, torch.float32)
    operator = compiled_operator()
    if operator is None:
        return _in_bands(frames.to(precise), offsets, mask, weight, bias, geometry)
    bias = None if bias is None else bias.to(precise)
    # mmcv's operator reads memory as if it were contiguous, whatever the strides say.
    exact = [tensor.to(precise).contiguous() for tensor in (frames, offsets, mask, weight)]
    return operator(exact[0], exact[1], exact[2], exact[3], bias, geometry).to(frames.dtype)


def _check(frames: Tensor, offsets: Tensor, mask: Tensor, weight: Tensor, geometry: Geometry) -> None:
    batch, channels, *size = frames.shape
    outputs, inputs, *kernel = weight.shape
    if inputs * geometry.groups != channels or outputs % geometry.groups:
        raise DataError(
            "The weight of a convolution is (O, C / groups, K, K).",
            found=f"frames {tuple(frames.shape)}, weight {tuple(weight.shape)}, groups {geometry.groups}",
            todo="give the frames the channels of the weight, or set groups",
        )
    reach = [geometry.dilation * (points - 1) + 1 - 2 * geometry.padding for points in kernel]
    height, width = ((length - span) // geometry.stride + 1 for length, span in zip(size, reach, strict=True))
    points = kernel[0] * kernel[1]
    deformable = max(1, mask.shape[1] // points)
    wanted = [(batch, number * deformable * points, height, width) for number in (2, 1)]
    if [offsets.shape, mask.shape] != wanted or channels % deformable:
        raise DataError(
            "Deformable convolution needs offsets (B, 2 G K K, H', W') and mask (B, G K K, H', W'); G divides C.",
            found=f"offsets {tuple(offsets.shape)}, mask {tuple(mask.shape)}, {channels} channels",
            todo=f"for G = {deformable}, pass {wanted[0]} and {wanted[1]}",
        )


def _in_bands(
    frames: Tensor, offsets: Tensor, mask: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry
) -> Tensor:
    """A few frames at a time, or a few output rows of one frame. How many follows from shapes alone."""
    points, height, width = weight.shape[2] * weight.shape[3], *mask.shape[2:]
    most = most_elements(frames)
    row = points * width * max(frames.shape[1], 2 * mask.shape[1] // points)  # samples, or their positions
    rows = min(max(1, most // row), height)
    few = max(1, most // (row * height))
    again = torch.is_grad_enabled() and (rows < height or few < len(frames))
    starts_y, starts_x = _starts(frames, weight, (height, width), geometry)
    joined = []
    # `split`, not slices: its gradient is one concatenation, not a whole tensor per band.
    for inputs, moves, scales in zip(frames.split(few), offsets.split(few), mask.split(few), strict=True):
        parts = []
        for bands in zip(moves.split(rows, 2), scales.split(rows, 2), starts_y.split(rows, 1), strict=True):
            band = (inputs, *bands, starts_x, weight, bias, geometry.groups)
            parts.append(
                checkpoint(_band, *band, use_reentrant=False, preserve_rng_state=False) if again else _band(*band)
            )
        joined.append(_join(parts, 2))
    return _join(joined, 0)


def _join(parts: list[Tensor], dim: int) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim)


def _band(
    frames: Tensor,
    offsets: Tensor,
    mask: Tensor,
    start_y: Tensor,
    start_x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    groups: int,
) -> Tensor:
    """The output rows of these offsets, this mask and these starts."""
    batch, channels, height_in, width_in = frames.shape
    points = weight.shape[2] * weight.shape[3]
    rows, width = mask.shape[2:]
    deformable = mask.shape[1] // points
    moves = offsets.to(frames.dtype).unflatten(1, (deformable, points, 2))
    x = torch.add(start_x, moves[:, :, :, 1], alpha=2 / width_in)
    y = torch.add(start_y, moves[:, :, :, 0], alpha=2 / height_in)
    grid = torch.stack((x, y), -1)
    planes = frames.reshape(batch * deformable, channels // deformable, height_in, width_in)
    samples = F.grid_sample(planes, grid.reshape(batch * deformable, points * rows, width, 2), align_corners=False)
    samples = samples.reshape(batch, deformable, -1, points, rows, width)
    scales = mask.to(frames.dtype).view(batch, deformable, 1, points, rows, width)
    # In place saves memory and time, but the gradient of the mask needs the samples as they were.
    samples = samples * scales if torch.is_grad_enabled() else samples.mul_(scales)
    columns = samples.reshape(batch, groups, -1, rows * width).to(weight.dtype)
    result = (weight.reshape(groups, -1, columns.shape[2]) @ columns).view(batch, -1, rows, width)
    return result if bias is None else result + bias.to(result.dtype).view(-1, 1, 1)


def _starts(frames: Tensor, weight: Tensor, size: tuple[int, int], geometry: Geometry) -> tuple[Tensor, Tensor]:
    """Where kernel points lie before the offsets: y (K², H', 1) and x (K², 1, W').

    As `grid_sample` counts without align_corners, which is defined for a single pixel too: (2 p + 1) / n - 1.
    """
    stride, padding, dilation, _ = geometry
    starts = []
    for length, outputs, points in zip(frames.shape[2:], size, weight.shape[2:], strict=True):
        output, point = (torch.arange(n, device=frames.device, dtype=frames.dtype) for n in (outputs, points))
        first = output * (2 * stride / length) + (1 - 2 * padding - length) / length  # of each output's points
        starts.append(torch.add(first, point.view(-1, 1), alpha=2 * dilation / length))  # (K, outputs)
    y, x = starts
    rows, columns = len(y), len(x)
    y = y[:, None, :, None].expand(-1, columns, -1, -1)
    return y.flatten(0, 1), x[None, :, None, :].expand(rows, -1, -1, -1).flatten(0, 1)
