"""A Roblox Open Cloud on this machine, for `make up`, the tests and whoever wants to try a client. See docs/emulator.md.

It stands alone: nothing of GRPS or Django is imported here.
"""
