"""No operation, no write; nothing recorded is ever changed. Each way around is tried as the server's own role."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import Error, IntegrityError, ProgrammingError, connection, transaction
from django.db.models import PROTECT, ForeignKey

from labeling.models import Batch, Entry, Lot, Result
from lims.accounts.models import User
from lims.audit.models import Change, Operation
from lims.audit.operations import operation
from lims.errors import Conflict
from lims.records.models import Document
from lims.signatures.models import Signature
from qc.models import TestResult
from tests import factories
from tests.factories import People

APPEND_ONLY: list[Any] = [Entry, Result, Signature, TestResult, Change, Operation]
LAYERS = ["contenttypes", "auth", "sessions", "accounts", "audit", "signatures", "people", "oversight", "records"]
LAYERS += ["labeling", "qc"]
# Kept outside the trail on purpose, each for its reason.
UNTRACKED = {
    "accounts_secret": "password hashes never enter the trail, and a re-hash happens at sign-in",
    "accounts_earlierpassword": "hashes of passwords chosen before; choosing a new one is an operation",
    "accounts_factor": "secrets of authenticators never enter the trail; setting up and revoking are operations",
    "accounts_securitykeyuse": "touches that a key has counted, which go up at a sign-in; the key is in the trail",
    "accounts_keychallenge": "what a key was asked and has not answered; it is gone after two minutes",
    "accounts_signingsequence": "when somebody last signed at a seat; the signatures themselves are in the trail",
    "accounts_token": "digests of tokens",
    "accounts_accessevent": "a log of its own, append-only",
    "oversight_trailwalk": "how far the watch has come; verification does not rest on it",
    "audit_block": "the seals over the trail, append-only",
    "audit_operation": "the trail itself",
    "audit_change": "the trail itself",
    "audit_submission": "answers to repeated requests",
    "labeling_code": "filled by triggers from rows that are in the trail",
    "labeling_scancontent": "bytes; the row beside them, which is in the trail, holds their hash",
    "labeling_certificatefile": "the bytes under the hash that stands in the trail with the certificate",
    "records_document": "guarded by a trigger of its own",
}


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.requirement("AUD-3")
def test_the_server_logs_in_as_a_role_that_owns_nothing(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, session_user")
        assert cursor.fetchone() == ("lims_app", "lims_app")
        cursor.execute("SELECT count(*) FROM pg_class WHERE relowner = 'lims_app'::regrole")
        assert cursor.fetchone() == (0,)
        cursor.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname='lims_app'"
        )
        assert cursor.fetchone() == (False, False, False, False)


@pytest.mark.requirement("AUD-4")
@pytest.mark.parametrize(
    "write",
    [
        lambda batch: Batch.objects.filter(pk=batch.pk).update(start_reason="X"),
        lambda batch: batch.save(),
        lambda batch: Batch.objects.bulk_update([batch], ["identity"]),
        lambda batch: sql("UPDATE labeling_batch SET start_reason = 'X'"),
        lambda batch: sql(
            "INSERT INTO labeling_lot SELECT * FROM labeling_lot LIMIT 0; UPDATE labeling_lot SET name='X'"
        ),
        lambda batch: Lot.objects.bulk_create(
            [Lot(number="X", material="m", expires_at=batch.planned_at, received_by_id=1)]
        ),
        lambda batch: sql(
            "SELECT set_config('lims.operation', '1', true); UPDATE labeling_batch SET start_reason = 'X'"
        ),
    ],
)
def test_a_write_outside_an_operation_is_refused(ready: Batch, write: Callable[[Batch], object]) -> None:
    with pytest.raises(IntegrityError, match="outside an audited operation"), transaction.atomic():
        write(ready)


@pytest.mark.requirement("AUD-2")
@pytest.mark.requirement("CI-1")
def test_a_write_inside_an_operation_leaves_the_old_and_the_new_row(who: People) -> None:
    lot = factories.lot(who, "L-1", "oxalate", accepted=False)
    with operation(actor=who.operator, action="lot.rename", subject="L-1", reason="wrong name") as op:
        Lot.objects.filter(pk=lot.pk).update(name="oxalate, second vial")
    change = Change.objects.get(operation=op)
    assert change.old_row is not None
    assert change.new_row is not None
    assert (change.verb, change.old_row["name"], change.new_row["name"]) == ("UPDATE", "", "oxalate, second vial")
    assert (op.actor, op.reason, op.role) == (who.operator.user, "wrong name", "operator")


@pytest.mark.requirement("AUD-2")
def test_a_refused_operation_leaves_nothing(who: People) -> None:
    before = Operation.objects.count(), Change.objects.count()
    lot = Lot(number="X", material="m", expires_at="2030-01-01T00:00Z", received_by=who.operator.user)

    def receive_and_fail() -> None:
        with operation(actor=who.operator, action="lot.receive", subject="X"):
            lot.save()
            raise Conflict("The vial is broken.")

    with pytest.raises(Conflict):
        receive_and_fail()
    assert (Operation.objects.count(), Change.objects.count()) == before


@pytest.mark.requirement("P11-10e")
@pytest.mark.requirement("P11-50b")
@pytest.mark.requirement("A11D-12")
@pytest.mark.parametrize("model", APPEND_ONLY)
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_what_was_recorded_is_never_changed(ready: Batch, model: Any, statement: str) -> None:
    assert model.objects.exists()
    attack = statement.format(model._meta.db_table)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        sql(attack)


@pytest.mark.requirement("AUD-3")
@pytest.mark.requirement("A11D-12")
@pytest.mark.parametrize("table", ["audit_change", "labeling_batch", "accounts_user"])
def test_the_server_cannot_switch_the_trail_off(db: None, table: str) -> None:
    for attack in (
        f"ALTER TABLE {table} DISABLE TRIGGER ALL",
        f"DROP TABLE {table} CASCADE",
        "SET session_replication_role = replica",
        "SET ROLE lims_owner",
        "DROP FUNCTION audit_capture() CASCADE",
        "CREATE OR REPLACE FUNCTION audit_capture() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    ):
        with pytest.raises(Error), transaction.atomic():
            sql(attack)


@pytest.mark.requirement("AUD-3")
def test_the_server_cannot_write_the_trail_itself(who: People) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        operation(actor=who.operator, action="forge") as op,
    ):
        Change.objects.create(operation=op, table_name="labeling_entry", row_pk="1", verb="INSERT", at=op.at)


@pytest.mark.requirement("AUD-3")
@pytest.mark.django_db(transaction=True)
def test_an_operation_of_an_earlier_transaction_is_not_reused(who: People) -> None:
    """Under `db` a test is one transaction, so this one commits: it needs a database of its own."""
    lot = factories.lot(who, "L-1", "oxalate", accepted=False)
    number = Operation.objects.latest("id").pk
    with (
        pytest.raises(IntegrityError, match="outside an audited operation"),
        transaction.atomic(),
    ):
        sql(
            f"SELECT set_config('lims.operation', '{number}', true);"
            f"UPDATE labeling_lot SET name = 'X' WHERE id = {lot.pk}"
        )


@pytest.mark.requirement("PET-20a")
def test_the_text_of_a_version_is_immutable(laboratory: People) -> None:
    with (
        pytest.raises(IntegrityError, match="immutable"),
        operation(actor=laboratory.quality, action="attack"),
    ):
        sql("UPDATE labeling_protocolversion SET text = text || ' '")


@pytest.mark.requirement("P11-10c")
@pytest.mark.parametrize("model", [Batch, Lot, User])
def test_nothing_is_deleted(ready: Batch, model: Any) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        sql(f"DELETE FROM {model._meta.db_table}")


@pytest.mark.requirement("PET-70d")
def test_a_requested_record_is_frozen(laboratory: People, ready: Batch) -> None:
    from qc.services.disposition import release_batch

    release_batch(actor=laboratory.releaser, number=ready.number, credential=factories.credential("releaser"))
    changes: list[dict[str, Any]] = [{"context": {}}, {"number": "other"}, {"template": "x.html"}]
    for change in changes:
        with pytest.raises(Error), transaction.atomic():
            Document.objects.filter(subject=ready.number).update(**change)
    with pytest.raises(Error), transaction.atomic():
        Document.objects.filter(subject=ready.number).delete()


def test_no_password_hash_reaches_the_trail(who: People) -> None:
    rows = list(Change.objects.filter(table_name="accounts_user").values_list("new_row", flat=True))
    assert rows
    assert not any("argon2" in str(row) or "md5" in str(row) or "encoded" in str(row) for row in rows)


@pytest.mark.requirement("P11-SA1")
@pytest.mark.requirement("A11D-12")
def test_every_table_is_in_the_trail_or_says_why_not(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE %s AND tgenabled = 'O'",
            ["%_audit_insert"],
        )
        tracked = {row[0] for row in cursor.fetchall()}
    ours = {
        model._meta.db_table
        for config in apps.get_app_configs()
        if config.name.startswith(("lims.", "labeling", "qc"))
        for model in config.get_models()
    }
    assert ours == tracked | UNTRACKED.keys()


def test_foreign_keys_point_down(db: None) -> None:
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if isinstance(field, ForeignKey):
                above, below = model._meta.app_label, field.related_model._meta.app_label
                assert LAYERS.index(below) <= LAYERS.index(above), field
                assert field.remote_field.on_delete is PROTECT or above == "auth", field


@pytest.mark.requirement("P11-10f")
@pytest.mark.parametrize(
    ("attack", "answer"),
    [
        ("UPDATE labeling_batch SET status = 'in_progress'", "cannot go from quarantine to in_progress"),
        ("UPDATE labeling_batch SET number = 'S-1'", "does not change"),
        (
            "INSERT INTO labeling_verification (batch_id, step, signature_id) SELECT id, 'x', 1 FROM labeling_batch",
            "not in progress",
        ),
    ],
)
def test_the_database_keeps_the_table_of_statuses(laboratory: People, ready: Batch, attack: str, answer: str) -> None:
    with (
        pytest.raises(IntegrityError, match=answer),
        operation(actor=laboratory.quality, action="attack", subject=ready.number),
    ):
        sql(attack)


@pytest.mark.requirement("P11-10f")
@pytest.mark.requirement("A11D-17")
def test_a_decided_batch_is_final_in_the_database(laboratory: People) -> None:
    batch = factories.released(laboratory)
    for change in ("status = 'quarantine'", "expires_at = now()", "start_reason = 'x'"):
        with (
            pytest.raises(IntegrityError, match="final"),
            operation(actor=laboratory.quality, action="attack", subject=batch.number),
        ):
            sql(f"UPDATE labeling_batch SET {change} WHERE number = '{batch.number}'")


@pytest.mark.requirement("TIM-1")
def test_no_client_can_say_when_something_was_recorded(who: People) -> None:
    from datetime import UTC, datetime

    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    forged = Operation.objects.create(
        actor=who.operator.user, role="operator", action="forge", source="rest", at=long_ago, txid=1
    )
    forged.refresh_from_db()
    assert forged.at > long_ago
    assert forged.txid != 1
