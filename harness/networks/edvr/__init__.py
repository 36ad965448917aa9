"""EDVR: `network` wires the stages, `fusion` is its own, `layers` has the rest; `build` knows their sizes.

Nothing is imported here, so that the options can be read without torch.
"""
