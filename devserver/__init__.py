"""All of GRPS on one machine, with PostgreSQL and Valkey from Python wheels.

For development and tests only. Production has its own servers (docs/run.md).
"""
