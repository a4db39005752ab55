"""Create and fill the database at DATABASE_URL: python -m bench.prepare PLAYERS."""

import os
import sys

import django
import psycopg
from django.core.management import call_command
from django.utils import timezone
from psycopg import sql


def main(players: int) -> None:
    url = os.environ["DATABASE_URL"]
    head, _, name = url.rpartition("/")
    with psycopg.connect(f"{head}/postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    django.setup()
    from audits.chain.sealing import seal_pending
    from bench.fill import fill, fill_audits
    from bench.fill_statistics import fill_statistics
    from players import leaderboard
    from players.active_policy import active

    call_command("migrate", verbosity=0)
    call_command("bootstrap", "--quiet")
    policy = active()
    fill(url, players, policy.bundle, policy.rank_ids, timezone.now())
    leaderboard.rebuild()
    fill_statistics(players, timezone.now())
    fill_audits(url, players)
    while seal_pending():
        pass
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    main(int(sys.argv[1]))
