"""Windows against the index functions of the official evaluation codes, and their properties."""

import json
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cards import CardLibrary, Overrides, Windows
from harness.clips.windows import Window, plan_windows
from harness.errors import DataError, UsageError

GOLDEN = json.loads((Path(__file__).parents[1] / "references" / "frame_index_golden.json").read_text())["public"]

# official code -> protocol, rate, input frames
CODES = {
    "zsm_N7": ("zooming-slow-mo", 2, None),
    "zsm_N5": ("zooming-slow-mo", 2, 3),
    "zsm_N3": ("zooming-slow-mo", 2, 2),
    "tmnet_single": ("tmnet", 2, None),
    "tmnet_multi_N5": ("tmnet", 4, None),
    "tmnet_multi_N7": ("tmnet", 6, None),
    "tmnet_multi_N9": ("tmnet", 8, None),
    "tmnet_multi_N7_notime": ("tmnet", 2, None),
    "rstt": ("rstt", 2, None),
}
VID4 = {"calendar": 41, "city": 34, "foliage": 49, "walk": 47}


def of_protocol(length: int, protocol: str, rate: int, input_frames: int | None = None) -> tuple[Window, ...]:
    windows = CardLibrary().protocol(protocol).windows
    return plan_windows(length, rate=rate, windows=windows, input_frames=input_frames)


CASES = [(code, int(length)) for code in CODES for length in GOLDEN[code]]


@pytest.mark.parametrize(("code", "length"), CASES)
def test_equals_the_official_code(code: str, length: int) -> None:
    protocol, rate, inputs = CODES[code]
    official = GOLDEN[code][str(length)]
    span = ((inputs or CardLibrary().protocol(protocol).windows.inputs_at(rate)) - 1) * rate + 1
    if length < span:
        # No window and a division by zero, or frames of negative index: nothing to be equal to.
        with pytest.raises(DataError, match=rf"covers {span} .*\n.*clip of {length}\n"):
            of_protocol(length, protocol, rate, inputs)
        return
    windows = of_protocol(length, protocol, rate, inputs)
    once = [window for k, window in enumerate(official["windows"]) if window not in official["windows"][:k]]
    assert [[list(window.inputs), list(window.outputs)] for window in windows] == once
    scored = [
        [frame, number, frame - window.outputs.start, int(frame in window.inputs)]
        for number, window in enumerate(windows)
        for frame in window.scored
    ]
    assert scored == official["scored"]


@pytest.mark.parametrize("code", ["zsm_custom_N7_lr", "tmnet_multi_custom_N7_lr"])
def test_equals_the_official_code_on_clips_of_low_frame_rate(code: str) -> None:
    tail: Literal["drop", "append"] = "drop" if code.startswith("zsm") else "append"
    for length, official in GOLDEN[code].items():
        windows = plan_windows(2 * int(length) - 1, rate=2, windows=Windows(input_frames={2: 4}, tail=tail))
        once = [window for k, window in enumerate(official["windows"]) if window not in official["windows"][:k]]
        assert [[[i // 2 for i in w.inputs], list(w.outputs)] for w in windows] == once


@pytest.mark.parametrize(
    ("protocol", "rate", "inputs", "frames"),
    [
        ("tmnet", 2, None, 171),
        ("tmnet", 4, None, 171),
        ("tmnet", 6, None, 171),
        ("rstt", 2, None, 171),
        ("zooming-slow-mo", 2, None, 160),
        ("zooming-slow-mo", 2, 2, 170),
    ],
)
def test_frames_of_vid4_that_each_protocol_scores(protocol: str, rate: int, inputs: int | None, frames: int) -> None:
    planned = [of_protocol(length, protocol, rate, inputs) for length in VID4.values()]
    assert sum(len(window.scored) for windows in planned for window in windows) == frames


def test_inputs_and_new_frames_of_vid4() -> None:
    for rate, given_frames in ((2, 88), (4, 47), (6, 33)):
        planned = [window for length in VID4.values() for window in of_protocol(length, "tmnet", rate)]
        assert sum(frame in window.inputs for window in planned for frame in window.scored) == given_frames


def test_groups_of_nine() -> None:
    first, second = of_protocol(20, "videoinr", 8)
    assert (first.inputs, first.scored) == ((0, 8), tuple(range(9)))
    assert (second.inputs, second.scored) == ((8, 16), tuple(range(9, 17)))
    assert [window.scored for window in of_protocol(20, "videoinr-center", 8)] == [(0, 4, 8), (12, 16)]


def test_super_resolution_alone() -> None:
    first, second = of_protocol(10, "tmnet", 1)
    assert first.inputs == first.scored == tuple(range(7))
    assert second.inputs == (3, 4, 5, 6, 7, 8, 9)
    assert second.scored == (7, 8, 9)
    assert [w.scored for w in plan_windows(3, rate=1, windows=Windows(), input_frames=1)] == [(0,), (1,), (2,)]


def test_the_advice_for_short_clips_can_be_followed() -> None:
    library = CardLibrary()
    with pytest.raises(DataError, match=r"protocol\.windows\.input_frames\.2=2") as caught:
        of_protocol(4, "tmnet", 2)
    advice = next(word for word in caught.value.todo.split() if word.startswith("protocol."))
    card = Overrides.parse([advice]).apply(library.protocol("tmnet"))
    assert [window.inputs for window in plan_windows(4, rate=2, windows=card.windows)] == [(0, 2), (1, 3)]
    with pytest.raises(DataError, match="leave the clip out"):
        of_protocol(1, "tmnet", 2)


@pytest.mark.parametrize(("rate", "inputs"), [(0, 2), (2, 1), (2, 0), (1, 0), (-1, 3)])
def test_refuses_what_is_no_window(rate: int, inputs: int) -> None:
    with pytest.raises(UsageError, match="at least"):
        plan_windows(20, rate=rate, windows=Windows(), input_frames=inputs)


def test_refuses_positions_outside_the_window() -> None:
    with pytest.raises(UsageError, match=r"position 4 .*\n.*positions 0 to 2"):
        of_protocol(20, "videoinr-center", 2)


@given(
    length=st.integers(1, 120),
    rate=st.integers(1, 9),
    inputs=st.integers(1, 9),
    tail=st.sampled_from(["append", "drop"]),
)
def test_properties(length: int, rate: int, inputs: int, tail: Literal["append", "drop"]) -> None:
    span = (inputs - 1) * rate + 1
    if length < span or inputs < min(rate, 2):
        return
    windows = plan_windows(length, rate=rate, windows=Windows(tail=tail), input_frames=inputs)
    scored = [frame for window in windows for frame in window.scored]
    covered = length if tail == "append" else windows[-1].outputs.stop
    assert scored == list(range(covered))  # every frame once, in order
    assert length - covered < max(span - 1, 1)
    for window in windows:
        assert window.inputs == tuple(window.outputs)[::rate]
        assert len(window.outputs) == span
        assert window.outputs.start >= 0
        assert window.outputs.stop <= length
        assert set(window.scored) <= set(window.outputs)
        assert window.scored
