"""The work queue of staff, with a module for each kind of work.

To add a kind, copy `decisions.py`: a subclass of WorkKind with the right to see it, a count up to
MOST, and items after a key, oldest first. Then add it to `KINDS` in `console/queue/registry.py`.
"""
