"""Tables for programs: JSON with everything, CSV with one line a cell (tidy, so that no cell loses its notes)."""

import csv
import io
import json
import math
from dataclasses import asdict

from harness.reports.model import Cell, Table

_CSV_HEAD = (
    "table",
    "block",
    "method",
    "name",
    "rate",
    "dataset",
    "metric",
    "source",
    "value",
    "printed",
    "mark",
    "clips_done",
    "clips_expected",
    "deviation",
    "seeds_done",
    "seeds_expected",
    "signature",
    "notes",
)


def as_json(table: Table) -> str:
    """The table as one JSON object; `cells` stand in the order of `columns`; infinity is the text "inf"."""
    blocks = [
        {
            "title": block.title,
            "rows": [
                {
                    "method": row.method,
                    "name": row.name,
                    "rate": row.rate,
                    "group": row.group,
                    "notes": list(row.notes),
                    "cells": [_json_cell(cell) for cell in row.cells],
                }
                for row in block.rows
            ],
        }
        for block in table.blocks
    ]
    columns = [
        {
            "dataset": column.dataset,
            "heading": column.heading,
            "metric": column.metric,
            "title": column.title,
            "unit": column.unit,
            "decimals": column.decimals,
            "higher_is_better": column.higher_is_better,
            "source": column.source,
        }
        for column in table.columns
    ]
    whole = {
        "table": table.key,
        "caption": table.caption,
        "columns": columns,
        "blocks": blocks,
        "ranking": table.ranking,
        "signatures": list(table.signatures),
        "remarks": list(table.remarks),
    }
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)


def _json_cell(cell: Cell) -> dict[str, object]:
    return {
        "value": _json_number(cell.value),
        "printed": cell.text + cell.spread,
        "mark": cell.mark,
        "notes": list(cell.notes),
        "clips_done": cell.done,
        "clips_expected": cell.expected,
        "signature": cell.signature,
        **_json_seeds(cell),
    }


def _json_seeds(cell: Cell) -> dict[str, object]:
    """What stands behind a mean over seeds; other tables have none."""
    more: dict[str, object] = {}
    if cell.seeds is not None:
        more["seeds"] = {str(seed): _json_number(value) for seed, value in cell.seeds.values.items()}
        more |= {"seeds_expected": cell.seeds.expected, "deviation": cell.seeds.deviation}
    if cell.over_clips is not None:
        more["over_clips"] = asdict(cell.over_clips)
    return more


def _json_number(value: float | None) -> float | str | None:
    return str(value) if value is not None and math.isinf(value) else value


def as_csv(table: Table) -> str:
    """One line a cell, with a header; numbers at full precision; notes are joined by `; `."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(_CSV_HEAD)
    for block in table.blocks:
        for row in block.rows:
            for column, cell in zip(table.columns, row.cells, strict=True):
                who = (table.key, block.title, row.method, row.name, row.rate)
                what = (column.dataset, column.metric, column.source)
                text = None if cell.value is None else cell.text + cell.spread
                number = (cell.value, text, cell.mark, cell.done, cell.expected, *_csv_seeds(cell))
                writer.writerow((*who, *what, *number, cell.signature, "; ".join((*row.notes, *cell.notes))))
    return lines.getvalue()


def _csv_seeds(cell: Cell) -> tuple[float | None, int | None, int | None]:
    if cell.seeds is None:
        return None, None, None
    return cell.seeds.deviation, len(cell.seeds.values), cell.seeds.expected
