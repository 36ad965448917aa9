"""ABME: the middle frame along motions that differ to either side.

J. Park, C. Lee, C.-S. Kim, "Asymmetric Bilateral Motion Estimation for Video Frame Interpolation", 2021.
`network` puts the parts in order.
"""
