from django.urls import path

from players.mass_adjustments import api as api

urlpatterns = [
    path("adjustments", api.Adjust.as_view(), name="adjustments"),
    path("adjustments/<userid:adjustment_id>", api.OneAdjustment.as_view(), name="adjustment"),
]
