"""Roblox's side of signing in: a real OpenID Connect provider in its own process.

Run as `python -m tests.console.accounts.provider PORT`. Unlike the plain provider, its issuer ends
with a slash, as Roblox's documentation says.
"""

import sys
from typing import Any

import flask
import oidc_provider_mock
from oidc_provider_mock import _app


def claims_of_roblox(self: Any, client: object) -> dict[str, object]:
    return plain(self, client) | {"iss": flask.request.host_url}  # host_url ends with a slash


plain = _app.OpenIDCode.get_client_claims


def main(port: int) -> None:
    _app.OpenIDCode.get_client_claims = claims_of_roblox  # type: ignore[method-assign]
    app = oidc_provider_mock.app(require_nonce=True)

    @app.after_request
    def with_slash(response: flask.Response) -> flask.Response:
        if flask.request.path.endswith("/openid-configuration"):
            found = response.get_json()
            found["issuer"] = flask.request.host_url
            response.set_data(app.json.dumps(found))
        return response

    app.run(port=port)


if __name__ == "__main__":
    main(int(sys.argv[1]))
