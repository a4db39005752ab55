from django.urls import path

from syncs import api

urlpatterns = [
    path("sync/roblox", api.SyncRoblox.as_view(), name="sync-roblox"),
    path("sync/jobs", api.SyncJobs.as_view(), name="sync-jobs"),
    path("sync/jobs/<rowid:id>", api.OneSyncJob.as_view(), name="sync-job"),
    path("sync/jobs/<rowid:id>/cancel", api.CancelSyncJob.as_view(), name="sync-job-cancel"),
]
