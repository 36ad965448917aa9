"""STINet, one file a module of Fig. 2: initialisation (S-SR), interpolation (ST-FI), local (ST-LR),
global_refinement (ST-GR), reconstruction; `network` wires them, `build` knows their sizes.

Source: Z. Yue, M. Shi, S. Ding, "Enhancing Space-time Video Super-resolution via Spatial-temporal Feature
Interaction", 2022, and the behaviour of its release where the text is silent. Nothing is imported here, so that
the options can be read without torch.
"""
