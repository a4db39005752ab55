"""`make up` whose processes reach the database through a pool: ``python -m tests.pooling.up``."""

import os
import sys
from contextlib import ExitStack

from devserver import __main__ as devserver
from devserver.state import State
from tests.pooling.pools import own_pool

SIZE = 6  # connections of the pool to the server


def main() -> int:
    with ExitStack() as stack:
        directly = State.application_url

        def pooled(state: State, database_port: int) -> str:
            url = directly(state, database_port)
            os.environ["DATABASE_DIRECT_URL"] = url
            return stack.enter_context(own_pool(url, size=SIZE))

        State.application_url = pooled  # type: ignore[method-assign]
        return devserver.main()


if __name__ == "__main__":
    sys.exit(main())
