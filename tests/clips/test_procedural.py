"""The embedded clips: the same everywhere, as sharp and as clean as said, and with the true motion."""

import hashlib
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from harness.clips.procedural import (
    ProceduralFrames,
    SceneSpec,
    Speed,
    demo_clip_specs,
    demo_dataset_specs,
    demo_mix_specs,
    flow,
    photographs,
    render,
    visibility,
)
from harness.clips.procedural.__main__ import manifest
from harness.clips.procedural.geometry import Ellipse, RoundedBox, Shape, Similarity, Star, cosine, sine
from harness.clips.procedural.scene import Curve, Layer, Motion
from harness.clips.procedural.truth import surface
from harness.errors import DataError

Floats = npt.NDArray[np.float64]

SPEEDS: tuple[Speed, ...] = ("fast", "medium", "slow")
ALL = [spec for speed in SPEEDS for spec in demo_clip_specs(speed)]

CLIP_HASHES = {
    "fast-flag": "sha256:3e30190b502869ca",
    "fast-gravel": "sha256:5321a4da7d5cf786",
    "fast-path": "sha256:75842c29c4c1fecc",
    "fast-path-long": "sha256:f96a4718bfc39c46",
    "medium-lawn": "sha256:27ec345ee0084a90",
    "medium-lawn-long": "sha256:f53b80d7f5f22f42",
    "medium-meadow": "sha256:613d591509aacc8e",
    "medium-tissue": "sha256:19700bd56e8edfa8",
    "slow-cat": "sha256:44a4df7c62737896",
    "slow-portrait": "sha256:82304a4de18ab1fd",
    "slow-table": "sha256:8297bbc28e0ad6f0",
    "slow-table-long": "sha256:4f354624cd3287ea",
}

FRAME_HASHES = {
    ("fast-path", 0.0): "dad3b5fcc8d2187b4477628a38f1a0efc565311a6805d191ecb40dc89e76059d",
    ("medium-meadow", 3.5): "26332a474cd914226d1ee780b7e7e9a79e7a95b2f619d2acf092f21eeb8cd5f9",
    ("slow-table", 2.3125): "1db6d17d14f587383263bb44c20513b63fbe3459ee5f5aa9ade8342062b1539f",
}


def scene(*layers: Layer, x: Curve | None = None, y: Curve | None = None, frames: int = 3) -> SceneSpec:
    camera = Motion(x=x or Curve(), y=y or Curve())
    return SceneSpec("test", frames=frames, camera=camera, layers=layers, width=96, height=64)


def lying(name: str = "grass", density: float = 1.5) -> Layer:
    return Layer(name, (250.0, 240.0), density)


def moving_box(rate: float) -> Layer:
    return Layer(
        "coffee", (300.0, 200.0), 2.0, RoundedBox(15.0, 10.0, 0.01), Motion(x=Curve(0.0, rate)), parallax=0.0
    )


def error(first: npt.ArrayLike, second: npt.ArrayLike) -> Floats:
    return np.abs(np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64))


# --- the same everywhere


def test_every_clip_has_the_pixels_it_has_on_other_machines() -> None:
    found = manifest()
    assert {name: str(entry["pixels"])[:23] for name, entry in found.items()} == CLIP_HASHES
    assert found["fast-path-long"] | {"pixels": ""} == {"frames": 13, "width": 256, "height": 160, "pixels": ""}


@pytest.mark.parametrize(("name", "t"), FRAME_HASHES)
def test_frames_at_any_time_have_the_pixels_they_have_on_other_machines(name: str, t: float) -> None:
    spec = next(spec for spec in ALL if spec.name == name)
    assert hashlib.sha256(render(spec, t).frame.tobytes()).hexdigest() == FRAME_HASHES[name, t]


