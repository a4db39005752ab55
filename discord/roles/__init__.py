"""The roles that linked members have on Discord, as a mirror of their ranks."""
