"""How values, instants and names look on paper. Filters only translate; what is said was frozen before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.utils.html import conditional_escape, format_html_join
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

TOGETHER = "\u00a0"  # an instant and its zone stay on one line
RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
PLAIN = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
# Symbols that no unit or initial of the laboratory shares with them: "18F" is a tracer, "18 C" a temperature.
METALS = "Ac|At|Bi|Br|Ce|Co|Cs|Cu|Fe|Ga|Gd|Ge|In|Lu|Mn|Nb|Pb|Ra|Re|Sc|Sm|Sr|Tb|Tc|Th|Tl|Xe|Yb|Y|Zr"
MASS_NUMBER = re.compile(
    rf"(?<![\w.,])(\d{{2,3}})(m?)(?=(?:{METALS})(?![a-z]))|(?<=\[)(\d{{1,3}})(m?)(?=[A-Z][a-z]?\])"
)
NUCLIDE_CODE = re.compile(r"\b([A-Z][a-z]?)-(\d{1,3})(m?)\b")
POWER_OF_TEN = re.compile(r"\b10\^\{?([+-]?)(\d+)\}?")
RAISED_EXPONENT = re.compile(r"⁻([⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
COUNT_IN_FORMULA = re.compile(r"(?<=\))(\d{1,2})(?!\w)")
FLOAT = re.compile(r"^([+-]?\d+(?:\.\d+)?)[eE]\+?(\d+)$")
SCIENTIFIC = re.compile(r"(?<=\d)()[eE]\+?(-?\d+)\b")
FIGURE_BEFORE_UNIT = re.compile(
    r"(?<=\d) (?=(?:h|d|min|s|%|°C|µ?[lLg]|mL|mg|[kMG]?Bq|[µm]?Ci|EU|psi|cells)(?:/|\b|$|\s|[.,;)]))"
)
UNITS = {"degC": "°C", "umol": "µmol", "uL": "µL", "ug": "µg", "um": "µm", "us": "µs", "uCi": "µCi", "*": "·"}
UNIT_WORD = re.compile("|".join(rf"\b{re.escape(plain)}\b" if plain != "*" else r"\*" for plain in UNITS))


def moment(value: object, zone: str) -> datetime | None:
    if not value:
        return None
    instant = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return instant.astimezone(ZoneInfo(zone))


def _abbreviation(local: datetime) -> str:
    name = local.strftime("%Z")
    return f"UTC{name}" if name[:1] in "+-" else name


def _date(local: datetime) -> str:
    return f"{local.day}{TOGETHER}{local:%b}{TOGETHER}{local:%Y}"


@register.filter
def date_at(value: object, zone: str) -> str:
    """3 Mar 2026"""
    local = moment(value, zone)
    return _date(local) if local else ""


@register.filter
def time_at(value: object, zone: str) -> str:
    """06:05:00 CET, which no line breaks"""
    local = moment(value, zone)
    return f"{local:%H:%M:%S}{TOGETHER}{_abbreviation(local)}" if local else ""


@register.filter
def instant_at(value: object, zone: str) -> str:
    """3 Mar 2026, 06:05:00 CET"""
    local = moment(value, zone)
    return f"{_date(local)}, {time_at(local, zone)}" if local else ""


@register.filter
def utc(value: object, zone: str = "UTC") -> str:
    """05:05:00 UTC, with its date where that differs from the date at `zone`"""
    universal = moment(value, "UTC")
    if universal is None:
        return ""
    local = universal.astimezone(ZoneInfo(zone))
    day = "" if universal.date() == local.date() else f"{universal.day}{TOGETHER}{universal:%b}{TOGETHER}"
    return f"{day}{universal:%H:%M:%S}{TOGETHER}UTC"


@register.filter
def clock_at(value: object, zone: str) -> str:
    """06:05:00, where the zone stands beside it already"""
    local = moment(value, zone)
    return f"{local:%H:%M:%S}" if local else ""


@register.filter
def zone_at(value: object, zone: str) -> str:
    """CET, the abbreviation in force at that instant"""
    local = moment(value, zone)
    return _abbreviation(local) if local else ""


@register.filter
def day_at(value: object, zone: str) -> str:
    """3 Mar, where the year is not in doubt"""
    local = moment(value, zone)
    return f"{local.day}{TOGETHER}{local:%b}" if local else ""


@register.filter
def same_date(value: object, other: object) -> bool:
    first, second = moment(value, "UTC"), moment(other, "UTC")
    return bool(first and second and first.date() == second.date())


@register.filter
def iso_utc(value: object) -> str:
    """2026-03-03T05:05:00Z, for the metadata of the PDF"""
    universal = moment(value, "UTC")
    return f"{universal:%Y-%m-%dT%H:%M:%SZ}" if universal else ""


@register.filter
def minutes(value: object) -> str:
    """10.0, whatever digits the difference of two instants had"""
    return f"{float(str(value)):.1f}" if value not in (None, "") else ""


@register.filter
def since(later: object, earlier: object) -> str:
    """How long after `earlier`: 41 s, 12 min, 1 h 12 min, 3 d 4 h"""
    first, second = moment(earlier, "UTC"), moment(later, "UTC")
    if first is None or second is None:
        return ""
    return duration((second - first).total_seconds())


def duration(seconds: float) -> str:
    minutes, rest = divmod(int(abs(seconds)), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours == 0:
        return f"{minutes} min"
    days, hours = divmod(hours, 24)
    if days == 0:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{days} d {hours} h" if hours else f"{days} d"


@register.filter
def nuclides(text: object) -> SafeString:
    """Mass numbers raised: 89Zr, [89Zr]Zr-oxine and Zr-89 become ⁸⁹Zr."""
    raised = MASS_NUMBER.sub(lambda m: _mass(m[1] or m[3], m[2] or m[4]), str(text or ""))
    return powers(NUCLIDE_CODE.sub(_nuclide_code, raised) if raised == str(text) else raised)


def _mass(number: str, metastable: str | None) -> str:
    return number.translate(RAISED) + ("ᵐ" if metastable else "")


def _nuclide_code(match: re.Match[str]) -> str:
    symbol, number, metastable = match.groups()
    return _mass(number, metastable) + symbol if re.fullmatch(METALS, symbol) else match[0]


@register.filter
def compound(text: object) -> SafeString:
    """A chemical name: mass numbers raised, counts after a bracket lowered, as in [⁸⁹Zr]Zr(oxinate)₄."""
    return nuclides(COUNT_IN_FORMULA.sub(lambda m: m[1].translate(LOWERED), str(text or "")))


@register.filter
def powers(text: object) -> SafeString:
    """10^6 becomes 10⁶. The typeface draws no superscript minus, so a negative exponent is marked up."""

    def raised(match: re.Match[str]) -> str:
        if match[1] == "-":
            return f"10<sup>−{match[2]}</sup>"
        return "10" + match[2].translate(RAISED)

    said = FIGURE_BEFORE_UNIT.sub("\u00a0", str(text or ""))
    marked = POWER_OF_TEN.sub(raised, conditional_escape(said))
    marked = RAISED_EXPONENT.sub(lambda m: f"<sup>−{m[1].translate(PLAIN)}</sup>", marked)
    return mark_safe(marked)  # noqa: S308  escaped two lines above


@register.filter
def unit(text: object) -> SafeString:
    """kBq/10^6 cells becomes kBq/10⁶ cells, degC becomes °C."""
    return powers(UNIT_WORD.sub(lambda m: UNITS[m[0]], str(text or "")))


@register.filter
def minus(text: object) -> str:
    """A number with a real minus sign."""
    return re.sub(r"(?<![\w.])-(?=\d)", "−", str(text if text is not None else ""))


def figure(text: object) -> str:
    """A limit of the master record: 1e6 as 10^6, 8.5e7 as 8.5 × 10^7. Values as typed never come here."""
    match = FLOAT.match(str(text))
    if match is None:
        return minus(text)
    power = f"10^{int(match[2])}"
    return power if match[1] in ("1", "1.0") else f"{minus(match[1])} × {power}"


@register.filter
def person(value: object) -> str:
    """The full name of a person, however the record holds it."""
    if isinstance(value, Mapping):
        return str(value.get("full_name") or value.get("username") or "")
    return str(value or "")


@register.filter
def account(signed: Mapping[str, Any]) -> str:
    """Username and role of who signed; said once where an account is named after its role."""
    username, role = str(signed.get("username") or ""), spelled(signed.get("role"))
    return f"username and role {role}" if username in (role, signed.get("role")) else f"username {username} · as {role}"


@register.filter
def initials(value: object) -> str:
    words = re.findall(r"[^\W\d_]+", re.sub(r"\b(Dr|Prof|PhD|MD)\b\.?", "", person(value)))
    return "".join(word[0] for word in words).upper()


@register.filter
def fingerprint(value: object) -> SafeString:
    """A hash in groups of eight that reads as one word when it is copied."""
    text = str(value or "")
    groups = [(text[start : start + 8],) for start in range(0, len(text), 8)]
    return format_html_join("", '<span class="g">{}</span><wbr>', groups)


@register.filter
def limits(criterion: object) -> SafeString:
    """≥ 80, 90 to 110, or the accepted words."""
    if not isinstance(criterion, Mapping):
        return SafeString("")
    lowest, highest = criterion.get("min"), criterion.get("max")
    if lowest is not None and highest is not None:
        said = f"{figure(lowest)} to {figure(highest)}"
    elif lowest is not None:
        said = f"≥ {figure(lowest)}"
    elif highest is not None:
        said = f"≤ {figure(highest)}"
    else:
        said = " or ".join(str(word) for word in criterion.get("accept") or [])
    return powers(said)


@register.filter
def constant(value: object) -> SafeString:
    """A constant of a formula: a text, or a quantity with unit and uncertainty."""
    if not isinstance(value, Mapping):
        return unit(value)
    doubt = f" ± {value['u']}" if value.get("u") else ""
    return unit(f"{value.get('value', '')}{doubt} {value.get('unit', '')}".strip())


@register.filter
def working(text: object) -> list[SafeString]:
    """The lines of a worked calculation: 5.182E+7 as 5.182 × 10⁷, +00:00 as UTC."""
    said = SCIENTIFIC.sub(r"\1 × 10^\2", str(text or "").replace(" +00:00", " UTC"))
    return [unit(minus(line)) for line in said.splitlines() if line.strip()]


@register.filter
def ticked(typed: object) -> str:
    """A check box: what was typed was true, yes or their opposite."""
    return "✓ yes" if str(typed).lower() in {"true", "yes", "1", "on"} else "× no"


@register.filter
def checked(outcome: object) -> str:
    return {"pass": "passed", "fail": "failed"}.get(str(outcome), str(outcome))


@register.filter
def spelled(key: object) -> str:
    """dose_calibrator as dose calibrator, ph_meter as pH meter"""
    return str(key or "").replace("_", " ").replace("ph meter", "pH meter")


@register.filter
def item(mapping: Mapping[Any, Any], key: Any) -> Any:
    return mapping.get(key, "")


@register.filter
def known(rows: Any, name: str) -> Mapping[str, Any]:
    """The row about this lot number or instrument code, where the record holds one."""
    for row in rows or []:
        if name in (row.get("number"), row.get("code")):
            return dict(row)
    return {}


@register.filter
def step_title(key: str, steps: Any) -> SafeString:
    return nuclides(next((step["title"] for step in steps if step["key"] == key), spelled(key)))
