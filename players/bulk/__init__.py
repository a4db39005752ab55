"""One act on many players, and the undo of many events: `jobs` (preview, start), `work` (carrying
out), `acts`.
"""
