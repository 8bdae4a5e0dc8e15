"""The settings, all from the environment, strictly parsed. Nothing here can switch off the audit trail or a gate."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from lims import environment

BASE_DIR = Path(__file__).resolve().parent.parent

LIMS_ENV = environment.choice("LIMS_ENV", ("development", "test", "production"), "development")
PRODUCTION = LIMS_ENV == "production"
TESTING = LIMS_ENV == "test"
DEBUG = environment.flag("LIMS_DEBUG", default=False)

# What a developer's machine may leave unsaid. Production says every one of them itself.
UNSAFE_SECRET = "insecure-development-secret-that-production-refuses-to-start-with"  # noqa: S105
LOCAL_DATABASE = "postgresql://lims_app@127.0.0.1:5432/oxinate"
LOCAL_OWNER_DATABASE = "postgresql://lims_owner@127.0.0.1:5432/oxinate"

SECRET_KEY = environment.text("LIMS_SECRET_KEY", UNSAFE_SECRET)
# Encrypts the second factors, and is kept outside the database. Its own variable, so that LIMS_SECRET_KEY can be
# changed without everybody setting up their authenticator anew.
FACTOR_KEY = environment.text("LIMS_FACTOR_KEY", SECRET_KEY)
ALLOWED_HOSTS = environment.names("LIMS_ALLOWED_HOSTS", [] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]"])
# The name that security keys are bound to: the site's host, or a domain above it. A key made for another is of no use.
KEY_HOST = environment.text("LIMS_KEY_HOST", ALLOWED_HOSTS[0].lstrip(".") if ALLOWED_HOSTS else "localhost")
CSRF_TRUSTED_ORIGINS = environment.names("LIMS_TRUSTED_ORIGINS")
DEMO = environment.flag("LIMS_DEMO", default=not PRODUCTION)


def refuse_unsafe_production() -> None:
    """Production starts only when everything that guards it was said on purpose; every fault is named at once."""
    faults = [f"{name} is not given" for name in ("DATABASE_URL", "REDIS_URL") if not environment.text(name)]
    if environment.flag("LIMS_EMBEDDED_SERVERS", default=False):
        faults.append("the embedded servers are for development and tests alone")
    if DEBUG:
        faults.append("LIMS_DEBUG is on")
    if DEMO:
        faults.append("LIMS_DEMO allows demo accounts")
    if SECRET_KEY == UNSAFE_SECRET:
        faults.append("LIMS_SECRET_KEY is not given")
    elif len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 10:
        faults.append("LIMS_SECRET_KEY needs at least 50 characters, 10 of them different")
    if not ALLOWED_HOSTS or "*" in ALLOWED_HOSTS:
        faults.append("LIMS_ALLOWED_HOSTS does not name the hosts")
    if faults:
        raise ImproperlyConfigured(f"LIMS_ENV=production does not start: {'; '.join(faults)}.")


if PRODUCTION:
    refuse_unsafe_production()

# --- The site ---------------------------------------------------------------------------------------------------
try:
    VERSION = version("oxinate")
except PackageNotFoundError:  # a checkout, which is run without being installed
    VERSION = "0.1.0"

SITE_NAME = environment.text("LIMS_SITE_NAME", "Oxinate")
# What the licence allows at the site, and below what stored waste may be cleared, for each nuclide (RAD-10, RAD-11).
LICENCE_LIMITS = environment.activities("LIMS_LICENCE_LIMITS")
CLEARANCE_LIMITS = environment.activities("LIMS_CLEARANCE_LIMITS")
CLEARANCE_SOURCE = environment.text("LIMS_CLEARANCE_SOURCE", "Set by the site for this nuclide.")
if LIMS_ENV == "development" and DEMO and not CLEARANCE_LIMITS:
    CLEARANCE_LIMITS = {"Zr-89": "1 kBq"}
    CLEARANCE_SOURCE = "An example of the demonstration; no authority has set it."
TIME_ZONE = environment.time_zone("LIMS_SITE_TIME_ZONE", "Europe/Berlin")
USE_TZ = True
# How far an activity may lie from its supplier's statement on arrival; 10 % is a proposal, the site sets its own.
ARRIVAL_LIMIT_PERCENT = environment.whole_number("LIMS_ARRIVAL_LIMIT_PERCENT", 10)
LANGUAGE_CODE = "en-us"
USE_I18N = False
DATA_DIR = Path(environment.text("LIMS_DATA_DIR", str(BASE_DIR / "var")))
SEAL_DIR = Path(environment.text("LIMS_SEAL_DIR", str(DATA_DIR / "seal")))
# The key that seals the audit trail, and a file outside the database that every seal is appended to.
AUDIT_KEY_FILE = Path(environment.text("LIMS_AUDIT_KEY_FILE", str(DATA_DIR / "audit" / "audit.key")))
AUDIT_ANCHOR_FILE = environment.text("LIMS_AUDIT_ANCHOR_FILE")
LIBRARY_DIR = BASE_DIR / "library"

# --- Django -----------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "lims.accounts",
    "lims.audit",
    "lims.signatures",
    "lims.people",
    "lims.oversight",
    "lims.records",
    "labeling",
    "qc",
]
MIDDLEWARE = [
    # First what is said on every answer, whatever refuses below.
    "lims.headers.ContentSecurityPolicy",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "lims.headers.RefuseUnkeepable",
    "lims.rates.RateLimits",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "lims.accounts.sessions.IdleTimeOut",
    "lims.accounts.sessions.OpenDuties",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "lims.urls"
WSGI_APPLICATION = "lims.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Collected in production alone; elsewhere WhiteNoise serves static/ as it stands.
STATIC_ROOT = environment.text("LIMS_STATIC_ROOT", str(DATA_DIR / "static")) if PRODUCTION else None
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = DEBUG

# --- Who --------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/sign-in/"
# The site's; no user can change it. Work that was not saved stays in the browser and comes back after sign-in.
IDLE_MINUTES = environment.whole_number("LIMS_IDLE_MINUTES", 30)
# How long a signed review of who has access lasts before the next is due (21 CFR 11.300(b)).
ACCESS_REVIEW_DAYS = environment.whole_number("LIMS_ACCESS_REVIEW_DAYS", 180)
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
if TESTING:  # argon2 costs 0.3 s of a core on purpose; a test suite signs thousands of times
    PASSWORD_HASHERS.insert(0, "django.contrib.auth.hashers.MD5PasswordHasher")
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "lims.accounts.passwords.NotBreached"},
    {"NAME": "lims.accounts.passwords.NotUsedBefore"},
]
# SHA-1 hashes of leaked passwords in order, HASH:COUNT to a line; optional. docs/operations/sign-in.md
BREACHED_PASSWORDS_FILE = environment.text("LIMS_BREACHED_PASSWORDS_FILE")

# --- PostgreSQL -------------------------------------------------------------------------------------------------
# The server is lims_app, which owns nothing. Migrations alone say LIMS_DATABASE_ROLE=owner.
AS_OWNER = environment.choice("LIMS_DATABASE_ROLE", ("app", "owner"), "app") == "owner"
STATEMENT_TIMEOUT_MS = environment.whole_number("LIMS_STATEMENT_TIMEOUT_MS", 15_000)


def database() -> dict[str, Any]:
    if AS_OWNER:
        config = environment.database("DATABASE_OWNER_URL", LOCAL_OWNER_DATABASE)
    else:
        config = environment.database("DATABASE_URL", LOCAL_DATABASE)
        config["OPTIONS"]["options"] = f"-c statement_timeout={STATEMENT_TIMEOUT_MS}"
    config["OPTIONS"].setdefault("application_name", "oxinate")
    # A pool belongs to a process with threads: gunicorn asks for one. A Celery child is forked and has one task at a
    # time, tests copy databases, which an idle connection would forbid: both connect as they need.
    size = environment.whole_number("LIMS_DATABASE_POOL", 0)
    if size:
        config["OPTIONS"]["pool"] = {"min_size": 1, "max_size": size, "timeout": 10}
    # The health check spares the first requests after a restart of PostgreSQL an error each.
    return config | {"ATOMIC_REQUESTS": False, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True}


DATABASES = {"default": database()}

# --- REST -------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "lims.accounts.tokens.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["lims.accounts.permissions.SignedIn"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["lims.parsing.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "lims.pagination.NewestFirst",
    "DEFAULT_SCHEMA_CLASS": "lims.schema.RestSchema",
    "EXCEPTION_HANDLER": "lims.http.api_exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "COERCE_DECIMAL_TO_STRING": True,
    "UPLOADED_FILES_USE_URL": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Oxinate",
    "DESCRIPTION": "The LIMS for radiopharmacies that label cells with zirconium-89.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "SERVE_PERMISSIONS": ["lims.accounts.permissions.SignedIn"],
}

# --- What a browser may do --------------------------------------------------------------------------------------
# What a site's scanners send before each code, where they are set up so; without it a scan is told by its speed.
SCAN_PREFIX = environment.text("LIMS_SCAN_PREFIX", "")
CONTENT_SECURITY_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "font-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_NAME = "oxinate_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 8 * 3600
CSRF_COOKIE_HTTPONLY = False
CSRF_COOKIE_SAMESITE = "Lax"
DATA_UPLOAD_MAX_MEMORY_SIZE = 25 * 1024 * 1024
# Only where a proxy that we run appends X-Forwarded-For, and sets X-Forwarded-Proto and drops a client's own.
BEHIND_PROXY = environment.flag("LIMS_BEHIND_PROXY", default=False)
if PRODUCTION:
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^api/v1/health/$"]  # the container asks itself, without TLS
    SECURE_HSTS_SECONDS = environment.whole_number("LIMS_HSTS_SECONDS", 31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    if BEHIND_PROXY:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- Logging ----------------------------------------------------------------------------------------------------
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "class": "lims.logs.OneLine",
            "format": "{asctime} {levelname:<7} {name}: {message}",
            "style": "{",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": environment.text("LIMS_LOG_LEVEL", "INFO")},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        "celery.beat": {"level": "WARNING"},  # a line every three seconds says nothing
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "fontTools": {"level": "ERROR"},
        "weasyprint": {"level": "ERROR"},
    },
}
