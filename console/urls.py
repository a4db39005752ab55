"""URLs of the console's own pages. They precede the pages that the admin generates."""

from django.urls import URLPattern, URLResolver

from console.accounts import views as signing_in
from console.actions import revert_views
from console.actions import views as actions_views
from console.appeals import views as appeals_views
from console.approvals import views as approvals_views
from console.audit import views as exploring
from console.bulk import adjustment_views
from console.bulk import views as bulk_views
from console.design import views as design_views
from console.discord import views as discord_views
from console.experiences import views as experiences_views
from console.hosted_events import views as hosted_events_views
from console.imports import views as import_views
from console.join_requests import views as join_request_views
from console.leave import views as leave_views
from console.players import case_views, saved_filters
from console.players import views as players_views
from console.policy import simulation_views
from console.policy import views as policy
from console.quarantines import views as quarantines_views
from console.queue import views as queue_views
from console.quotas import views as quota_views
from console.reports import views as reports_views
from console.search import palette
from console.sync import pin_views
from console.sync import views as sync_views
from console.webhooks import views as webhook_views

app_name = "console"

urlpatterns: list[URLPattern | URLResolver] = [
    *queue_views.urls,
    *signing_in.urls,
    *case_views.urls,
    *actions_views.urls,
    *approvals_views.urls,
    *revert_views.urls,
    *appeals_views.urls,
    *join_request_views.urls,
    *leave_views.urls,
    *reports_views.urls,
    *hosted_events_views.urls,
    *quota_views.urls,
    *experiences_views.urls,
    *quarantines_views.urls,
    *sync_views.urls,
    *pin_views.urls,
    *discord_views.urls,
    *exploring.urls,
    *policy.urls,
    *simulation_views.urls,
    *palette.urls,
    *players_views.urls,
    *saved_filters.urls,
    *bulk_views.urls,
    *adjustment_views.urls,
    *import_views.urls,
    *webhook_views.urls,
    *design_views.urls,
]
