"""What waits for staff, a module a kind of work.

To add a kind, copy `decisions.py`: a subclass of Kind that says who sees it, counts up to MOST and
gives items behind a key, the oldest first; then name it in `KINDS` of `console/queue/registry.py`.
"""
