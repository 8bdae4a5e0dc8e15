"""Before the first batch: instruments with their checks, lots received and accepted, documents in force."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

from campaign_file import Campaign, CampaignFileError
from oxinate_client import Json, Oxinate, RefusedError, UnusableError, segment

Say = Callable[[str], None]

CHECK_BEFORE_READING = timedelta(minutes=10)

# What takes a document from one status to the next, and whose part it is.
ADOPTION = {
    "draft": ("submit", "reviewer"),
    "submitted": ("approve", "quality"),
    "approved": ("make-effective", "quality"),
}
MOST_ACTS = 6  # two for each step: somebody else may have done it first


@dataclass(frozen=True, slots=True)
class Stock:
    """The file's numbers, identities and instruments, as this server knows them."""

    names: dict[str, str]
    instruments: dict[str, str]


def prepare_stock(lims: Oxinate, campaign: Campaign, *, time_zone: str, say: Say) -> Stock:
    stock = Stock(names=_free_names(lims, campaign), instruments=_register_equipment(lims, campaign))
    renamed = [new for old, new in (stock.names | stock.instruments).items() if old != new]
    if renamed:
        say(f"On the server already, so under another name: {', '.join(renamed)}.")
    for code, at in _checks(campaign, stock, ZoneInfo(time_zone)):
        body = {"at": at.isoformat(), "outcome": "pass", "note": "Daily check, recorded with the campaign."}
        lims.post(f"equipment/{segment(code)}/checks/", body, role="operator", about=f"Check of {code}")
        say(f"Instrument {code}: checked {at.isoformat()}.")
    for lot in campaign.lots:
        received = _receive(lims, lot, stock)
        about = f"Accepting lot {received['number']}"
        lims.sign(f"lots/{received['id']}/accept/", {}, role="quality", about=about)
        say(f"Lot {received['number']} ({lot['material']}): received and accepted.")
    return stock


def _receive(lims: Oxinate, lot: Json, stock: Stock) -> Json:
    body = {
        key: value
        for key, value in lot.items()
        if key in {"material", "kind", "name", "expires_at", "stated", "volume"}
    }
    if "identity" in lot:
        body["identity"] = stock.names[lot["identity"]]
    if "received" in lot:
        code = lot["received"].get("equipment", "")
        body["received"] = {**lot["received"], "equipment": stock.instruments.get(code, code)}
    while True:
        number = stock.names[lot["lot"]]
        try:
            received: Json = lims.post(
                "lots/", {**body, "number": number}, role="operator", about=f"Receiving {number}"
            )
        except RefusedError as refusal:
            if refusal.code != "already_exists":
                raise
            # Somebody received a lot of this number since we asked: another campaign runs at the same time.
            stock.names[lot["lot"]] = _free_prefix([lot["lot"]], known=lambda name: _lot_known(lims, name)) + lot["lot"]
            continue
        return received


def _free_names(lims: Oxinate, campaign: Campaign) -> dict[str, str]:
    """Each lot and identity number of the file, with a prefix where the server has it already."""
    numbers = {lot["lot"] for lot in campaign.lots}
    identities = {lot["identity"] for lot in campaign.lots if "identity" in lot}
    identities |= {plan["identity"] for _, plan in campaign.batches if "identity" in plan}
    taken = {name for name in numbers if _lot_known(lims, name)}
    taken |= {name for name in identities if _identity_known(lims, name)}
    # Cells and their identity belong together: where one has to be renamed, so has the other.
    taken |= {lot["identity"] for lot in campaign.lots if "identity" in lot and lot["lot"] in taken}
    taken |= {lot["lot"] for lot in campaign.lots if lot.get("identity") in taken}
    prefix = _free_prefix(taken, known=lambda name: _lot_known(lims, name) or _identity_known(lims, name))
    return {name: prefix + name if name in taken else name for name in sorted(numbers | identities)}


def _free_prefix(names: Iterable[str], *, known: Callable[[str], bool]) -> str:
    run = 2
    while any(known(f"R{run}-{name}") for name in names):
        run += 1
    return f"R{run}-"


def _lot_known(lims: Oxinate, number: str) -> bool:
    return any(lot["number"] == number for lot in lims.get_all("lots/", role="operator", number=number))


def _identity_known(lims: Oxinate, identity: str) -> bool:
    return any(
        row.get("identity") == identity
        for resource in ("lots/", "batches/")
        for row in lims.get_all(resource, role="operator", identity=identity)
    )


