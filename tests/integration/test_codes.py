"""One code is one thing: the service says so in words, and the database keeps it against two people at once."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from labeling.domain.container_plan import plan_of
from labeling.models import Batch, Code, Container, Equipment, Lot
from labeling.selectors.clock import database_now
from labeling.services import containers, equipment
from labeling.services.containers import open_container
from labeling.services.equipment import register_equipment
from labeling.services.materials import receive_lot
from labeling.services.planning import plan_batch, start_batch
from lims.audit.operations import operation
from lims.errors import Conflict, DomainError
from tests.browser import small_batch
from tests.factories import People


def received(who: People, number: str) -> Lot:
    expires = database_now() + timedelta(days=9)
    return receive_lot(actor=who.operator, number=number, material="pbs", expires_at=expires)


@pytest.mark.requirement("CH4-9")
def test_a_code_is_one_thing_whatever_its_case(who: People) -> None:
    open_container(actor=who.operator, kind="waste", nuclide="Zr-89", code="Bin-1")
    with pytest.raises(Conflict, match="bin-1 is a container already") as refused:
        received(who, "bin-1")
    assert (refused.value.code, refused.value.details["field"]) == ("code_taken", "number")
    with pytest.raises(Conflict, match="There is a container BIN-1 already"):
        open_container(actor=who.operator, kind="waste", nuclide="Zr-89", code="BIN-1")
    assert Code.objects.get(code="BIN-1").kind == "container"


@pytest.mark.requirement("CH4-9")
def test_the_database_refuses_a_second_thing_of_that_code_and_a_hand_in_its_codes(who: People) -> None:
    received(who, "PBS-1")
    with (
        pytest.raises(IntegrityError, match="labeling_code_pkey"),
        operation(actor=who.operator, action="equipment.register"),
    ):
        Equipment.objects.create(code="pbs-1", kind="balance", registered_by=who.operator.user)
    with pytest.raises(Exception, match="permission denied"), transaction.atomic():
        Code.objects.create(code="MINE", kind="lot")
    with pytest.raises(Exception, match=r"permission denied|append-only"), transaction.atomic():
        Code.objects.all().delete()


@pytest.mark.requirement("CH4-9")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("same", [True, False], ids=["one code", "two codes"])
def test_of_two_things_given_one_code_at_once_one_is_there(
    who: People, monkeypatch: pytest.MonkeyPatch, same: bool
) -> None:
    """Both have looked, and neither was there yet."""
    gate = threading.Barrier(2, timeout=2)
    looked: set[str] = set()
    outcomes: list[str] = []

    def together(real: Callable[..., None]) -> Callable[..., None]:
        def look(*args: str, **named: str) -> None:
            real(*args, **named)
            if threading.current_thread().name not in looked:
                looked.add(threading.current_thread().name)
                with contextlib.suppress(threading.BrokenBarrierError):
                    gate.wait()

        return look

    for module in (containers, equipment):
        monkeypatch.setattr(module, "refuse_known", together(module.refuse_known))

    def attempt(do: Callable[[], object]) -> None:
        try:
            do()
            outcomes.append("there")
        except DomainError as refusal:
            outcomes.append(refusal.code)
        finally:
            connection.close()

    deeds = (
        lambda: open_container(actor=who.operator, kind="waste", nuclide="Zr-89", code="X-1"),
        lambda: register_equipment(actor=who.operator, code="x-1" if same else "X-2", kind="balance"),
    )
    threads = [threading.Thread(target=attempt, args=[deed]) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == (["code_taken", "there"] if same else ["there", "there"])
    assert Container.objects.count() + Equipment.objects.count() == (1 if same else 2)


@pytest.mark.requirement("CH4-9")
def test_numbers_of_our_own_step_over_codes_that_others_bear(db: None) -> None:
    who = small_batch.laboratory()
    year = timezone.localdate().year
    first = plan_batch(actor=who.operator, protocol="small").number
    taken = f"{first[:-4]}{int(first[-4:]) + 1:04d}"
    received(who, taken)
    received(who, f"C-{year}-0001")
    following = plan_batch(actor=who.operator, protocol="small").number
    assert int(following[-4:]) == int(first[-4:]) + 2
    assert open_container(actor=who.operator, kind="waste", nuclide="Zr-89").code == f"C-{year}-0002"


@pytest.mark.requirement("CH4-9")
def test_a_batch_whose_container_would_bear_a_taken_code_says_so(laboratory: People) -> None:
    batch = plan_batch(actor=laboratory.operator, protocol="zr89-oxine-kit")
    number, plan = batch.number, plan_of(batch.protocol_version.document)
    assert plan is not None
    received(laboratory, f"{number}-{plan.vessels[0].key}")
    with pytest.raises(Conflict, match="Plan another batch"):
        start_batch(actor=laboratory.operator, number=number)
    assert Batch.objects.get(number=number).status == "planned"
