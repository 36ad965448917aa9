"""The store keeps what was measured: through dead writers, full disks, rivals and damaged lines."""

import errno
import json
import os
from pathlib import Path

import pytest

from harness.errors import RecordError
from harness.records.schema import ClipLine, RunHeader, Session
from harness.records.store import ResultStore, content_key, keyed


def header(**changes: object) -> RunHeader:
    content: dict[str, object] = {
        "key": "",
        "method": "bicubic",
        "method_title": "Bicubic",
        "method_card": {"name": "bicubic"},
        "network_versions": {"bicubic": "1"},
        "dataset": "demo",
        "dataset_title": "Demo",
        "dataset_card": {"name": "demo"},
        "manifest_sha256": "0" * 64,
        "clips": ("b", "a", "c"),
        "rate": 2,
        "scale": 4,
        "protocol": "tmnet",
        "average": "frames>clips",
        "input_frames": 4,
        "signature": "protocol:tmnet.v1",
        "metrics": ("psnr-y",),
        "precision": "fp32",
        "device": "cpu",
    }
    return keyed(RunHeader.model_validate(content | changes))


def done(clip: str, *scores: float) -> ClipLine:
    frames = tuple(range(len(scores)))
    given = tuple(index % 2 == 0 for index in frames)
    return ClipLine(clip=clip, status="done", frames=frames, given=given, scores={"psnr-y": scores})


def test_key_is_content_and_nothing_else() -> None:
    assert header().key == header().key
    assert header().key != header(precision="fp16").key
    assert header().key != header(network_versions={"bicubic": "2"}).key
    assert content_key({"a": 1, "b": 2}) == content_key({"b": 2, "a": 1})


def test_what_the_bytes_of_weights_decide_is_no_part_of_the_key() -> None:
    weights = {"tag": "authors", "file": "w.pth", "sha256": "0" * 64}
    blurred = header(weights=[{**weights, "degradation": "gaussian-blur"}])
    assert header(weights=[weights]).key == blurred.key
    assert header(weights=[{**weights, "sha256": "1" * 64}]).key != blurred.key


def test_lines_come_back_in_benchmark_order(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    with store.open(header()) as writer:
        for line in (done("a", 30.0, float("inf")), done("b", 31.0, float("nan"))):
            writer.append(line)
    (run,) = store.runs()
    assert list(run.lines) == ["b", "a"]
    assert run.lines["a"].scores["psnr-y"] == (30.0, float("inf"))
    assert run.lines["b"].scores["psnr-y"] == (31.0, None)


def test_a_later_line_replaces_a_failed_one(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    with store.open(header()) as writer:
        writer.append(ClipLine(clip="a", status="failed", error="truncated"))
        writer.append(done("a", 30.0))
    assert store.runs()[0].lines["a"].status == "done"


def test_half_a_line_is_cut_off_and_the_rest_kept(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    with store.open(header()) as writer:
        writer.append(done("a", 30.0))
    path = store.folder(header()) / "clips.jsonl"
    whole = path.read_bytes()
    for cut in range(1, len(whole)):
        path.write_bytes(whole + whole[:cut][: len(whole) - 1])
        assert list(store.runs()[0].lines) == ["a"]
        with store.open(header()):
            assert path.read_bytes() == whole


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    with store.open(header()) as writer:
        writer.append(done("a", 30.0))
        writer.append(done("b", 30.0))
    path = store.folder(header()) / "clips.jsonl"
    first, second = path.read_text().splitlines(keepends=True)
    path.write_text("{nonsense}\n" + second)
    with pytest.raises(RecordError, match="line 1 is damaged"):
        _ = store.runs()[0].lines
    assert first


def test_two_processes_do_not_write_one_record(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    with store.open(header()), pytest.raises(RecordError, match="another process") as caught:
        store.open(header())
    assert str(os.getpid()) in str(caught.value)
    with store.open(header()) as writer:  # free again
        assert writer.run.lines == {}


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ResultStore(tmp_path)
    with store.open(header()) as writer:
        writer.append(done("a", 30.0))

        def full(_descriptor: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(RecordError, match="No space left"):
            writer.append(done("b", 31.0))
        monkeypatch.undo()
        assert list(writer.run.lines) == ["a"]
        writer.append(done("b", 31.0))
    assert list(store.runs()[0].lines) == ["b", "a"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where the folder should be")
    with pytest.raises(RecordError, match="cannot be written"):
        ResultStore(tmp_path).open(header())


def test_a_foreign_header_is_refused(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    with store.open(header()):
        pass
    path = store.folder(header()) / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"key": "f" * 64}))
    with pytest.raises(RecordError, match="another run"):
        store.open(header())


def test_the_last_line_of_a_session_counts(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    opening = Session(command="harness run", started="2026-01-01T00:00:00")
    with store.open(header()) as writer:
        writer.log(opening)
        writer.log(opening.model_copy(update={"outcome": "complete", "clips_done": 3}))
    (session,) = store.runs()[0].sessions
    assert (session.outcome, session.clips_done) == ("complete", 3)
