"""People as the program knows them: a user, what proves it, what lets them sign, and the log of who came and went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower, Now

SYSTEM_USERNAME = "system"


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        """Usernames are unique without regard to case (21 CFR 11.300(a))."""
        return self.get(username__iexact=username or "")


class User(AbstractBaseUser):
    """A person, or the named system user. Deactivated, never deleted; a username is never reused."""

    # Sign-ins and hash upgrades happen outside audited operations, and no hash may reach the audit trail:
    # both therefore live in tables of their own (Secret, AccessEvent).
    password = None  # type: ignore[assignment]
    last_login = None

    username = models.CharField(max_length=64, unique=True)
    full_name = models.CharField(max_length=120)
    roles = ArrayField(models.CharField(max_length=24), default=list)
    is_active = models.BooleanField(default=True)
    enrolled_at = models.DateTimeField(db_default=Now(), editable=False)
    # The permissions that a scoped token leaves, on the user whom it brought; None leaves all that the roles grant.
    limited_to: frozenset[str] | None = None

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["full_name"]
    objects = UserManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("username"), name="user_username_unique_in_any_case"),
            models.CheckConstraint(name="user_has_a_name", condition=~models.Q(full_name="")),
        ]

    def __str__(self) -> str:
        return f"{self.full_name} ({self.username})"

    @property
    def role_names(self) -> Sequence[str]:
        return list(self.roles)

    def get_full_name(self) -> str:
        return self.full_name

    def set_password(self, raw_password: str | None) -> None:
        """Hash always, so that an unknown username costs the same time; store where the user exists."""
        self.keep_password(make_password(raw_password))

    def keep_password(self, encoded: str) -> None:
        """Store a hash that was made before any row was locked: hashing takes a third of a second."""
        if self.pk is not None:
            Secret.objects.update_or_create(user=self, defaults={"encoded": encoded})

    def check_password(self, raw_password: str | None) -> bool:
        secret = Secret.objects.filter(user=self).first()
        if secret is None:
            make_password(raw_password)
            return False
        return check_password(raw_password, secret.encoded, setter=self.set_password)

    def get_session_auth_hash(self) -> str:
        """A changed password or a revoked factor ends every session of its owner."""
        from django.utils.crypto import salted_hmac

        secret = Secret.objects.filter(user=self).first()
        # Not the hash itself: argon2's parameters may be raised at a sign-in, which ends no other session.
        state = f"{secret.generation}" if secret else ""
        return salted_hmac("lims.accounts.session", f"{self.pk}:{state}", algorithm="sha256").hexdigest()

    def get_session_auth_fallback_hash(self) -> list[str]:
        return []


class Secret(models.Model):
    """The password of a user, as argon2 left it, and how often it was missed since it was last right."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="secret")
    encoded = models.CharField(max_length=256)
    changed_at = models.DateTimeField(db_default=Now())
    # Counts up when every session and token of its owner has to end.
    generation = models.IntegerField(default=0)
    # An administrator set it: its owner may do nothing before choosing another.
    must_change = models.BooleanField(default=False)
    failures = models.SmallIntegerField(default=0)
    locked_at = models.DateTimeField(null=True)
    # Identity checks up to this row were made before a second factor was revoked, and count no more.
    checks_void_to = models.BigIntegerField(default=0)


class EarlierPassword(models.Model):
    """A password that its owner used before, as argon2 left it: it is not chosen again (SIG-9)."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="earlier_passwords")
    encoded = models.CharField(max_length=256)
    until = models.DateTimeField(db_default=Now())


class Factor(models.Model):
    """The second factor: an authenticator with one-time codes (RFC 6238). Its secret is encrypted with a key that the
    database does not hold, and never enters the audit trail."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="factor")
    sealed = models.CharField(max_length=256)
    created_at = models.DateTimeField(db_default=Now())
    # Empty until its owner has shown a first code.
    confirmed_at = models.DateTimeField(null=True)
    # The newest time step whose code was accepted: no code is good twice.
    last_step = models.BigIntegerField(default=0)
    # Digests; one that was used is taken out.
    recovery = ArrayField(models.CharField(max_length=64), default=list)


