"""Quarantines of keys.

`detection` counts what no honest key sends. `isolation` separates the key's rows and
`held_commands` its commands. Two owners decide in `resolution`.
"""
