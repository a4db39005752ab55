"""An emulator of Roblox Open Cloud, for tests and for trying things out. It imports nothing of
GRPS.
"""
