"""What comes with a lot: its certificate, kept byte for byte, and the survey of its package."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from labeling.domain.quantities import parse_nonnegative
from labeling.domain.units import dimension_of, unit, wrong_unit
from labeling.models import CertificateFile, Equipment, Lot, LotCertificate, PackageSurvey
from labeling.selectors.clock import database_now
from labeling.services.equipment import find_equipment
from lims.accounts.actors import Actor
from lims.accounts.roles import Permission, require
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.errors import InvalidInput, NotFound

SURVEY_METER = "survey_meter"
LARGEST_CERTIFICATE = 10 * 1024 * 1024
# By its first bytes: what a browser or a file name says of the content is nobody's proof.
SIGNS = (
    (b"%PDF-", "application/pdf", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
    (b"\xff\xd8\xff", "image/jpeg", "jpg"),
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate of analysis as it was handed over."""

    content: bytes
    number: str
    issuer: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class KeptFile:
    sha256: str
    name: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Survey:
    """The survey of a package. Dose rates as {"value", "unit"}; `wipe_reading`, where there is one, likewise."""

    surface: Mapping[str, str]
    one_meter: Mapping[str, str]
    condition: str
    wipe: str
    wipe_reading: Mapping[str, str] | None = None
    at: datetime | None = None
    equipment: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came beside the lot itself, all optional. `quantity` is {"value", "unit"}; without it nobody counts."""

    supplier: str = ""
    order_number: str = ""
    chemical_form: str = ""
    nuclide: str = ""
    quantity: Mapping[str, str] | None = None
    certificate: Certificate | None = None
    survey: Survey | None = None


NOTHING_ELSE = Delivery()


def attach_certificate(*, actor: Actor, lot_id: int, certificate: Certificate) -> LotCertificate:
    """Add a certificate to a lot, before or after the lot was decided about. Earlier ones stay."""
    require(actor.user, Permission.RECEIVE_LOT)
    with operation(actor=actor, action="lot.certificate", subject=number_of(lot_id)) as op:
        return keep_certificate(op, Lot.objects.get(pk=lot_id), certificate)


def record_survey(*, actor: Actor, lot_id: int, survey: Survey) -> PackageSurvey:
    require(actor.user, Permission.RECEIVE_LOT)
    with operation(actor=actor, action="lot.survey", subject=number_of(lot_id)) as op:
        return keep_survey(op, Lot.objects.get(pk=lot_id), survey)


def number_of(lot_id: int) -> str:
    number = Lot.objects.filter(pk=lot_id).values_list("number", flat=True).first()
    if number is None:
        raise NotFound("There is no such lot.")
    return number


def keep_certificate(op: Operation, lot: Lot, certificate: Certificate) -> LotCertificate:
    if not certificate.number.strip() or not certificate.issuer.strip():
        missing = "certificate_number" if not certificate.number.strip() else "certificate_issuer"
        raise InvalidInput("Give the certificate's number and who issued it.", code="missing_value", field=missing)
    kept = keep_file(certificate.content, certificate.name)
    return LotCertificate.objects.create(
        lot=lot,
        number=certificate.number.strip(),
        issuer=certificate.issuer.strip(),
        name=kept.name,
        content_type=kept.content_type,
        size=len(certificate.content),
        file_id=kept.sha256,
        recorded_by=op.actor,
        operation=op,
    )


def keep_file(content: bytes, name: str) -> KeptFile:
    """Store the bytes of a certificate under their hash. Raises InvalidInput for what is no such file."""
    if len(content) > LARGEST_CERTIFICATE:
        raise InvalidInput("The certificate is larger than 10 MB.", code="too_large", field="file")
    content_type, ending = content_of(content)
    sha256 = hashlib.sha256(content).hexdigest()
    # Race: two people attach the same file; the second insertion waits for the first and finds it there.
    CertificateFile.objects.bulk_create([CertificateFile(sha256=sha256, content=content)], ignore_conflicts=True)
    return KeptFile(sha256, _file_name(name, ending), content_type)


def content_of(content: bytes) -> tuple[str, str]:
    """Media type and ending of a certificate. Raises InvalidInput for anything but a PDF, PNG or JPEG."""
    if not content:
        raise InvalidInput("Choose the certificate's file; this one is empty.", code="missing_value", field="file")
    for sign, content_type, ending in SIGNS:
        if content.startswith(sign):
            return content_type, ending
    raise InvalidInput("A certificate is a PDF, a PNG or a JPEG; this file is none.", code="wrong_file", field="file")


def _file_name(given: str, ending: str) -> str:
    """The name it came with, of harmless characters, with the ending of what it is."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", given.rpartition(".")[0] or given).strip("-.")[:100]
    return f"{stem or 'certificate'}.{ending}"


def keep_survey(op: Operation, lot: Lot, survey: Survey) -> PackageSurvey:
    now = database_now()
    at = survey.at or now
    if at > now:
        raise InvalidInput(
            "The package cannot have been surveyed in the future.", code="future_time", field="survey.at"
        )
    if survey.condition not in PackageSurvey.Condition.values:
        known = ", ".join(PackageSurvey.Condition.values)
        raise _not_known("survey.condition", survey.condition, known)
    if survey.wipe not in PackageSurvey.Wipe.values:
        raise _not_known("survey.wipe", survey.wipe, ", ".join(PackageSurvey.Wipe.values))
    return PackageSurvey.objects.create(
        lot=lot,
        surface=_measured(survey.surface, field="survey.surface", like=("uSv/h",)),
        one_meter=_measured(survey.one_meter, field="survey.one_meter", like=("uSv/h",)),
        wipe=survey.wipe,
        wipe_reading=_measured(survey.wipe_reading, field="survey.wipe_reading", like=("Bq", "1/s"))
        if survey.wipe_reading
        else None,
        condition=survey.condition,
        note=survey.note.strip(),
        equipment=_meter(survey.equipment),
        surveyed_at=at,
        surveyed_by=op.actor,
        operation=op,
    )


def _meter(code: str) -> Equipment | None:
    """The survey meter, where one is named. Dose rates and wipes are read on nothing else."""
    if not code.strip():
        return None
    meter = find_equipment(code.strip(), field="survey.equipment")
    if meter.kind != SURVEY_METER:
        raise InvalidInput(
            f"survey.equipment: {meter.code} is a {meter.kind.replace('_', ' ')}; a package is surveyed with a survey"
            " meter, one for contamination included.",
            code="wrong_instrument",
            field="survey.equipment",
        )
    return meter


def _measured(given: Mapping[str, Any], *, field: str, like: tuple[str, ...]) -> dict[str, str]:
    parse_nonnegative(given.get("value", ""), field=f"{field}.value")
    measured_in = unit(given.get("unit", ""), field=f"{field}.unit")
    if measured_in.dimension not in [dimension_of(symbol) for symbol in like]:
        raise wrong_unit(measured_in, dimension_of(like[0]), field=f"{field}.unit")
    return {"value": str(given["value"]).strip(), "unit": measured_in.symbol}


def _not_known(field: str, given: str, known: str) -> InvalidInput:
    if not given:
        return InvalidInput(f"{field}: say what was found: {known}.", code="missing_value", field=field)
    return InvalidInput(f"{field}: “{given}” is not known; known are {known}.", code="unknown_choice", field=field)
