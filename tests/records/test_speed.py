"""Speed records: derived numbers against numpy, files that are never rewritten, machines that are not mixed."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import RecordError, UsageError
from harness.records.speed import (
    SpeedRecord,
    SpeedSetup,
    latest,
    read_speed,
    refuse_mixed_machines,
    save_speed,
    spread,
)

SETUP = SpeedSetup(width=720, height=576, scale=4, rate=2, input_frames=4, precision="fp32", device="cpu")


def record(
    method: str = "bicubic",
    *,
    whole_ms: tuple[float, ...] = (1.0, 2.0, 3.0),
    session: str = "s",
    host: str = "one",
    measured: str = "2026-01-01T00:00:00+00:00",
    setup: SpeedSetup = SETUP,
) -> SpeedRecord:
    return SpeedRecord(
        session=session,
        measured=measured,
        method=method,
        method_card={"name": method},
        network_versions={"bicubic": "1"},
        setup=setup,
        warmup=1,
        whole_ms=whole_ms,
        without_flow_ms=whole_ms,
        with_io_ms=whole_ms,
        has_flow=False,
        parameters=0,
        flops=0,
        environment={"host": host, "cpu": "a cpu", "torch_threads": "2"},
    )


@given(st.lists(st.floats(0.01, 1e4), min_size=2, max_size=30))
def test_median_and_quartiles_are_numpys(values: list[float]) -> None:
    found = spread(values)
    assert (found.low, found.median, found.high) == pytest.approx(tuple(np.percentile(values, [25, 50, 75])))


def test_one_round_is_its_own_quartiles() -> None:
    assert spread([3.0]) == (3.0, 3.0, 3.0)


def test_a_window_of_four_at_rate_two_gives_seven() -> None:
    assert SETUP.output_frames == 7


def test_ratios_of_one_session_are_paired() -> None:
    slow_machine = record(whole_ms=(1.0, 10.0, 2.0))
    other = record("b", whole_ms=(2.0, 20.0, 4.0))
    assert other.ratio_to(slow_machine) == (2.0, 2.0, 2.0)


def test_ratios_of_two_sessions_are_not() -> None:
    ratio = record("b", whole_ms=(4.0, 4.0, 4.0)).ratio_to(record(whole_ms=(1.0, 2.0, 3.0), session="other"))
    assert ratio.median == 2.0
    assert ratio.low == pytest.approx(4 / 2.5)
    assert ratio.high == pytest.approx(4 / 1.5)


def test_what_was_saved_is_read(tmp_path: Path) -> None:
    kept = record()
    path = save_speed(kept, tmp_path)
    assert path.parent == tmp_path / "speed"
    assert read_speed(tmp_path) == (kept,)


def test_saving_twice_keeps_both(tmp_path: Path) -> None:
    first = save_speed(record(), tmp_path)
    before = first.read_bytes()
    assert save_speed(record(), tmp_path) != first
    assert first.read_bytes() == before
    assert len(read_speed(tmp_path)) == 2


def test_records_are_read_oldest_first(tmp_path: Path) -> None:
    later = record(measured="2026-02-01T00:00:00+00:00")
    for each in (later, record()):
        save_speed(each, tmp_path)
    assert read_speed(tmp_path)[-1] == later


def test_no_records_are_no_error(tmp_path: Path) -> None:
    assert read_speed(tmp_path / "missing") == ()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file is in the way")
    with pytest.raises(RecordError, match="--results"):
        save_speed(record(), tmp_path / "results")


@pytest.mark.parametrize("damage", ["", "{", '{"kind": "speed"}', '{"kind": "measured"}'])
def test_a_damaged_record_is_named(tmp_path: Path, damage: str) -> None:
    path = save_speed(record(), tmp_path)
    path.write_text(damage)
    with pytest.raises(RecordError, match=re.escape(path.name)):
        read_speed(tmp_path)


def test_the_newest_of_each_method_setup_and_machine(tmp_path: Path) -> None:
    small = SETUP.model_copy(update={"width": 320})
    old, new = record(), record(whole_ms=(9.0,))
    kept = latest([old, new, record("b"), record(setup=small), record(host="two")])
    assert len(kept) == 4
    assert new in kept
    assert old not in kept


def test_machines_are_not_mixed() -> None:
    refuse_mixed_machines([record(), record("b")])
    with pytest.raises(UsageError, match="--across-machines") as caught:
        refuse_mixed_machines([record(), record(host="two")])
    assert "one · a cpu" in str(caught.value)
    assert "two · a cpu" in str(caught.value)


def test_another_thread_count_is_another_machine() -> None:
    one = record()
    many = one.model_copy(update={"environment": {**one.environment, "torch_threads": "16"}})
    with pytest.raises(UsageError):
        refuse_mixed_machines([one, many])
