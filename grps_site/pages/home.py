"""The address `/`: it leads to the portal, or to the API's docs where there is none."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from grps_site.http.errors import read_only


@read_only
def home(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(settings.PORTAL_URL or "/docs")
