"""VideoINR: `siren` the perceptrons, `sampling` where they are asked, `decoder` a frame at any time and of any size,
`network` the whole; `build` knows the sizes. The encoder is Zooming Slow-Mo's.

Nothing is imported here, so that the options can be read without torch.
"""
