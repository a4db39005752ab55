"""All of GRPS on one machine without system services: PostgreSQL and Valkey from Python wheels, and
our processes.

For development and tests only; production brings its own servers (docs/run.md).
"""
