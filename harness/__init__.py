"""A benchmark and ablation harness for space-time video super-resolution.

card -> clip -> upscaler -> frames -> scores -> record -> table, plot, report, comparison.
docs/architecture.md says which room holds what.
"""

__version__ = "0.1.0"
