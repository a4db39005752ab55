"""Django settings. Values that differ between machines come from the environment."""

from typing import Any

from django.utils.csp import CSP

from common import environment, heartbeats
from common.environment import BASE_DIR, STATE_DIR, env
from common.version import VERSION
from grps_site import integrations
from grps_site.analytics import declaration
from grps_site.ops import (
    brokers,
    error_reports,
    json_logs,
    metrics_folder,
    pool_modes,
    processes,
    production,
)

ENVIRONMENT = env.str("GRPS_ENV", default="production")
if ENVIRONMENT not in {"development", "production"}:
    environment.stop(f"GRPS_ENV is {ENVIRONMENT!r}; it must be development or production.")
environment.load_files(ENVIRONMENT)
metrics_folder.use()
PRODUCTION = ENVIRONMENT == "production"
DEBUG = False

# --- secrets
SECRET_KEY = environment.required(
    "DJANGO_SECRET_KEY", "the key that signs sessions, 50 random characters"
)
SECRET_KEY_FALLBACKS = environment.secrets("DJANGO_SECRET_KEY_FALLBACKS")
AUTOMATION_SIGNATURE_SECRET = environment.secret("AUTOMATION_SIGNATURE_SECRET")
AUTOMATION_SIGNATURE_SECRET_PREVIOUS = environment.secret("AUTOMATION_SIGNATURE_SECRET_PREVIOUS")
for _name in ("AUTOMATION_SIGNATURE_SECRET", "AUTOMATION_SIGNATURE_SECRET_PREVIOUS"):
    if 0 < len(globals()[_name]) < 32:
        environment.stop(f"{_name} has fewer than 32 characters: take a longer one.")
TURNSTILE_SITEKEY = env.str("TURNSTILE_SITE_KEY", default="")
TURNSTILE_SECRET = environment.secret("TURNSTILE_SECRET_KEY")
TURNSTILE_VERIFY_URL = env.str(
    "TURNSTILE_VERIFY_URL", default="https://challenges.cloudflare.com/turnstile/v0/siteverify"
)
TURNSTILE_HOSTNAMES = env.list("TURNSTILE_HOSTNAMES", default=[])
# Signs messages to standard endpoints without a separate secret.
WEBHOOK_VERIFICATION_KEY = environment.secret("WEBHOOK_VERIFICATION_KEY")
WEBHOOK_VERIFICATION_KEY_PREVIOUS = environment.secret("WEBHOOK_VERIFICATION_KEY_PREVIOUS")
ROBLOX_WEBHOOK_SECRET = environment.secret("ROBLOX_WEBHOOK_SECRET")
ROBLOX_WEBHOOK_SECRET_PREVIOUS = environment.secret("ROBLOX_WEBHOOK_SECRET_PREVIOUS")
FIELD_ENCRYPTION_KEYS = environment.secrets("FIELD_ENCRYPTION_KEYS")
for _key in FIELD_ENCRYPTION_KEYS:
    environment.key_bytes("FIELD_ENCRYPTION_KEYS", _key.replace("-", "+").replace("_", "/"), 32)
# Make the marks of erased people. Without them, marks depend on SECRET_KEY.
ERASURE_MARK_KEYS = environment.secrets("ERASURE_MARK_KEYS")
for _key in ERASURE_MARK_KEYS:
    environment.key_bytes("ERASURE_MARK_KEYS", _key, 32)
ROBLOX_OPEN_CLOUD_API_KEY = environment.secret("ROBLOX_OPEN_CLOUD_API_KEY")
ROBLOX_UNIVERSE_ID = env.str("ROBLOX_UNIVERSE_ID", default="")

# Private networks that webhooks may call, such as a receiver in the intranet or on this machine.
WEBHOOK_ALLOWED_NETWORKS = environment.networks("WEBHOOK_ALLOWED_NETWORKS")

