"""BMBC: frames between two, blended from candidates along bilateral motions and along flows.

J. Park, K. Ko, C. Lee, C.-S. Kim, "BMBC: Bilateral Motion Estimation with Bilateral Cost Volume for Video
Interpolation", 2020. `network` puts the parts in order.
"""
