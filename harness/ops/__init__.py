"""Operators that networks, clips and metrics share. Import the module that you need: `harness.ops.resize`."""
