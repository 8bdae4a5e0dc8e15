"""What is taken from a lot's stock: for an entry, or by hand with a reason. Nothing goes below zero."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from django.db.models import Sum

from labeling.domain.protocol import Field
from labeling.domain.stock import PIECE, Amount, amount_text, read_amount, unit_word
from labeling.models import Entry, Lot, Withdrawal
from labeling.services.receipts import number_of
from lims.accounts.actors import Actor
from lims.accounts.roles import Permission, require
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput

ONE = Amount(Decimal(1), PIECE)


def withdraw(*, actor: Actor, lot_id: int, amount: Mapping[str, str], reason: str) -> Withdrawal:
    """Take something out of a lot for which no entry speaks: a breakage, a sample, a test."""
    require(actor.user, Permission.RECEIVE_LOT)
    asked = read_amount(amount, field="amount")
    if not reason.strip():
        raise InvalidInput("Say what it was taken for.", code="reason_missing", field="reason")
    with operation(actor=actor, action="lot.withdraw", subject=number_of(lot_id), reason=reason.strip()) as op:
        lot = lock_lots(lot_id)[lot_id]
        if lot.quantity is None:
            raise Conflict(
                f"Nobody counts lot {lot.number}: it was received without a quantity.",
                code="not_counted",
                field="value",
            )
        return _take(op, lot, asked, reason=reason.strip())


def consume(op: Operation, entry: Entry, definition: Field, *, corrects: Entry | None) -> None:
    """Take what recording this entry uses up, and give back what the corrected one had taken. Inside `op`."""
    before = corrects if corrects is not None and corrects.lot_id is not None else None
    named = {pk for pk in (entry.lot_id, before.lot_id if before else None) if pk is not None}
    if not named:
        return
    lots = lock_lots(*named)
    if before is not None:
        _give_back(op, before, entry)
    lot = lots.get(entry.lot_id or 0)
    if lot is None or lot.quantity is None:
        return
    # One piece is the custom for what is counted; of a liquid or a powder the protocol has to say how much.
    used = definition.consumes or (ONE if lot.quantity_unit == PIECE else None)
    if used is not None:
        lot.refresh_from_db(fields=["taken"])
        _take(op, lot, used, entry=entry)


def lock_lots(*lot_ids: int) -> dict[int, Lot]:
    """The lots, locked until the operation ends, in one order everywhere, so that no two wait for each other."""
    rows = Lot.objects.select_for_update(of=("self",)).filter(pk__in=lot_ids).order_by("pk")
    return {lot.pk: lot for lot in rows}


def _take(op: Operation, lot: Lot, asked: Amount, *, entry: Entry | None = None, reason: str = "") -> Withdrawal:
    assert lot.left is not None, "a lot that nobody counts has no stock to take from"
    taken = asked.in_unit(lot.quantity_unit, field="amount")
    if taken > lot.left:
        rest = f"{amount_text(lot.left)} {unit_word(lot.quantity_unit, lot.left)}"
        said = f"Lot {lot.number} is used up." if not lot.left else f"Only {rest} of lot {lot.number} are left."
        raise Conflict(
            f"{said} {asked} cannot be taken; use another lot.",
            code="stock_too_low",
            field="value",
            left=amount_text(lot.left),
            unit=lot.quantity_unit,
        )
    return Withdrawal.objects.create(
        lot=lot, amount=taken, entry=entry, reason=reason, recorded_by=op.actor, operation=op
    )


def _give_back(op: Operation, corrected: Entry, correction: Entry) -> None:
    """What the corrected entry had taken, back into its lot, under the name of the correction."""
    taken = Withdrawal.objects.filter(entry=corrected, amount__gt=0)
    for lot_id, amount in taken.values_list("lot_id").annotate(Sum("amount")).order_by("lot_id"):
        Withdrawal.objects.create(lot_id=lot_id, amount=-amount, entry=correction, recorded_by=op.actor, operation=op)
