"""An emulator of Roblox Open Cloud, for tests and demonstrations. It imports no code of GRPS."""
