"""How long the rows of each table are kept, and what deletes them.

A test compares this with the tables of the database, the periodic tasks, and docs/database.md.
"""

from typing import NamedTuple

FOR_EVER = "for ever"
BOUNDED = "as long as what it belongs to"


class Retention(NamedTuple):
    """`by`: the periodic task that deletes old rows, or why there is none."""

    kept: str
    by: str


PROOF = Retention(FOR_EVER, "it is the record of points, acts or their proof")
STATE = Retention(BOUNDED, "a row for each player, rank, game, policy, person or setting")
ACCOUNTS = Retention(BOUNDED, "deleted with the account")
SCHEDULE = Retention(BOUNDED, "written by `migrate` and `bootstrap`")
QUEUE = Retention("until its work is done", "the task that works on it")
OLD_ROWS = "grps_site.purge_old_rows"

_GROUPS: dict[Retention, str] = {
    PROOF: "adjustment_rows adjustments appeals approvals audit_personal audit_redactions audits"
    " bulk_rows imports decisions erasure_orders fastest_promotions hosted_event_attendances"
    " hosted_event_hosts hosted_events leaves ledger notes periods"
    " policy_activations policy_versions quarantines quota_exemptions quota_periods quota_results"
    " rank_restrictions recommendations report_mutes reversals roblox_notifications sanctions"
    " sealed_events seals seal_file sessions",
    STATE: "audit_streams beat_lease cloud_keys counted daily_balances daily_figures daily_points"
    " experience_keys experience_points experiences group_logs group_roles hosted_event_series"
    " join_requests"
    " leaderboard_buckets"
    " membership_reads mirrors name_checks period_totals player_names player_records players"
    " previous_secret_uses rank_counts ranks refused_sign_ins role_grants role_pins roblox_write_hold"
    " saved_filters seen_up_to"
    " discord_guilds discord_links secret_fingerprints staff_accounts"
    " statistics_state unwanted_users webhook_endpoints",
    ACCOUNTS: "account_emailaddress account_emailconfirmation auth_group auth_group_permissions"
    " auth_user auth_user_groups auth_user_user_permissions mfa_authenticator"
    " socialaccount_socialaccount socialaccount_socialapp socialaccount_socialtoken",
    SCHEDULE: "auth_permission django_admin_log django_celery_beat_clockedschedule"
    " django_celery_beat_crontabschedule django_celery_beat_intervalschedule"
    " django_celery_beat_periodictask django_celery_beat_periodictasks"
    " django_celery_beat_solarschedule django_content_type django_migrations",
    QUEUE: "audit_pending leaderboard_changes",
}
TABLES: dict[str, Retention] = {
    table: retention for retention, tables in _GROUPS.items() for table in tables.split()
} | {
    "active_days": Retention("400 days", OLD_ROWS),
    "active_minutes": Retention("40 days; those in quarantine: 400 days", OLD_ROWS),
    "avatars": Retention("a day after somebody asked", "players.fetch_avatars"),
    "brought_days": Retention("3 days", "players.end_sanctions"),
    "brought_people": Retention("3 days", "players.end_sanctions"),
    "bulk_jobs": Retention("previews: a day; others for ever", "players.carry_out_bulk"),
    "claims": Retention("a day after it ended", OLD_ROWS),
    "discord_role_mirrors": Retention(
        "unlinked ones: until the roles are removed, at most 30 days", "discord.read_members"
    ),
    "discord_interactions": Retention("a day", OLD_ROWS),
    "discord_queue_messages": Retention("30 days after the decision", "discord.post_queue"),
    "django_session": Retention("until it expires", "grps_site.purge_sessions"),
    "drifts": Retention("90 days after it was resolved", OLD_ROWS),
    "game_commands": Retention("7 days; held ones until they are decided", "players.end_sanctions"),
    "guard_trips": Retention("30 days after it was released", OLD_ROWS),
    "heartbeats": Retention("a day after the last one", OLD_ROWS),
    "import_rows": Retention("90 days after the import's end", "players.run_imports"),
    "key_counts": Retention("a day", "players.end_sanctions"),
    "memberships": Retention("a day after the reading", "syncs.purge_memberships"),
    "member_reports": Retention("400 days after they were answered", OLD_ROWS),
    "nonces": Retention("15 minutes", "grps_site.purge_nonces"),
    "position_snapshots": Retention(
        "the first 1,000: 400 days; others: 5 weeks", "players.keep_positions"
    ),
    "sent_forms": Retention("a day", "the next form"),
    "simulations": Retention("30 days", OLD_ROWS),
    "spending": Retention("7 days", "players.end_sanctions"),
    "staff_acts": Retention("a day", "players.end_sanctions"),
    "sync_jobs": Retention("90 days after its end", OLD_ROWS),
    "usersessions_usersession": Retention("until the session ends", "grps_site.purge_sessions"),
    "webhook_attempts": Retention("`webhooks.keepDays`, 30 days", "webhooks.purge"),
    "webhook_deliveries": Retention("`webhooks.keepDays`, 30 days", "webhooks.purge"),
}
