"""What GRPS holds of a person, and how it forgets one.

`registry` is the one list of every place; `personal.py` of each app adds its own; `forgetting`
applies the list to one person in one transaction; `texts` takes their words out of what others
wrote, stretch by stretch.
"""
