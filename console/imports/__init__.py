"""Moving in: import files and data stores, look at the preview, start, approve and undo."""
