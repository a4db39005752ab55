"""The work queue of staff, with a module for each kind of work.

To add a kind, copy `decisions.py`: a subclass of WorkKind that says who sees it, counts up to MOST and
lists items after a key, the oldest first. Then add it to `KINDS` in `console/queue/registry.py`.
"""
