"""Portable, encrypted backups of the database, and drills that restore and check them.

A backup is one tar file: the dump of `pg_dump`, encrypted with age, a copy of the seal file, and a
manifest. The dump, the counts and the last seal in the manifest are of the same moment.
"""
