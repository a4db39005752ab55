"""Adjust the points of up to millions of players from a file or a request. See `players.bulk`."""
