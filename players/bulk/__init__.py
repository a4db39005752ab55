"""Change many players in one job.

The data flow is the same for both kinds of jobs (`JobType` in `engine`):

1. Input: an act and selected players, the events of an actor, or a file.
2. Preview: `previews` here and in `players.mass_adjustments` store a job and its rows. Each row
   is pending, or skipped with a reason. No player changes.
3. Approval: `engine.start` runs the job, or requests approval by a second person
   (`players.moderation.approvals`). A running job counts toward the daily limit of its requester
   (`reservations`).
4. Steps: `row_executor` performs an act for one row in one transaction.
   `players.mass_adjustments.chunk_executor` changes a chunk of rows with a few statements. Each
   step stores its results in its own transaction, so a killed process loses and repeats nothing.
5. Results: each row stores its status, note and audit event. The console shows them and exports
   them as CSV.
6. Undo: a new job, previewed from the results of the old one.
"""
