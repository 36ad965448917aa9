"""DAVSR: `network` alternates between `data_step` and `prior`, starting from `initial`; `build` knows the sizes.

Nothing is imported here, so that the options can be read without torch.
"""
