"""Deformable convolution against scalar loops, plain convolution, compiled operators; then what must hold exactly."""

import math
from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.errors import DataError, UsageError
from harness.ops import deform_conv_backends as backends
from harness.ops import memory
from harness.ops.deform_conv import backend, deform_conv, use_backend

Case = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
WORKING = ["pytorch", *(name for name in ("torchvision", "mmcv") if not backends.why_not(name))]
GEOMETRIES = [
    # stride, padding, dilation, groups, deformable groups, kernel
    (1, 1, 1, 1, 1, 3),
    (1, 1, 1, 1, 2, 3),
    (2, 0, 1, 2, 4, 3),
    (1, 2, 2, 4, 2, 3),
    (3, 2, 1, 2, 1, 2),
    (2, 1, 3, 1, 4, 1),
]


@pytest.fixture(autouse=True)
def _default_backend() -> Iterator[None]:
    use_backend("auto")
    yield
    use_backend("auto")


def random_case(
    geometry: tuple[int, ...] = GEOMETRIES[1], *, size: tuple[int, int] = (7, 9), reach: float = 3
) -> Case:
    stride, padding, dilation, groups, deformable, kernel = geometry
    generator = torch.Generator().manual_seed(sum(geometry))
    height, width = ((n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1 for n in size)
    points = deformable * kernel * kernel

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    mask = normal(2, points, height, width).sigmoid()
    offsets = reach * normal(2, 2 * points, height, width)
    return normal(2, 4, *size), offsets, mask, normal(4, 4 // groups, kernel, kernel), normal(4)


def convolve(case: Sequence[Tensor], geometry: tuple[int, ...] = GEOMETRIES[1]) -> Tensor:
    stride, padding, dilation, groups, _, _ = geometry
    return deform_conv(*case, stride=stride, padding=padding, dilation=dilation, groups=groups)


def by_loops(case: Case, geometry: tuple[int, ...], *, x_first: bool = False, border: bool = False) -> Tensor:
    """Equation 1 of DCNv2, number by number; and two ways to get it wrong."""
    stride, padding, dilation, groups, deformable, kernel = geometry
    frames, offsets, mask, weight, bias = (tensor.numpy() for tensor in case)
    _, channels, height, width = frames.shape
    outputs, inputs = weight.shape[:2]

    def pixel(b: int, c: int, y: int, x: int) -> float:
        if border:
            y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
        return float(frames[b, c, y, x]) if 0 <= y < height and 0 <= x < width else 0.0

    def between(b: int, c: int, y: float, x: float) -> float:
        top, left = math.floor(y), math.floor(x)
        corners = product(((top, top + 1 - y), (top + 1, y - top)), ((left, left + 1 - x), (left + 1, x - left)))
        return sum(u * v * pixel(b, c, row, column) for (row, u), (column, v) in corners)

    result = np.zeros((len(frames), outputs, *mask.shape[2:]))
    for b, o, i, j in np.ndindex(*result.shape):
        result[b, o, i, j] = bias[o]
        for c, ky, kx in np.ndindex(inputs, kernel, kernel):
            channel = c + (o // (outputs // groups)) * inputs
            point = (channel // (channels // deformable)) * kernel**2 + ky * kernel + kx
            dy, dx = offsets[b, 2 * point : 2 * point + 2, i, j][:: -1 if x_first else 1]
            y = i * stride - padding + ky * dilation + dy
            x = j * stride - padding + kx * dilation + dx
            result[b, o, i, j] += weight[o, c, ky, kx] * mask[b, point, i, j] * between(b, channel, y, x)
    return torch.from_numpy(result)


@pytest.mark.parametrize("name", WORKING)
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_equals_scalar_loops(geometry: tuple[int, ...], name: str) -> None:
    case = random_case(geometry)
    expected = by_loops(case, geometry)
    use_backend(name)
    torch.testing.assert_close(convolve(case, geometry), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", WORKING)
def test_offsets_far_outside_see_zeros(name: str) -> None:
    frames, offsets, mask, weight, bias = random_case(reach=40)
    use_backend(name)
    seen = deform_conv(frames, offsets, mask, weight, bias, padding=1)
    expected = by_loops((frames, offsets, mask, weight, bias), GEOMETRIES[1])
    torch.testing.assert_close(seen, expected, rtol=0, atol=1e-12)
    nothing = deform_conv(frames, offsets.sign() * 1e6, mask, weight, bias, padding=1)
    torch.testing.assert_close(nothing, bias.view(1, -1, 1, 1).expand_as(nothing), rtol=0, atol=0)


@pytest.mark.parametrize("wrong", ["x first", "no mask", "border"])
def test_wrong_variants_are_seen(wrong: str) -> None:
    frames, offsets, mask, weight, bias = random_case()
    ours = deform_conv(frames, offsets, mask, weight, bias, padding=1)
    heard = torch.ones_like(mask) if wrong == "no mask" else mask
    case = (frames, offsets, heard, weight, bias)
    theirs = by_loops(case, GEOMETRIES[1], x_first=wrong == "x first", border=wrong == "border")
    assert (ours - theirs).abs().mean() > 0.1


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_zero_offsets_and_an_open_mask_are_a_convolution(geometry: tuple[int, ...]) -> None:
    frames, offsets, mask, weight, bias = random_case(geometry)
    ours = convolve((frames, offsets * 0, torch.ones_like(mask), weight, bias), geometry)
    plain = F.conv2d(frames, weight, bias, *geometry[:4])
    torch.testing.assert_close(ours, plain, rtol=0, atol=1e-12)


def test_whole_offsets_shift_the_image() -> None:
    frames, offsets, mask, weight, _ = random_case()
    offsets = (
        torch.zeros_like(offsets).view(2, -1, 2, 7, 9).add_(torch.tensor([2.0, -1.0]).view(2, 1, 1)).flatten(1, 2)
    )
    ours = deform_conv(frames, offsets, torch.ones_like(mask), weight, padding=1)
    shifted = F.conv2d(F.pad(frames, (5, 5, 5, 5)), weight)[:, :, 6:13, 3:12]  # 2 below and 1 left of 4, 4
    torch.testing.assert_close(ours, shifted, rtol=0, atol=1e-12)


def test_a_frame_of_one_pixel() -> None:
    frames, weight, mask = torch.full((1, 1, 1, 1), 2.0), torch.ones(1, 1, 1, 1), torch.ones(1, 1, 1, 1)
    offsets = torch.tensor([0.25, -0.5]).view(1, 2, 1, 1)
    assert deform_conv(frames, offsets, mask, weight).item() == pytest.approx(2 * 0.75 * 0.5)


def test_without_bias_and_without_batch_mixing() -> None:
    frames, offsets, mask, weight, bias = random_case()
    both = deform_conv(frames, offsets, mask, weight, padding=1)
    torch.testing.assert_close(
        both + bias.view(-1, 1, 1), deform_conv(frames, offsets, mask, weight, bias, padding=1), rtol=0, atol=1e-14
    )
    second = deform_conv(frames[1:], offsets[1:], mask[1:], weight, padding=1)
    torch.testing.assert_close(both[1:], second, rtol=0, atol=1e-14)


@pytest.mark.parametrize("limit", [1, 4000, 14000])  # one row at a time, several, one frame at a time
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_bands_change_nothing(geometry: tuple[int, ...], limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> list[Tensor]:
        case = [tensor.requires_grad_() for tensor in random_case(geometry)]
        result = convolve(case, geometry)
        return [result, *torch.autograd.grad(result.square().sum(), case)]

    whole = run()
    monkeypatch.setattr(memory, "CPU_LIMIT", limit)
    for ours, expected in zip(run(), whole, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("learning", [False, True])
def test_bands_bound_the_samples(learning: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """No tensor is larger than the limit, and autograd keeps no samples: only what the caller holds, and starts."""
    sizes: list[int] = []
    sample = F.grid_sample

    def listen(frames: Tensor, grid: Tensor, *, align_corners: bool) -> Tensor:
        result = sample(frames, grid, align_corners=align_corners)
        sizes.append(max(result.nbytes, grid.nbytes))
        return result

    monkeypatch.setattr(F, "grid_sample", listen)
    monkeypatch.setattr(memory, "CPU_LIMIT", 20_000)
    kept: dict[int, int] = {}
    case = [tensor.requires_grad_(learning) for tensor in random_case(size=(40, 12))]

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        deform_conv(*case, padding=1)
    assert max(sizes) <= 20_000 < sum(sizes)
    own_memory = {tensor.untyped_storage().data_ptr() for tensor in case}
    assert sum(size for address, size in kept.items() if address not in own_memory) < 8 * 9 * (40 + 12) + 1


def test_gradients() -> None:
    frames, offsets, mask, weight, bias = random_case((1, 1, 1, 2, 2, 2), size=(3, 4), reach=1)
    case = [tensor.requires_grad_() for tensor in (frames[:1], offsets[:1], mask[:1], weight, bias)]

    def function(*tensors: Tensor) -> Tensor:
        return deform_conv(*tensors, padding=1, groups=2)

    assert torch.autograd.gradcheck(function, [tensor.detach().clone().requires_grad_() for tensor in case])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_precisions(dtype: torch.dtype) -> None:
    case = random_case()
    result = deform_conv(*(tensor.to(dtype) for tensor in case), padding=1)
    assert result.dtype == dtype
    # The reference reads the same rounded numbers: only arithmetic differs.
    rounded = deform_conv(*(tensor.to(dtype).double() for tensor in case), padding=1)
    bound = {torch.float16: 2e-2, torch.bfloat16: 1e-1, torch.float32: 2e-5}[dtype]
    assert (result.double() - rounded).abs().max() < bound


def test_positions_of_a_wide_frame_in_half_precision() -> None:
    """Position 1500.25 is not a float16; a ramp would show it."""
    ramp = (torch.arange(2048) % 64 / 64).half().expand(1, 1, 3, 2048)
    offsets = torch.full((1, 2, 3, 2048), 0.25).half()
    offsets[:, 0] = 0
    result = deform_conv(ramp, offsets, torch.ones(1, 1, 3, 2048).half(), torch.ones(1, 1, 1, 1).half())
    assert (result - ramp)[0, 0, 1, 1500].item() == pytest.approx(0.25 / 64, abs=5e-4)


def test_float32_in_a_frame_of_broadcast_width() -> None:
    case = random_case((1, 1, 1, 1, 4, 3), size=(8, 720))
    exact = deform_conv(*case, padding=1)
    ours = deform_conv(*(tensor.float() for tensor in case), padding=1)
    assert (ours - exact).abs().max() < 1e-3
    assert (ours - exact).abs().mean() < 1e-4


def test_channels_last_and_strided_inputs() -> None:
    frames, offsets, mask, weight, bias = random_case()
    expected = deform_conv(frames, offsets, mask, weight, bias, padding=1)
    last = [tensor.to(memory_format=torch.channels_last) for tensor in (frames, offsets, mask, weight)]
    torch.testing.assert_close(convolve([*last, bias]), expected, rtol=0, atol=1e-12)
    with torch.no_grad():
        torch.testing.assert_close(convolve([*last, bias]), expected, rtol=0, atol=1e-12)


def test_broken_offsets_break_no_memory() -> None:
    frames, offsets, mask, weight, bias = random_case()
    offsets[0, :, 0, 0] = torch.tensor(float("nan"))
    offsets[0, :, 0, 1] = torch.tensor(float("inf"))
    expected = deform_conv(*random_case(), padding=1)
    ours = deform_conv(frames, offsets, mask, weight, bias, padding=1)
    torch.testing.assert_close(ours[:, :, 1:], expected[:, :, 1:], rtol=0, atol=0)


def test_on_a_device_without_numbers() -> None:
    """No value is read on the way, so nothing waits for a device; at the size and batch of a real run."""
    frames = torch.empty(2, 64, 576, 720, device="meta")
    offsets = torch.empty(2, 144, 288, 360, device="meta")
    result = deform_conv(
        frames, offsets, offsets[:, :72], torch.empty(32, 64, 3, 3, device="meta"), stride=2, padding=1
    )
    assert result.shape == (2, 32, 288, 360)
    assert result.device.type == "meta"


@pytest.mark.parametrize("limit", [2**25, 4000])
def test_compiles_without_graph_breaks(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "CPU_LIMIT", limit)
    torch.compiler.reset()
    compiled = torch.compile(deform_conv, fullgraph=True, backend="eager")
    case = [tensor.requires_grad_() for tensor in random_case()]
    expected = deform_conv(*case, padding=1)
    ours = compiled(*case, padding=1)
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-14)
    for left, right in zip(
        torch.autograd.grad(ours.sum(), case), torch.autograd.grad(expected.sum(), case), strict=True
    ):
        torch.testing.assert_close(left, right, rtol=0, atol=1e-12)
    with torch.no_grad():
        torch.testing.assert_close(compiled(*case, padding=1), expected, rtol=0, atol=1e-14)


def test_shapes_that_do_not_fit_are_refused() -> None:
    frames, offsets, mask, weight, bias = random_case()
    with pytest.raises(DataError, match="groups"):
        deform_conv(frames, offsets, mask, weight, bias, padding=1, groups=2)
    with pytest.raises(DataError, match=r"pass \(2, 36, 5, 7\) and \(2, 18, 5, 7\)"):
        deform_conv(frames, offsets, mask, weight, bias)
    with pytest.raises(DataError, match="divides"):
        deform_conv(frames, offsets.repeat(1, 2, 1, 1)[:, :54], mask.repeat(1, 2, 1, 1)[:, :27], weight, padding=1)
    with pytest.raises(DataError, match="offsets"):
        deform_conv(frames, offsets[:, :18], mask, weight, padding=1)


def test_the_backend_is_chosen() -> None:
    assert backend() == "pytorch"
    assert "own PyTorch operator" in backends.explain()
    for name in WORKING:
        assert use_backend(name) == backend() == name
    assert use_backend("auto") == "pytorch"
    with pytest.raises(UsageError, match="torchvision"):
        use_backend("torchvison")


def test_a_backend_that_does_not_load_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Tensor:
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setitem(backends._ADAPTERS, "torchvision", broken)
    backends.why_not.cache_clear()
    try:
        with pytest.raises(UsageError, match="nms"):
            use_backend("torchvision")
        assert backend() == "pytorch"
        assert "torchvision: does not load" in backends.explain()
    finally:
        backends.why_not.cache_clear()


def channels_last(tensor: Tensor) -> Tensor:
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor


@pytest.mark.parametrize("name", WORKING)
def test_the_order_of_memory_does_not_matter(name: str) -> None:
    geometry = (1, 1, 1, 1, 2, 3)
    case = random_case(geometry)
    use_backend(name)
    torch.testing.assert_close(
        convolve([channels_last(tensor) for tensor in case], geometry), convolve(case, geometry)
    )


def test_a_compiled_operator_gets_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls of the adapters, seen by stand-ins with the parameters of the compiled operators."""
    seen: dict[str, tuple[object, ...]] = {}

    class Module:
        @staticmethod
        def deform_conv2d(
            frames: Tensor,
            offset: Tensor,
            weight: Tensor,
            bias: Tensor | None = None,
            stride: int = 1,
            padding: int = 0,
            dilation: int = 1,
            mask: Tensor | None = None,
        ) -> Tensor:
            seen["torchvision"] = (frames, offset, mask, weight, bias, stride, padding, dilation)
            return frames

        @staticmethod
        def modulated_deform_conv2d(
            frames: Tensor, offset: Tensor, mask: Tensor, weight: Tensor, bias: Tensor | None, *numbers: int
        ) -> Tensor:
            *geometry, groups, deformable = numbers
            assert (groups, deformable) == (4, 2)
            seen["mmcv"] = (frames, offset, mask, weight, bias, *geometry)
            return frames

    monkeypatch.setattr(backends, "import_module", lambda name: Module)
    monkeypatch.setattr(backends, "why_not", lambda name: "")
    geometry = (1, 2, 2, 4, 2, 3)
    case = random_case(geometry)
    for name in ("torchvision", "mmcv"):
        use_backend(name)
        half = convolve([channels_last(tensor.half()) for tensor in case], geometry)
        assert half.dtype == torch.float16  # computed in float32, given back as it came
        *tensors, stride, padding, dilation = seen[name]
        assert (stride, padding, dilation) == (1, 2, 2)
        for got, given in zip(tensors, case, strict=True):
            assert isinstance(got, Tensor)
            assert got.is_contiguous()  # mmcv's looks at nothing else
            torch.testing.assert_close(got, given.half().float())
