"""What is watched over: the review of an audit trail, and alarms with their acknowledgement. All append-only."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from lims.accounts.models import User
from lims.audit.models import Operation
from lims.signatures.models import Signature


class AuditReview(models.Model):
    """Somebody has reviewed the audit trail of a subject up to an event, and signed for it.

    `events` is how many events the trail had then. The number of the last one alone would not do: an operation takes
    its number before it waits for the lock, so one that was not seen yet may come to stand below it.
    """

    subject = models.CharField(max_length=120)
    up_to = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="+")
    events = models.PositiveIntegerField()
    signature = models.OneToOneField(Signature, on_delete=models.PROTECT, related_name="audit_review")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["subject", "id"], name="audit_review_by_subject")]

    def __str__(self) -> str:
        return f"{self.subject} up to event {self.up_to_id}"


class Alarm(models.Model):
    """Something that a person has to look at. It is open until one has acknowledged it, with a comment."""

    class Kind(models.TextChoices):
        LOCKOUT = "lockout", "Account locked"
        CLOCK = "clock", "Clock"
        INSTRUMENT_CLOCK = "instrument_clock", "Clock of an instrument"
        CHECK_FAILED = "check_failed", "Instrument check failed"
        NOT_PRINTED = "not_printed", "Record not printed"
        DEMO_ACCOUNTS = "demo_accounts", "Demo accounts in production"
        ACCESS_REVIEW = "access_review", "Access review overdue"
        RESTATED = "restated", "Released batch restated"
        ANOTHER_IDENTITY = "another_identity", "Another identity"
        TRAIL_BROKEN = "trail_broken", "Audit trail does not verify"
        LICENCE_EXCEEDED = "licence_exceeded", "Above the licence"
        INSTRUMENT_DUE = "instrument_due", "Instrument overdue or failed"
        TIMER_MISSED = "timer_missed", "Timer not stopped"
        EXPIRED_IN_USE = "expired_in_use", "Expired while in use"

    class Severity(models.TextChoices):
        WARNING = "warning", "Warning"
        CRITICAL = "critical", "Critical"

    kind = models.CharField(max_length=20, choices=Kind)
    severity = models.CharField(max_length=8, choices=Severity)
    subject = models.CharField(max_length=120)
    text = models.TextField()
    # What raised it, where that happens once: a second report of the same event finds it here and adds nothing.
    cause = models.CharField(max_length=120, null=True, unique=True)
    raised_at = models.DateTimeField(db_default=Now(), editable=False)
    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="alarm_says_what", condition=~Q(text="") & ~Q(subject="")),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.subject}"


class Acknowledgement(models.Model):
    """A person has looked at an alarm and said what they made of it."""

    alarm = models.OneToOneField(Alarm, on_delete=models.PROTECT, related_name="acknowledgement")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=24)
    comment = models.TextField()
    at = models.DateTimeField(db_default=Now(), editable=False)
    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="acknowledgement_has_a_comment", condition=Q(comment__regex=r"\S")),
        ]


class TrailWalk(models.Model):
    """How far the watch has verified the seals: the newest blocks each minute, the whole chain once a day.

    Only a place to go on from, so it is changed outside the trail; `verify_audit` does not rest on it.
    """

    class Kind(models.TextChoices):
        NEWEST = "newest", "The newest blocks"
        WHOLE = "whole", "The whole trail"

    kind = models.CharField(primary_key=True, max_length=8, choices=Kind)
    block = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, blank=True)
    # For each server up to which transaction the blocks reach.
    until = models.JSONField(default=dict)
    rows = models.BigIntegerField(default=0)
    findings = models.IntegerField(default=0)
    looked_at = models.DateTimeField(null=True)
    # When the whole was through; empty while it is under way.
    ended_at = models.DateTimeField(null=True)
    claimed_at = models.DateTimeField(null=True)


class TrailSample(models.Model):
    """Acts of a period picked at random for a review of the site's trail. Whoever has the seed picks the same again."""

    since = models.DateTimeField()
    until = models.DateTimeField()
    population = models.PositiveIntegerField()
    seed = models.CharField(max_length=32)
    events = models.JSONField()
    drawn_at = models.DateTimeField(db_default=Now(), editable=False)
    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="sample_of_a_period", condition=Q(until__gt=models.F("since"))),
        ]


class PeriodReview(models.Model):
    """Somebody has looked at a sample and at the exceptions of its period, said what they found, and signed."""

    sample = models.OneToOneField(TrailSample, on_delete=models.PROTECT, related_name="review")
    exceptions = models.PositiveIntegerField()
    findings = models.TextField()
    signature = models.OneToOneField(Signature, on_delete=models.PROTECT, related_name="period_review")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="period_review_says_what_was_found", condition=Q(findings__regex=r"\S")),
        ]