# --- the audit chain
AUDIT_SIGNING_KEY = environment.required(
    "AUDIT_SIGNING_KEY", "base64 of the 32-byte Ed25519 seed that signs seals"
)
environment.key_bytes("AUDIT_SIGNING_KEY", AUDIT_SIGNING_KEY, 32)
AUDIT_TRUSTED_KEYS: list[str] = env.list("AUDIT_TRUSTED_KEYS", default=[])
for _key in AUDIT_TRUSTED_KEYS:
    environment.key_bytes("AUDIT_TRUSTED_KEYS", _key, 32)
AUDIT_SEAL_FILE = environment.required(
    "AUDIT_SEAL_FILE", "the path of the file outside the database that every seal is appended to"
)
# Copies of the audit log for other systems (docs/audit.md, Streams); empty: off.
AUDIT_STREAM_URL = env.str("AUDIT_STREAM_URL", default="")
if AUDIT_STREAM_URL:
    environment.address("AUDIT_STREAM_URL", AUDIT_STREAM_URL, ("redis", "rediss"))
AUDIT_STREAM_KEY = env.str("AUDIT_STREAM_KEY", default="") or "grps:audit"
AUDIT_STREAM_LENGTH = environment.whole("AUDIT_STREAM_LENGTH", 1_000_000)
AUDIT_JSONL = env.str("AUDIT_JSONL", default="")

# --- the project
INTEGRATIONS = integrations.load(BASE_DIR / "config" / "backend.integrations.json")
ANALYTICS = declaration.load(BASE_DIR / "config" / "analytics.json")
OPEN_CLOUD_URL = env.str("OPEN_CLOUD_URL", default="") or INTEGRATIONS.endpoints.open_cloud
environment.address("OPEN_CLOUD_URL", OPEN_CLOUD_URL, ("https", "http"))
AVATARS = environment.switch("AVATARS", False)
THUMBNAILS_URL = env.str("THUMBNAILS_URL", default="") or "https://thumbnails.roblox.com"
environment.address("THUMBNAILS_URL", THUMBNAILS_URL, ("https", "http"))
# Where usernames are resolved for an import.
USERS_URL = env.str("USERS_URL", default="") or "https://users.roblox.com"
environment.address("USERS_URL", USERS_URL, ("https", "http"))
OPEN_CLOUD_BUDGETS = INTEGRATIONS.open_cloud.budgets | environment.figures("OPEN_CLOUD_BUDGETS")
ROBLOX_GROUP_ID = environment.whole("ROBLOX_GROUP_ID", INTEGRATIONS.group_id or 0) or None
# Off by default: GRPS writes nothing to Roblox until an operator enables it.
ROBLOX_WRITES = environment.switch("ROBLOX_WRITES", False)
# The Discord application whose bot gives roles and answers commands (docs/discord.md).
DISCORD_APPLICATION_ID = environment.whole("DISCORD_APPLICATION_ID", 0) or None
DISCORD_PUBLIC_KEY = env.str("DISCORD_PUBLIC_KEY", default="").strip()
environment.hex_bytes("DISCORD_PUBLIC_KEY", DISCORD_PUBLIC_KEY, 32)
DISCORD_BOT_TOKEN = environment.secret("DISCORD_BOT_TOKEN")
DISCORD_GUILD_ID = environment.whole("DISCORD_GUILD_ID", 0) or None
DISCORD_API_URL = env.str("DISCORD_API_URL", default="") or "https://discord.com/api/v10"
environment.address("DISCORD_API_URL", DISCORD_API_URL, ("https", "http"))
# Roles and channels: the environment replaces what the file says.
DISCORD_ROLES = integrations.discord_roles(INTEGRATIONS.discord.roles)
_queue, _events = INTEGRATIONS.discord.queue_channel, INTEGRATIONS.discord.events_channel
DISCORD_QUEUE_CHANNEL = environment.whole("DISCORD_QUEUE_CHANNEL", _queue or 0) or None
DISCORD_EVENTS_CHANNEL = environment.whole("DISCORD_EVENTS_CHANNEL", _events or 0) or None
# Off by default: GRPS writes nothing to Discord until an operator enables it.
DISCORD_WRITES = environment.switch("DISCORD_WRITES", False)
POLICY_DIR = BASE_DIR / "config"
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=[] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]"]
)
CSRF_FAILURE_VIEW = "grps_site.http.errors.csrf_failed"
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
ROOT_URLCONF = "grps_site.urls"
WSGI_APPLICATION = "grps_site.wsgi.application"
INSTALLED_APPS = [
    "console.apps.SiteConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.discord",
    "allauth.usersessions",
    "console.accounts.roblox_oauth.apps.RobloxSignInConfig",
    "corsheaders",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "grps_site",
    *([] if PRODUCTION else ["devserver"]),
    "audits",
    "roblox",
    "players",
    "syncs",
    "webhooks",
    "discord",
    "console.apps.ConsoleConfig",
]
# The console's middleware does nothing on other paths: a session and a CSRF check would cost more
# than a game server's whole request (grps_site/http/middleware.py).
MIDDLEWARE = [
    "grps_site.http.middleware.RequestContextMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "grps_site.http.middleware.HostMiddleware",
    "grps_site.http.middleware.ConsoleSessionMiddleware",
    "grps_site.http.middleware.ConsoleCsrfMiddleware",
    "grps_site.http.middleware.ConsoleAuthenticationMiddleware",
    "grps_site.http.middleware.ConsoleMessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "console.middleware.staff.StaffMiddleware",
    "console.middleware.security_headers.HeadersMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["console.templatetags.design"],
        },
    }
]
APPEND_SLASH = False
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# --- state
DATABASE_URL = environment.required("DATABASE_URL", "the address of the PostgreSQL database")
environment.address("DATABASE_URL", DATABASE_URL, ("postgresql", "postgres"))
# The address without a pool, for migrations, verification and backups; empty: DATABASE_URL.
DATABASE_DIRECT_URL = env.str("DATABASE_DIRECT_URL", default="")
if DATABASE_DIRECT_URL:
    environment.address("DATABASE_DIRECT_URL", DATABASE_DIRECT_URL, ("postgresql", "postgres"))
