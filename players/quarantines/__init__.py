"""Quarantines of keys: `detection` counts what no honest key brings, `isolation` keeps its rows
apart, `held_commands` its commands, and two owners decide in `resolution`.
"""
