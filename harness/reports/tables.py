"""`harness table`: the one place that builds tables."""

from harness.reports.board import leaderboard, run_table
from harness.reports.paper import Measurements, Sources, paper_table
from harness.reports.study_table import study_table

__all__ = ["Measurements", "Sources", "leaderboard", "paper_table", "run_table", "study_table"]
