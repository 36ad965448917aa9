"""Tables for programs: JSON with everything, CSV with one line a cell (tidy, so that no cell loses its notes)."""

import csv
import io
import json
import math

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
    value = str(cell.value) if cell.value is not None and math.isinf(cell.value) else cell.value
    return {
        "value": value,
        "printed": cell.text,
        "mark": cell.mark,
        "notes": list(cell.notes),
        "clips_done": cell.done,
        "clips_expected": cell.expected,
        "signature": cell.signature,
    }


def as_csv(table: Table) -> str:
    """One line a cell, with a header; numbers at full precision; notes are joined by `; `."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV_HEAD)
    for block in table.blocks:
        for row in block.rows:
            for column, cell in zip(table.columns, row.cells, strict=True):
                who = (table.key, block.title, row.method, row.name, row.rate)
                what = (column.dataset, column.metric, column.source)
                number = (cell.value, None if cell.value is None else cell.text, cell.mark, cell.done, cell.expected)
                writer.writerow((*who, *what, *number, cell.signature, "; ".join((*row.notes, *cell.notes))))
    return text.getvalue()
