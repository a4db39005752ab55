"""Roblox Open Cloud: one client that spends the limits well, and one small module for each
resource.
"""
