"""What everybody accepts before they can sign (21 CFR 11.10(j)). A new text is a new version, and asks again."""

from __future__ import annotations

import hashlib

from lims.accounts.models import Acceptance, User

VERSION = 1
TEXT = """\
My electronic signature is the legally binding equivalent of my handwritten signature.

I am accountable for every act that is carried out under it. I sign only what I have read, only with my own username,
password and one-time code, and only as myself.

I give my password, my authenticator and my recovery codes to nobody, and I never sign with those of another person.
If I believe that somebody else knows or holds one of them, I tell an administrator at once.

I understand that each signature is recorded with my name, its meaning and its time, and that it cannot be withdrawn
or removed."""
SHA256 = hashlib.sha256(TEXT.encode()).hexdigest()


def has_accepted(user: User) -> bool:
    return Acceptance.objects.filter(user=user, version=VERSION, sha256=SHA256).exists()