def _register_equipment(lims: Oxinate, campaign: Campaign) -> dict[str, str]:
    """A code that stands for an instrument of another kind on this server gets a prefix."""
    codes: dict[str, str] = {}
    for instrument in campaign.equipment:
        code, run = instrument["code"], 1
        known = _found(lims, f"equipment/{segment(code)}/")
        while known is not None and known["kind"] != instrument["kind"]:
            run += 1
            code = f"R{run}-{instrument['code']}"
            known = _found(lims, f"equipment/{segment(code)}/")
        if known is None:
            lims.post(
                "equipment/", {**instrument, "code": code}, role="operator", about=f"Registering instrument {code}"
            )
        codes[instrument["code"]] = code
    return codes


def _register(lims: Oxinate, instrument: Json) -> None:
    try:
        lims.post("equipment/", instrument, role="operator", about=f"Registering instrument {instrument['code']}")
    except RefusedError as refusal:
        if refusal.code != "already_exists":  # registered by another campaign that runs at the same time
            raise


def _checks(campaign: Campaign, stock: Stock, zone: ZoneInfo) -> list[tuple[str, datetime]]:
    """One check for each day at the site on which an instrument is read: shortly before its first reading."""
    first: dict[tuple[str, str], datetime] = {}
    for code, at in campaign.readings():
        if code in stock.instruments:  # an instrument that the file does not list is left as it is
            local = at.astimezone(zone)
            key = (stock.instruments[code], local.date().isoformat())
            first[key] = min(local, first.get(key, local))
    checks = []
    for (code, _), at in sorted(first.items()):
        midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
        checks.append((code, max(midnight, at - CHECK_BEFORE_READING)))
    return checks


def adopt_documents(lims: Oxinate, campaign: Campaign, *, folders: list[Path], say: Say) -> None:
    """Specifications first, because a protocol names the one that its batches are tested against."""
    protocols = {plan["protocol"]: _document("protocols", plan["protocol"], folders) for _, plan in campaign.batches}
    codes = {plan["specification"] for _, plan in campaign.batches if "specification" in plan}
    codes |= {
        code for text in protocols.values() for code in re.findall(r"(?m)^specification:\s*([\w.-]+)", text or "")
    }
    for code in sorted(codes):
        _adopt(lims, "specifications", code, _document("specifications", code, folders), say)
    for code, text in sorted(protocols.items()):
        _adopt(lims, "protocols", code, text, say)


def _document(kind: str, code: str, folders: list[Path]) -> str | None:
    for folder in folders:
        for path in (folder / f"{code}.yaml", folder / kind / f"{code}.yaml"):
            if path.is_file():
                return path.read_text(encoding="utf-8")
    return None


def _adopt(lims: Oxinate, kind: str, code: str, text: str | None, say: Say) -> None:
    name = f"{kind.removesuffix('s')} {code}"
    known = _found(lims, f"{kind}/{segment(code)}/") or {}
    if text is None:
        if not known.get("effective"):
            raise CampaignFileError(f"No file has the {name}, and the server has no effective version of it.")
        say(f"{name.capitalize()}: version {known['effective']} of the server is used; no file to compare it with.")
        return
    version = _version_with(lims, kind, name, text, known)
    while version["status"] == "superseded":
        # A superseded version never comes back: its text goes through review once more, as a version of its own.
        text += f"\n# The text of version {version['version']}, which was superseded, once more.\n"
        version = _version_with(lims, kind, name, text, known)
    acts: list[str] = []
    while version["status"] in ADOPTION and len(acts) < MOST_ACTS:
        act, role = ADOPTION[version["status"]]
        path = f"{kind}/{segment(code)}/versions/{version['version']}/"
        acts.append(act)
        try:
            version = lims.sign(f"{path}{act}/", {}, role=role, about=f"{act.capitalize()} {name}")
        except RefusedError as refusal:
            if refusal.code != "illegal_transition":
                raise
            version = lims.get(path, role=role)  # somebody else did it since we looked
    if version["status"] != "effective":
        raise UnusableError(
            f"Version {version['version']} of {name}, which has the text of the file, is {version['status']} on the "
            "server and cannot be made effective; import a changed text as a new version."
        )
    say(f"{name.capitalize()}: version {version['version']} is effective" + (f" ({', '.join(acts)})." if acts else "."))


def _version_with(lims: Oxinate, kind: str, name: str, text: str, known: Json) -> Json:
    digest = sha256(text.encode()).hexdigest()
    same: list[Json] = [version for version in known.get("versions", []) if version["sha256"] == digest]
    if same:
        return same[0]
    imported: Json = lims.post(f"{kind}/", {"document": text}, role="reviewer", about=f"Importing {name}")
    return imported


def _found(lims: Oxinate, path: str) -> Json | None:
    try:
        found: Json = lims.get(path, role="operator")
    except RefusedError as refusal:
        if refusal.status == 404:
            return None
        raise
    return found
