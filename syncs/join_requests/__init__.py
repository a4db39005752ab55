"""Requests to join the group: read from Roblox, decided here, and the decision written back."""
