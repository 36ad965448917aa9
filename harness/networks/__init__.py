"""The systems that are compared, as plain torch modules; a folder for each system that has parts, and `layers`, which
several of them share.
"""
