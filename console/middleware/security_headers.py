"""Security headers in addition to those of Django's settings."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

CONSOLE, MEMBERS = "/admin/", "/me"
UNUSED = (
    "accelerometer",
    "autoplay",
    "browsing-topics",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "usb",
)
PERMISSIONS = ", ".join(f"{feature}=()" for feature in UNUSED)


class HeadersMiddleware:
    """Disable device features, and isolate our windows from other sites."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.path_info.startswith(CONSOLE) or request.path_info == MEMBERS:
            response.headers["Permissions-Policy"] = PERMISSIONS
            response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
            response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response
