"""RSTT: `windows` how maps are cut, `attention` within windows, `blocks` and stages of them, `network` the whole;
`build` knows the sizes.

Nothing is imported here, so that the options can be read without torch.
"""
