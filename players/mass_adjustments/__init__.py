"""Adjust the points of up to millions of players from a file or a request; see `players.bulk`."""