class SecurityKey(models.Model):
    """A security key of a person (WebAuthn), beside their authenticator: its public half, and nothing secret."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="security_keys")
    name = models.CharField(max_length=60)
    # As the key calls itself, in base64url. Never deleted, so that a revoked key is not added again.
    credential = models.CharField(max_length=1400, unique=True)
    public_key = models.BinaryField()
    added_at = models.DateTimeField(db_default=Now())
    # Empty until it has been touched a second time, to show that it answers.
    confirmed_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="security_key_has_a_name", condition=~models.Q(name="")),
        ]


class SecurityKeyUse(models.Model):
    """How many touches a key has counted. It goes up at a sign-in, where no audited act is under way."""

    key = models.OneToOneField(SecurityKey, on_delete=models.PROTECT, related_name="use")
    sign_count = models.BigIntegerField(default=0)
    used_at = models.DateTimeField(null=True)


class KeyChallenge(models.Model):
    """What a security key was asked and has not answered yet. The answer takes it away."""

    challenge = models.CharField(max_length=120, unique=True)
    use = models.CharField(max_length=8)
    username = models.CharField(max_length=150)
    seat = models.CharField(max_length=80)
    origin = models.CharField(max_length=300)
    at = models.DateTimeField()


class IdentityCheck(models.Model):
    """Somebody looked at who this person is, before they could sign (21 CFR 11.100(b)). Append-only."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="identity_checks")
    checked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    how = models.CharField(max_length=400)
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="identity_check_says_how", condition=~models.Q(how="")),
        ]


class Acceptance(models.Model):
    """A person accepted a version of the statement on signatures (21 CFR 11.10(j)). Append-only."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="acceptances")
    version = models.SmallIntegerField()
    sha256 = models.CharField(max_length=64)
    factors = models.CharField(max_length=64)
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "version", "sha256"], name="acceptance_once_per_version"),
        ]


class SigningSequence(models.Model):
    """A run of signatures by one person at one seat (a session or a token), begun with all factors."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    seat = models.CharField(max_length=80)
    address = models.CharField(max_length=64)
    roles = ArrayField(models.CharField(max_length=24))
    generation = models.IntegerField()
    last_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "seat"], name="signing_sequence_once_per_seat"),
        ]


class Token(models.Model):
    """A bearer token of the REST interface. Only its SHA-256 is kept; it expires and dies with its owner's account."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="tokens")
    sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    # A token that nobody uses ends like a session.
    used_at = models.DateTimeField(db_default=Now())
    # What it is limited to; empty is everything that its owner's roles may do.
    scopes = ArrayField(models.CharField(max_length=16), default=list)
    # What its owner showed to get it, joined by "+". Blank in tokens from before this was kept.
    factors = models.CharField(max_length=64, blank=True, default="")
    address = models.CharField(max_length=64, blank=True, default="")


class AccessEvent(models.Model):
    """Who came, who was turned away, which signing was refused. Append-only (21 CFR 11.300(d))."""

    class Kind(models.TextChoices):
        SIGNED_IN = "signed_in", "signed in"
        SIGN_IN_REFUSED = "sign_in_refused", "sign-in refused"
        SIGNED_OUT = "signed_out", "signed out"
        TIMED_OUT = "timed_out", "timed out"
        LOCKED = "locked", "locked out"
        SIGNING_REFUSED = "signing_refused", "signing refused"
        TOKEN_ISSUED = "token_issued", "token issued"
        TOKEN_ENDED = "token_ended", "token ended"
        UNTRAINED = "untrained", "refused for want of training"
        CREDENTIAL_WRITTEN = "credential_written", "credential written outside an audited act"

    kind = models.CharField(max_length=20, choices=Kind)
    username = models.CharField(max_length=150)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True)
    purpose = models.CharField(max_length=64, blank=True)
    # The code of the refusal, where there was one.
    why = models.CharField(max_length=40, blank=True, default="")
    address = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(db_default=Now())
