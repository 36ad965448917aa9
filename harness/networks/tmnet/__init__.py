"""TMNet: Zooming Slow-Mo with a stage more, an alignment that time modulates, and STINet's modules where Table VI of
its paper puts them. `network` wires the stages, `modulation` is what time does, `global_refinement` has the two
forms of that stage, `two_branches` the variant with HR features; `build` knows sizes and which module stands for
which option.

Nothing is imported here, so that the options can be read without torch.
"""
