"""Register the portal with Django: its database role, and an endpoint for its webhooks."""

import io

from django.core.management import call_command

from audits.record import Actor
from devserver.portal.service import ROLE_FILE
from devserver.state import State
from webhooks.endpoints import services
from webhooks.endpoints.validation import EndpointInput
from webhooks.models import WebhookEndpoint

ENDPOINT = "portal"
EVENTS = ("rank.*", "policy.activated", "player.erased")


def register(state: State, url: str, actor: Actor) -> dict[str, str]:
    """Create or mend both. Return what ready.json says about the portal."""
    known = state.secrets()
    call_command("portal_role", password_file=state.folder / ROLE_FILE, stdout=io.StringIO())
    _endpoint(f"{url}/api/hooks/grps", known["LOCAL_PORTAL_WEBHOOK_SECRET"], actor)
    return {"url": url, "refreshSecret": known["LOCAL_PORTAL_REFRESH_SECRET"]}


def _endpoint(address: str, secret: str, actor: Actor) -> None:
    wanted = EndpointInput(name=ENDPOINT, kind="standard", address=address, events=EVENTS)
    endpoint = WebhookEndpoint.objects.filter(name=ENDPOINT).first()
    if endpoint is None:
        services.create(wanted, actor=actor, secret=secret)
    elif endpoint.address != address:
        services.change(endpoint.pk, wanted, actor=actor)
