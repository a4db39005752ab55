class BackupError(Exception):
    """A backup cannot be made or restored. The text says why, and what to do."""