def test_importing_and_rendering_needs_neither_torch_nor_the_import_of_scikit_image() -> None:
    code = (
        "import sys; from harness.clips.procedural import demo_mix_specs, render;"
        "render(demo_mix_specs()[0], 0.5); print({'torch', 'skimage', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_changed_photograph_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = photographs.photograph("coins").copy()
    pixels[5, 7, 1] ^= 1
    Image.fromarray(pixels).save(tmp_path / "coins.png")
    (tmp_path / "camera.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    monkeypatch.setattr(photographs, "_folder", lambda: tmp_path)
    for name, found in (("coins", "instead of"), ("camera", "identify"), ("moon", "No such file")):
        with pytest.raises(DataError, match=found):
            photographs.photograph.__wrapped__(name)
    with pytest.raises(DataError, match="Did you mean 'chelsea'"):
        photographs.photograph("chelsae")


# --- geometry


@given(st.floats(-50, 50))
def test_sine_and_cosine_are_those_of_the_c_library(turns: float) -> None:
    # turns itself is rounded when it becomes an angle, the more the larger it is
    assert sine(turns) == pytest.approx(math.sin(2 * math.pi * turns), abs=2e-13)
    assert cosine(turns) == pytest.approx(math.cos(2 * math.pi * turns), abs=2e-13)


@given(
    st.floats(0.2, 5), st.floats(-2, 2), st.floats(-99, 99), st.floats(0.2, 5), st.floats(-2, 2), st.floats(-99, 99)
)
def test_similarities_compose_and_invert(z0: float, r0: float, d0: float, z1: float, r1: float, d1: float) -> None:
    first, second = Similarity.of(z0, r0, (d0, -d1)), Similarity.of(z1, r1, (d1, 2 * d0))
    x, y = np.array([0.0, 3.0, -7.0]), np.array([1.0, -2.0, 5.0])
    np.testing.assert_allclose(second.after(first).apply(x, y), second.apply(*first.apply(x, y)), atol=1e-9)
    np.testing.assert_allclose(first.inverse().apply(*first.apply(x, y)), (x, y), atol=1e-9)
    assert first.zoom == pytest.approx(z0)


@pytest.mark.parametrize(
    ("shape", "area"),
    [
        (Ellipse(30.0, 18.0), math.pi * 30 * 18),
        (RoundedBox(30.0, 18.0, 6.0), 60 * 36 - (4 - math.pi) * 36),
        (Star(30.0, 5, 0.2), math.pi * (30 / 1.2) ** 2 * (1 + 0.2**2 / 2)),
    ],
)
@pytest.mark.parametrize("shift", [0.0, 0.3, 0.77])
def test_coverage_of_the_pixels_adds_up_to_the_area(shape: Shape, area: float, shift: float) -> None:
    y, x = np.mgrid[-40:41, -40:41].astype(np.float64)
    distance = shape.distance(x - shift, y + 0.5 * shift)
    assert np.clip(0.5 - distance, 0, 1).sum() == pytest.approx(area, rel=2e-3)
    gradient = np.hypot(*np.gradient(distance))[np.abs(distance) < 1.5]
    assert 0.9 < gradient.min() <= gradient.max() < 1.1  # a distance near the edge, so the ramp is a pixel wide


# --- sampling


def test_zoomed_out_photographs_do_not_alias() -> None:
    # Eight photograph pixels a frame pixel: OpenCV's area average is what an ideal sensor would see.
    grass = np.array(photographs.photograph("grass"))
    seen = render(scene(Layer("grass", (255.5, 255.5), 8.0)), 1.0).frame[:, 16:80]
    area = cv2.resize(grass, (64, 64), interpolation=cv2.INTER_AREA)
    assert error(seen, area).mean() < 0.1
    assert seen.std() < 0.6 * grass[4::8, 4::8].std()  # the energy that cannot be shown is gone, not folded back


def test_a_pixel_that_an_edge_crosses_shows_both_sides_in_proportion() -> None:
    box = replace(moving_box(0.0), shape=RoundedBox(15.3, 10.0, 0.01))  # its right edge lies at 47.5 + 15.3 = 62.8
    all_over = replace(box, shape=RoundedBox(99.0, 99.0, 0.01))
    behind, both, front = (
        render(scene(lying(), *layers), 1.0).frame[25:38].astype(np.float64) for layers in ((), (box,), (all_over,))
    )
    np.testing.assert_array_equal(both[:, 62], front[:, 62])
    np.testing.assert_allclose(both[:, 63], 0.3 * front[:, 63] + 0.7 * behind[:, 63], atol=1.0)
    np.testing.assert_array_equal(both[:, 64], behind[:, 64])


def test_borders_are_mirrored() -> None:
    # One photograph pixel per frame pixel, centred so that a sample grid of whole pixels is blurred alike everywhere.
    spec = scene(Layer("page", (191.5, 95.5), 1.0), x=Curve(200.0), y=Curve(100.0))
    photograph = np.array(photographs.photograph("page")).astype(np.float64)
    column, row = 384 + 191 - 200 - 47, 191 + 95 - 100 - 31
    mirrored = np.pad(photograph, ((191, 0), (384, 0), (0, 0)), mode="symmetric")
    patch = mirrored[row - 1 : row + 65, column - 1 : column + 97]
    # Bilinear readings at +-1/4 average to the weights 1/8, 3/4, 1/8 in each direction.
    rows = 0.125 * patch[:-2] + 0.75 * patch[1:-1] + 0.125 * patch[2:]
    both = 0.125 * rows[:, :-2] + 0.75 * rows[:, 1:-1] + 0.125 * rows[:, 2:]
    np.testing.assert_array_equal(render(spec, 1.0).frame, np.floor(both + 0.5))


def test_whole_pixels_shift_exactly_and_quarters_change_the_frame() -> None:
    still = render(scene(lying()), 1.0).frame
    whole = render(scene(lying(), x=Curve(3.0), y=Curve(-2.0)), 1.0).frame
    np.testing.assert_array_equal(whole[:-2, 3:], still[2:, :-3])
    quarter = render(scene(lying(), x=Curve(0.25)), 1.0).frame
    half = render(scene(lying(), x=Curve(0.5)), 1.0).frame
    assert 1 < error(quarter, still).mean() < error(half, still).mean()


def test_frames_between_frames_are_exact() -> None:
    spec = scene(lying(), x=Curve(0.0, 2.0))
    np.testing.assert_array_equal(render(spec, 0.5).frame[:, 1:], render(spec, 0.0).frame[:, :-1])
    for clip in ALL:
        before, between, after = (render(clip, t).frame for t in (3.0, 3.5, 4.0))
        assert error(between, before).mean() > 0.3
        assert error(between, after).mean() > 0.3


@pytest.mark.parametrize("clip", ALL, ids=lambda clip: clip.name)
def test_frames_are_detailed(clip: SceneSpec) -> None:
    frame = render(clip, 3.0).frame
    small = cv2.resize(frame, (64, 40), interpolation=cv2.INTER_AREA)
    mse = (error(cv2.resize(small, (256, 160), interpolation=cv2.INTER_CUBIC), frame) ** 2).mean()
    assert 20 < 10 * math.log10(255**2 / mse) < 30  # bicubic x4 loses as much as it does on Vid4
    assert frame.min() < 60
    assert frame.max() > 180


# --- motion


def test_flow_of_a_translation_is_the_translation() -> None:
    spec = scene(lying(), x=Curve(1.0, 2.25), y=Curve(0.0, -1.5, 0.5))
    np.testing.assert_allclose(flow(spec, 0.0, 2.0), np.broadcast_to([4.5, -3.0], (64, 96, 2)), atol=1e-9)
    np.testing.assert_allclose(flow(spec, 1.0, 2.0), np.broadcast_to([2.25, -1.25], (64, 96, 2)), atol=1e-9)
    np.testing.assert_allclose(flow(spec, 1.5, 1.5), 0.0, atol=1e-9)


def test_flow_of_a_zoom_and_of_a_rotation_is_the_textbook_one() -> None:
    y, x = np.mgrid[:64, :96].astype(np.float64)
    x, y = x - 47.5, y - 31.5
    zoom = replace(scene(lying()), camera=Motion(zoom=Curve(1.0, 0.1)))
    np.testing.assert_allclose(flow(zoom, 1.0, 2.0), np.stack((0.1 * x, 0.1 * y), -1), atol=1e-9)
    turn = replace(scene(lying()), camera=Motion(turns=Curve(0.0, 0.25)))
    np.testing.assert_allclose(flow(turn, 1.0, 2.0), np.stack((-y - x, x - y), -1), atol=1e-9)


@pytest.mark.parametrize("clip", ALL, ids=lambda clip: clip.name)
@pytest.mark.parametrize(("t0", "t1"), [(2.0, 3.0), (4.0, 2.5)])
def test_warping_by_the_flow_gives_the_frame_back(clip: SceneSpec, t0: float, t1: float) -> None:
    first, second = render(clip, t0).frame, render(clip, t1).frame
    y, x = np.mgrid[:160, :256].astype(np.float32)
    displaced = flow(clip, t0, t1).astype(np.float32)
    # Pixels on an edge show two surfaces that go different ways: stay three pixels clear of edges in both frames.
    square = np.ones((7, 7), np.uint8)
    clear = cv2.erode(visibility(clip, t0, t1).astype(np.uint8), square) == 1
    clear &= cv2.morphologyEx(surface(clip, t0), cv2.MORPH_GRADIENT, square) == 0
    assert clear.mean() > 0.6

    def mean_error(off_x: float, off_y: float) -> float:
        map_x, map_y = x + displaced[..., 0] + off_x, y + displaced[..., 1] + off_y
        warped = cv2.remap(second, map_x, map_y, cv2.INTER_CUBIC)
        return float(error(warped, first)[clear].mean())

    true = mean_error(0.0, 0.0)
    assert true < 4.0  # what cubic interpolation misses of the finest texture
    assert true < 0.4 * error(second, first)[clear].mean()
    for off in (0.1, -0.1):  # a tenth of a pixel beside it is worse, on every side
        assert true < min(mean_error(off, 0.0), mean_error(0.0, off))


@pytest.mark.parametrize("speed", ["slow", "medium"])
def test_an_estimator_sees_the_same_motion(speed: Speed) -> None:
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    for clip in demo_clip_specs(speed):
        grey = [cv2.cvtColor(render(clip, t).frame, cv2.COLOR_RGB2GRAY) for t in (3.0, 4.0)]
        difference = estimator.calc(grey[0], grey[1], np.zeros((160, 256, 2), np.float32)) - flow(clip, 3.0, 4.0)
        assert np.median(np.linalg.norm(difference[visibility(clip, 3.0, 4.0)], axis=-1)) < 0.15


def test_the_back_of_a_moving_box_uncovers_and_its_front_hides() -> None:
    spec = scene(lying(), moving_box(10.0))
    seen = visibility(spec, 1.0, 2.0)
    # The box covers columns 33 .. 62 and rows 22 .. 41 at t = 1 and lies ten columns to the right at t = 2.
    expected = np.ones((64, 96), dtype=bool)
    expected[22:42, 63:73] = False
    np.testing.assert_array_equal(seen, expected)
    assert visibility(spec, 1.0, 1.0).all()
    assert set(np.unique(surface(spec, 1.0))) == {0, 1}


@pytest.mark.parametrize("clip", ALL, ids=lambda clip: clip.name)
def test_visibility_says_what_the_other_frame_shows(clip: SceneSpec) -> None:
    y, x = np.mgrid[:160, :256]
    moved = flow(clip, 2.0, 4.0)
    column, row = np.rint(x + moved[..., 0]).astype(int), np.rint(y + moved[..., 1]).astype(int)
    inside = (column >= 0) & (column < 256) & (row >= 0) & (row < 160)
    other = render(clip, 4.0).surface[row.clip(0, 159), column.clip(0, 255)]
    same = inside & (other == render(clip, 2.0).surface)
    seen = visibility(clip, 2.0, 4.0)
    assert (same != seen).mean() < 0.02  # they differ by the rounding to a pixel, along edges only
    occluded = inside & ~seen
    assert occluded.sum() > 30


@pytest.mark.parametrize("clip", demo_mix_specs(), ids=lambda clip: clip.name)
def test_surface_is_the_one_that_was_rendered(clip: SceneSpec) -> None:
    np.testing.assert_array_equal(render(clip, 1.5).surface, surface(clip, 1.5))


@pytest.mark.parametrize(("speed", "least", "most"), [("slow", 0.5, 2), ("medium", 2, 6), ("fast", 6, 15)])
def test_speeds_mirror_the_split(speed: Speed, least: float, most: float) -> None:
    clips = [clip for clip in (*ALL, *demo_mix_specs()) if clip.name.startswith(speed)]
    assert len(clips) == 5
    for clip in clips:
        for t in range(clip.frames - 1):
            assert least < np.linalg.norm(flow(clip, t, t + 1.0), axis=-1).mean() < most


@pytest.mark.parametrize("clip", ALL, ids=lambda clip: clip.name)
def test_no_motion_is_linear(clip: SceneSpec) -> None:
    halfway = 2 * flow(clip, 2.0, 3.0) - flow(clip, 2.0, 4.0)
    assert np.linalg.norm(halfway, axis=-1).mean() > 0.01


# --- clips and datasets


def test_the_datasets() -> None:
    mix = demo_dataset_specs("demo")
    assert [spec.frames for spec in mix] == [7, 13] * 3
    assert [spec.name.partition("-")[0] for spec in mix] == ["fast"] * 2 + ["medium"] * 2 + ["slow"] * 2
    for speed in SPEEDS:
        assert demo_dataset_specs(f"demo-{speed}") == demo_clip_specs(speed)
        assert [spec.frames for spec in demo_clip_specs(speed)] == [7, 7, 7]
    names = [spec.name for spec in (*mix, *ALL)]
    assert len(set(names)) == 12  # three clips are in two datasets
    with pytest.raises(DataError, match="Did you mean 'demo-fast'"):
        demo_dataset_specs("demo-fats")
    with pytest.raises(DataError, match="Did you mean 'slow'"):
        demo_clip_specs("slwo")  # type: ignore[arg-type]


def test_frames_are_read_like_any_clip() -> None:
    spec = demo_clip_specs("slow")[0]
    clip = ProceduralFrames(spec)
    assert (len(clip), clip.size) == (7, (160, 256))
    frame = clip.read(6)
    assert frame.dtype == np.uint8
    assert frame.shape == (160, 256, 3)
    np.testing.assert_array_equal(frame, render(spec, 6.0).frame)
    for index in (-1, 7):
        with pytest.raises(DataError, match="ask for a frame from 0 to 6"):
            clip.read(index)


def test_the_fingerprint_follows_all_that_decides_the_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = demo_clip_specs("slow")[0]
    prints = {ProceduralFrames(changed).fingerprint() for changed in (spec, replace(spec, frames=8), ALL[0])}
    assert len(prints) == 3
    assert ProceduralFrames(replace(spec)).fingerprint() in prints
    monkeypatch.setattr("harness.clips.procedural.frames.VERSION", 999)
    assert ProceduralFrames(spec).fingerprint() not in prints
    assert spec.canonical_json() == replace(spec).canonical_json()


def test_scenes_that_cannot_be_are_refused() -> None:
    with pytest.raises(DataError, match="one background"):
        scene(moving_box(1.0))
    with pytest.raises(DataError, match="one background"):
        scene(lying(), lying())
    with pytest.raises(DataError, match="one background"):
        scene()
    with pytest.raises(DataError, match="at least one frame"):
        scene(lying(), frames=0)
    shrinking = replace(scene(lying()), camera=Motion(zoom=Curve(1.0, -0.1)))
    with pytest.raises(DataError, match="ask for a time"):
        render(shrinking, 20.0)
    with pytest.raises(DataError, match="ask for a time"):
        render(scene(lying()), math.nan)


@settings(max_examples=10, deadline=None)
@given(st.floats(-3, 9))
def test_no_time_shows_a_void(t: float) -> None:
    # No pixel of this photograph is black, and its mirror images have none either: black would be a hole.
    darkest = photographs.photograph("brick").min()
    spec = scene(lying("brick", 1.0), x=Curve(0.0, 60.0), y=Curve(0.0, -45.0))
    assert render(spec, t).frame.min() >= darkest > 0
