"""Zooming Slow-Mo: `network` wires the stages, most of which are in `layers`; `build` knows their sizes.

Nothing is imported here, so that the options can be read without torch.
"""
