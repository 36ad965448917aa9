"""STARnet: `network` wires its stages; RBPN and DBPN, which it takes over, lie beside this folder.

Nothing is imported here, so that the options can be read without torch.
"""
