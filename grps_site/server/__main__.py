"""Start the web processes: ``python -m grps_site.server --port 8000 --workers 2``."""

import argparse
import resource
import sys

import structlog
import uvicorn

from grps_site.ops import metrics_folder, pooling

# seconds; longer than the proxy's keepalive (nginx: 60), so that it never uses a closed connection
KEEP_ALIVE = 75
GRACE = 10  # seconds for running requests at the end
BACKLOG = 2048

log = structlog.get_logger("grps.server")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m grps_site.server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=2, help="processes, one for each core")
    options = parser.parse_args()
    _allow_many_connections()
    # It loads the settings, which configure the logs, in the process that starts the others too.
    pooling.refuse_mixed_statements()
    if folder := metrics_folder.refused():
        log.warning("the folder of metrics cannot be written; processes count alone", folder=folder)
    uvicorn.run(
        "grps_site.server.application:application",
        host=options.host,
        port=options.port,
        workers=options.workers,
        loop="uvloop",
        http="grps_site.server.connections:GuardedProtocol",
        ws="none",
        lifespan="off",
        log_config=None,  # the settings configure logging
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
        timeout_worker_healthcheck=60,
    )
    return 0


def _allow_many_connections() -> None:
    """Raise the limit of file descriptors, which is 1,024 in most shells."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main())
