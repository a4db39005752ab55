"""What follows the restore of an older backup: find what was lost, and overwrite none of it.

Roblox, the seal file and the mirrors of the log still hold the lost part of the history.
"""
