"""What happened: one operation for each human intention, and the rows it touched as PostgreSQL saw them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from lims.accounts.models import User


class Operation(models.Model):
    """One intentional act by one person: who, in which role, what, upon what, why, from where, when."""

    actor = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=120)
    action = models.CharField(max_length=64)
    subject = models.CharField(max_length=120, blank=True)
    reason = models.TextField(blank=True)
    source = models.CharField(max_length=8)
    address = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(db_default=Now(), editable=False)
    # The transaction it belongs to; the capture trigger accepts no other.
    txid = models.BigIntegerField(
        db_default=models.Func(function="txid_current", output_field=models.BigIntegerField()), editable=False
    )
    # The server whose transaction that is (its system identifier): a restored database may count from one again.
    cluster = models.BigIntegerField(
        db_default=models.Func(
            template="(pg_control_system()).system_identifier", output_field=models.BigIntegerField()
        ),
        editable=False,
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["subject", "id"], name="operation_by_subject"),
            models.Index(fields=["cluster", "txid", "id"], name="operation_by_transaction"),
            # What the trail of the site is looked through by: a person, an act, an instant, a table.
            models.Index(fields=["actor", "id"], name="operation_by_actor"),
            models.Index(fields=["action", "id"], name="operation_by_action"),
            models.Index(fields=["at", "id"], name="operation_by_instant"),
            models.Index(fields=["action", "id"], condition=~models.Q(reason=""), name="operation_explained"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}".strip()


class Change(models.Model):
    """One row written. Filled by triggers alone: the server's role may only read it."""

    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="changes")
    table_name = models.CharField(max_length=64)
    row_pk = models.CharField(max_length=64)
    verb = models.CharField(max_length=6)
    old_row = models.JSONField(null=True)
    new_row = models.JSONField(null=True)
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["table_name", "operation"], name="change_by_table")]


class Block(models.Model):
    """A seal over everything that a range of ended transactions left in the trail. Append-only.

    `leaves` lists the rows with the digest of each, so that a row that differs can be named; `root` is the Merkle root
    over these digests, `hash` the SHA-256 of all that the block says with the hash of the block before, and `mac`
    authenticates the same bytes under a key that the database does not hold.
    """

    number = models.BigIntegerField(primary_key=True)
    form = models.SmallIntegerField()
    cluster = models.BigIntegerField()
    from_txid = models.BigIntegerField()
    until_txid = models.BigIntegerField()
    operations = models.IntegerField()
    changes = models.IntegerField()
    leaves = models.BinaryField()
    root = models.CharField(max_length=64)
    previous_hash = models.CharField(max_length=64)
    key = models.CharField(max_length=16)
    sealed_at = models.DateTimeField()
    hash = models.CharField(max_length=64)
    mac = models.CharField(max_length=64)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="block_covers_something",
                condition=models.Q(until_txid__gt=models.F("from_txid"), operations__gt=0, number__gt=0),
            ),
            models.UniqueConstraint(fields=["previous_hash"], name="block_chain_has_no_fork"),
        ]
        indexes: ClassVar = [models.Index(fields=["cluster", "-number"], name="block_by_cluster")]

    def __str__(self) -> str:
        return f"block {self.number}"

    @property
    def entries(self) -> bytes:
        return bytes(self.leaves)


class Submission(models.Model):
    """The first answer to a request that carried an Idempotency-Key; the same request is answered with it again."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=200)
    request_sha256 = models.CharField(max_length=64)
    status = models.SmallIntegerField(null=True)
    answer = models.JSONField(null=True)
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "key"], name="submission_once_per_key")]