DATABASES = {"default": env.db("DATABASE_URL", engine="django.db.backends.postgresql")}
DATABASES["default"]["CONN_MAX_AGE"] = environment.whole("DATABASE_CONN_MAX_AGE", 60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# A server that vanished without closing its connections is noticed within a minute, and not after a
# quarter of an hour as by default. Parameters of the URL win.
_found_lost = {
    "keepalives_idle": 30,  # seconds
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds
}
# Server-side binding lets psycopg prepare the statements that ingestion repeats.
DATABASES["default"]["OPTIONS"] = (
    _found_lost
    | DATABASES["default"].get("OPTIONS", {})
    | {"server_side_binding": True, "connect_timeout": 5}
)
# A streaming replica for public reads (docs/database.md); empty: the primary answers them too.
DATABASE_REPLICA_URL = env.str("DATABASE_REPLICA_URL", default="")
_pool = env.str("DATABASE_POOL", default="")
DATABASE_POOL = pool_modes.mode(_pool, DATABASE_URL)
pool_modes.apply(DATABASES["default"], DATABASE_POOL)
if DATABASE_REPLICA_URL:
    environment.address("DATABASE_REPLICA_URL", DATABASE_REPLICA_URL, ("postgresql", "postgres"))
    _replica = env.db("DATABASE_REPLICA_URL", engine="django.db.backends.postgresql")
    DATABASES["replica"] = DATABASES["default"] | _replica
    DATABASES["replica"]["OPTIONS"] = (
        DATABASES["default"]["OPTIONS"] | _replica.get("OPTIONS", {}) | {"connect_timeout": 2}
    )
    pool_modes.apply(DATABASES["replica"], pool_modes.mode(_pool, DATABASE_REPLICA_URL))
# Encrypted backups (docs/backup.md): public keys, where backups go, and for drills the file of a
# private key. POSTGRES_BIN: the folder of pg_dump, if it is not in PATH.
BACKUP_RECIPIENTS: list[str] = env.list("BACKUP_RECIPIENTS", default=[])
BACKUP_DESTINATION = env.str("BACKUP_DESTINATION", default="")
BACKUP_IDENTITY = env.str("BACKUP_IDENTITY", default="")
POSTGRES_BIN = env.str("POSTGRES_BIN", default="")
REDIS_URL = environment.required("REDIS_URL", "the address of Valkey or Redis")
environment.address("REDIS_URL", REDIS_URL, ("redis", "rediss"))

# --- tasks
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default=REDIS_URL)
environment.address(
    "CELERY_BROKER_URL", CELERY_BROKER_URL, ("redis", "rediss", "amqp", "amqps", "sqs")
)
CELERY_BROKER_TRANSPORT_OPTIONS = brokers.transport_options(CELERY_BROKER_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 900
# Tasks of a worker process that share a connection to the database. By default each opens its own.
CELERY_DB_REUSE_MAX = 1_000
CELERY_TASK_DEFAULT_QUEUE = "grps"
# Tasks that wait for Roblox or for webhook receivers have separate queues and workers, so that
# sealing and ranks never wait for them.
CELERY_TASK_ROUTES = {
    "grps_site.sync_heartbeat": {"queue": "syncs"},
    "grps_site.webhook_heartbeat": {"queue": "webhooks"},
    "syncs.*": {"queue": "syncs"},
    "roblox.*": {"queue": "syncs"},
    "discord.*": {"queue": "syncs"},
    "players.check_names": {"queue": "syncs"},
    "players.fetch_avatars": {"queue": "syncs"},
    "players.apply_adjustments": {"queue": "syncs"},
    "players.run_imports": {"queue": "syncs"},
    "webhooks.deliver": {"queue": "webhooks"},
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "grps_site.beat:Scheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5

# --- HTTP
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
}
THROTTLE_PUBLIC_PER_MINUTE = environment.whole("THROTTLE_PUBLIC_PER_MINUTE", 600)
THROTTLE_WRITE_PER_MINUTE = environment.whole("THROTTLE_WRITE_PER_MINUTE", 20)
# For one web process: request threads, and connections of one address.
WEB_THREADS = environment.whole("WEB_THREADS", 4, least=1)
CONNECTIONS_PER_ADDRESS = environment.whole("CONNECTIONS_PER_ADDRESS", 200)
TRUSTED_PROXIES = environment.whole("TRUSTED_PROXIES", 0)
LOG_REQUESTS = environment.switch("LOG_REQUESTS", True)
# The portal's pages may read everything except the console. No credentials: the API has no cookies.
PORTAL_URL = env.str("PORTAL_URL", default="")  # `/` leads there
if PORTAL_URL:
    environment.address("PORTAL_URL", PORTAL_URL, ("https", "http"))
CORS_ALLOWED_ORIGINS = env.list("PORTAL_ORIGINS", default=[])
CORS_URLS_REGEX = r"^(?!/admin/).*$"
CORS_ALLOW_METHODS = ["GET", "HEAD", "POST"]
CORS_ALLOW_HEADERS = ["Content-Type", "If-None-Match", "X-Request-ID", "cf-turnstile-response"]
CORS_EXPOSE_HEADERS = ["ETag", "X-Request-ID", "Retry-After"]
CORS_PREFLIGHT_MAX_AGE = 600  # seconds
# Workers and beat answer their metrics on this port of the loopback address; 0: no port.
METRICS_PORT = environment.whole("METRICS_PORT", 0)
if METRICS_PORT and processes.runs_tasks():
    metrics_folder.make_temporary()
METRICS_TOKEN = environment.secret("METRICS_TOKEN")
METRICS_TOKEN_PREVIOUS = environment.secret("METRICS_TOKEN_PREVIOUS")
# URLs that scheduled jobs report to (`--heartbeat NAME`).
HEARTBEAT_URLS = heartbeats.parse(environment.secret("HEARTBEAT_URLS"))
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["grps_site.http.authentication.CallerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["grps_site.http.authentication.CallerPermission"],
    "DEFAULT_THROTTLE_CLASSES": ["grps_site.http.throttling.AddressThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["grps_site.http.json_codec.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["grps_site.http.json_codec.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "grps_site.http.openapi.ContractSchema",
    "EXCEPTION_HANDLER": "grps_site.http.errors.exception_handler",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "grps_site.http.json_codec.JSONOnly",
    "DEFAULT_METADATA_CLASS": None,
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "GRPS",
    "DESCRIPTION": "Group Rank & Points System: ledger, ranks and leaderboard of a Roblox community.",
    "VERSION": VERSION,
    "LICENSE": {"name": "MIT License", "identifier": "MIT"},
    "OAS_VERSION": "3.1.1",
    "SERVERS": [{"url": "/", "description": "This server."}],
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": ["grps_site.http.openapi.add_schemas"],
}

# --- browsers
STATIC_URL = "/static/"
STATIC_ROOT = env.str(
    "STATIC_ROOT", default=str(BASE_DIR / "staticfiles" if PRODUCTION else STATE_DIR / "static")
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_KEEP_ONLY_HASHED_FILES = PRODUCTION  # templates name no others
SECURE_CSP: dict[str, list[str]] = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# W003 looks for Django's CSRF middleware by name. Ours is a subclass for the console and the members'
# page, the only parts with cookies (checked by grps.E001).
SILENCED_SYSTEM_CHECKS = ["security.W003"]
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = (
    "Lax"  # the sign-in returns from Roblox by a cross-site navigation
)
SESSION_COOKIE_NAME = "__Host-grps-session" if PRODUCTION else "grps-session"
CSRF_COOKIE_NAME = "__Host-grps-csrf" if PRODUCTION else "grps-csrf"
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SECURE_SSL_REDIRECT = PRODUCTION and environment.switch("SECURE_SSL_REDIRECT", True)
# Load balancers and orchestrators read health and metrics by plain HTTP in the internal network.
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION

# --- sign-in to the console (docs/sign-in.md)
AUTHENTICATION_BACKENDS = [
    "console.accounts.backends.SignInBackend",
    "console.accounts.backends.RightsBackend",
]
LOGIN_URL = "/admin/sign-in/"
LOGIN_REDIRECT_URL = "/admin/"
# Sign-in of owners by password and second factor, for when Roblox and Discord are unavailable.
LOCAL_LOGIN = environment.switch("LOCAL_LOGIN", False)
LOCAL_LOGIN_MFA = environment.switch("LOCAL_LOGIN_MFA", True)
ROBLOX_OAUTH_CLIENT_ID = env.str("ROBLOX_OAUTH_CLIENT_ID", default="")
ROBLOX_OAUTH_URL = env.str("ROBLOX_OAUTH_URL", default="") or "https://apis.roblox.com/oauth/"
environment.address("ROBLOX_OAUTH_URL", ROBLOX_OAUTH_URL, ("https", "http"))
DISCORD_CLIENT_ID = env.str("DISCORD_CLIENT_ID", default="")
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {
    "roblox": {"OAUTH_PKCE_ENABLED": True, "APPS": []},
    "discord": {"OAUTH_PKCE_ENABLED": True, "SCOPE": ["identify"], "APPS": []},
}
if ROBLOX_OAUTH_CLIENT_ID:
    SOCIALACCOUNT_PROVIDERS["roblox"]["APPS"] = [
        {
            "client_id": ROBLOX_OAUTH_CLIENT_ID,
            "secret": environment.secret("ROBLOX_OAUTH_CLIENT_SECRET"),
            "settings": {"server_url": ROBLOX_OAUTH_URL},
        }
    ]
if DISCORD_CLIENT_ID:
    SOCIALACCOUNT_PROVIDERS["discord"]["APPS"] = [
        {"client_id": DISCORD_CLIENT_ID, "secret": environment.secret("DISCORD_CLIENT_SECRET")}
    ]
ACCOUNT_ADAPTER = "console.accounts.adapters.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "console.accounts.adapters.SocialAdapter"
SIGN_IN_THROTTLE = "grps_site.http.throttling.check"  # counts sign-in attempts
ACCOUNT_FORMS = {"login": "grps_site.pages.login.LoginForm"}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_RATE_LIMITS = (
    {"login": "30/m/ip", "login_failed": "10/m/ip,5/5m/key"} if LOCAL_LOGIN_MFA else False
)
SOCIALACCOUNT_STORE_TOKENS = False  # GRPS never calls Roblox on behalf of a person
SOCIALACCOUNT_AUTO_SIGNUP = False
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "GRPS"
MFA_REAUTHENTICATION_REQUIRED = (
    False  # console.middleware.staff requires a recent sign-in before a factor is changed
)
USERSESSIONS_TRACK_ACTIVITY = False  # console.middleware.staff records it once a minute

# --- what production refuses
if PRODUCTION:
    production.refuse_weak(
        {
            "DJANGO_SECRET_KEY": [SECRET_KEY],
            "DJANGO_SECRET_KEY_FALLBACKS": SECRET_KEY_FALLBACKS,
            "AUTOMATION_SIGNATURE_SECRET": [AUTOMATION_SIGNATURE_SECRET],
            "AUTOMATION_SIGNATURE_SECRET_PREVIOUS": [AUTOMATION_SIGNATURE_SECRET_PREVIOUS],
            "WEBHOOK_VERIFICATION_KEY": [WEBHOOK_VERIFICATION_KEY.removeprefix("whsec_")],
            "WEBHOOK_VERIFICATION_KEY_PREVIOUS": [
                WEBHOOK_VERIFICATION_KEY_PREVIOUS.removeprefix("whsec_")
            ],
            "ROBLOX_WEBHOOK_SECRET": [ROBLOX_WEBHOOK_SECRET],
            "ROBLOX_WEBHOOK_SECRET_PREVIOUS": [ROBLOX_WEBHOOK_SECRET_PREVIOUS],
            "FIELD_ENCRYPTION_KEYS": FIELD_ENCRYPTION_KEYS,
            "ERASURE_MARK_KEYS": ERASURE_MARK_KEYS,
            "AUDIT_SIGNING_KEY": [AUDIT_SIGNING_KEY],
            "METRICS_TOKEN": [METRICS_TOKEN],
            "METRICS_TOKEN_PREVIOUS": [METRICS_TOKEN_PREVIOUS],
        }
    )
    production.refuse_unsafe(
        hosts=ALLOWED_HOSTS,
        local_login=LOCAL_LOGIN,
        second_factor=LOCAL_LOGIN_MFA,
        turnstile_keys={
            "TURNSTILE_SITE_KEY": TURNSTILE_SITEKEY,
            "TURNSTILE_SECRET_KEY": TURNSTILE_SECRET,
        },
    )

# --- logs
LOGGING_CONFIG = None
json_logs.configure(
    level=environment.one_of(
        "LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
    ),
    readable=environment.switch("LOG_READABLE", False),
    version=VERSION,
    environment=ENVIRONMENT,
)
error_reports.start(environment.secret("SENTRY_DSN"), version=VERSION, deployment=ENVIRONMENT)
