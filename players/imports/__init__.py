"""Move a community in: import points, ranks, counts and warnings from before GRPS.

1. Input: a file (`files`) or a data store (`sources`, read with a reader of `readers`) becomes rows.
2. `names` resolves usernames to accounts, and finds two rows of one player.
3. `checks` compares each row with the player (`plans`) and stores what would change: the preview.
4. A second person approves (`lifecycle`, by `players.bulk.engine`).
5. `execution` changes the players in chunks. Each chunk is one transaction.
6. Undo: an import with the states before and after exchanged (`lifecycle.preview_undo`).

`runner` performs the next chunk of whatever is due, under a lease, so a killed process repeats and
loses nothing.

What a player had before GRPS is session LEGACY of one experience. A row sets the total of that
session, so the same points are never added twice. A game's own legacy hook writes the same session
with a lower sequence, so an import counts instead of it, not in addition.
"""
