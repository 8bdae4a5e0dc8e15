"""How numbers, units, times and states are written on a page. Nothing here decides: it only writes what was decided."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal, InvalidOperation

from django import template
from django.forms import BoundField
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from labeling.domain.display import display_unit

register = template.Library()

SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
LIGANDS = re.compile(r"(?<=\(oxinate\))\d")  # of a complex
MASS_NUMBER = re.compile(r"(?<![\d.])(\d{2,3})(m?)(?=(?:Zr|Nb|Ga|Ge|Y|Cu|In|Lu|Tc|F|Cs|Co|Ba|Ra)(?![a-z]))")
NUCLIDE_CODE = re.compile(r"([A-Z][a-z]?)-(\d{1,3})(m?)")
SCIENTIFIC = re.compile(r"^([+-]?[\d.]+)[eE]([+-]?\d+)$")
WRITTEN_SCIENTIFIC = re.compile(r"(?<![\w.])([+-]?\d+(?:\.\d+)?)[eE]([+-]?\d+)(?![\w.])")
UNIT_IN_TEXT = re.compile(r"(?<![A-Za-z])(?:degC|u(?:L|g|m|mol)\b|10\^-?\d+)")
MINUS = "−"
ISO_INSTANT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d")

# What each state is called, the sign that goes with it, and the tone; color alone never carries it.
STATES: dict[str, tuple[str, str, str]] = {
    "pass": ("pass", "✓", "Conforms"),
    "fail": ("fail", "✕", "Fails"),
    "missing": ("wait", "○", "Missing"),
    "inconclusive": ("warn", "?", "Inconclusive"),
    "within": ("pass", "✓", "Within limits"),
    "warning": ("warn", "!", "Beyond the warning limit"),
    "action": ("fail", "✕", "Beyond the action limit"),
    "waiting": ("wait", "○", "Waiting"),
    "none": ("wait", "·", "No limit"),
    "in_use": ("now", "▸", "In use"),
    "dispatched": ("wait", "→", "Handed over"),
    "planned": ("wait", "○", "Planned"),
    "in_progress": ("now", "▸", "In progress"),
    "quarantine": ("warn", "‖", "Quarantine"),
    "on_hold": ("warn", "!", "On hold"),
    "released": ("pass", "✓", "Released"),
    "rejected": ("fail", "✕", "Rejected"),
    "accepted": ("pass", "✓", "Accepted"),
    "expired": ("fail", "✕", "Expired"),
    "trained": ("pass", "✓", "Trained"),
    "expires_soon": ("warn", "!", "Expires soon"),
    "withdrawn": ("fail", "✕", "Withdrawn"),
    "retrain": ("warn", "!", "To be trained again"),
    "not_trained": ("wait", "○", "Not trained"),
    "used_up": ("wait", "·", "Used up"),
    "draft": ("wait", "○", "Draft"),
    "in_review": ("now", "▸", "In review"),
    "submitted": ("now", "▸", "In review"),
    "approved": ("now", "✓", "Approved"),
    "effective": ("pass", "✓", "Effective"),
    "superseded": ("wait", "·", "Superseded"),
    "retired": ("wait", "·", "Retired"),
    "queued": ("wait", "○", "Queued"),
    "rendering": ("now", "▸", "Rendering"),
    "sealed": ("pass", "✓", "Sealed"),
    "failed": ("fail", "✕", "Failed"),
    "open": ("warn", "!", "Open"),
    "assessed": ("pass", "✓", "Assessed"),
    "to_verify": ("warn", "!", "To be verified"),
    "done": ("pass", "✓", "Done"),
}


def aware(value: object) -> datetime | None:
    """The instant behind a datetime or an ISO 8601 text; None where there is none."""
    moment = value if isinstance(value, datetime) else parse_datetime(str(value)) if value else None
    return moment if moment is not None and moment.tzinfo is not None else None


@register.filter
def instant(value: object) -> SafeString:
    """`14:32 CET, 3 Mar 2026` in the site's zone; seconds only where the instant has them in the title."""
    moment = aware(value)
    if moment is None:
        return format_html('<span class="soft">{}</span>', "not yet")
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}" class="nowrap">{}</time>',
        moment.isoformat(),
        # Django's own name of the zone is empty in the hour that comes twice.
        f"{date_format(local, 'H:i:s')} {local.tzname()}, {date_format(local, 'j F Y')}",
        f"{date_format(local, 'H:i')} {local.tzname()}, {date_format(local, 'j M Y')}",
    )


@register.filter
def to_the_second(value: object) -> SafeString:
    """`14:32:05 CET, 3 Mar 2026`: in a log, where two things fall into one minute."""
    moment = aware(value)
    if moment is None:
        return format_html('<span class="soft">{}</span>', "not yet")
    local = timezone.localtime(moment)
    said = f"{date_format(local, 'H:i:s')} {local.tzname()}, {date_format(local, 'j M Y')}"
    return format_html('<time datetime="{}" class="nowrap">{}</time>', moment.isoformat(), said)


@register.filter
def clock_time(value: object) -> SafeString:
    """Hours and minutes alone, where the day stands beside it already; the whole instant is in the title."""
    moment = aware(value)
    if moment is None:
        return format_html("{}", "")
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        date_format(local, "H:i:s T, j F Y"),
        date_format(local, "H:i"),
    )


@register.filter
def local_input(value: object) -> str:
    """The value of a datetime-local input, in the site's zone."""
    moment = aware(value)
    return timezone.localtime(moment).strftime("%Y-%m-%dT%H:%M") if moment else ""


@register.filter
def unit(value: object) -> str:
    """`kBq/10^6 cells` as `kBq/10⁶ cells`; a pH has no unit to show."""
    text = str(value or "")
    return "" if text == "pH" else display_unit(text)


@register.simple_tag
def unit_sign(value: object) -> str:
    return unit(value)


@register.filter
def number(value: object) -> str:
    """A decimal string as people write it: a real minus, real powers of ten, digits as they are."""
    text = str("" if value is None else value).strip()
    if found := SCIENTIFIC.match(text):
        mantissa, exponent = found.groups()
        return f"{mantissa} × 10{str(int(exponent)).translate(SUPERSCRIPTS)}".replace("-", MINUS)
    return MINUS + text[1:] if text.startswith("-") else text


@register.filter
def joined(values: Iterable[object], between: str) -> str:
    """Texts as one, not yet escaped: Django's own `join` escapes, and what a later filter rewrites is escaped again."""
    return between.join(str(value) for value in values)


@register.filter
def figures(value: object) -> str:
    """Numbers inside a text as people write them: `6.5e7 cells` as `6.5 × 10⁷ cells`, and `degC` as `°C`."""
    text = WRITTEN_SCIENTIFIC.sub(lambda m: f"{m[1]} × 10{str(int(m[2])).translate(SUPERSCRIPTS)}", str(value or ""))
    return units_in(text)


def units_in(text: str) -> str:
    return UNIT_IN_TEXT.sub(lambda m: display_unit(m[0]), text)


@register.filter
def worked_lines(text: object) -> list[str]:
    """The lines of a worked calculation, each as people write it."""
    return [isotopes(figures(line)) for line in str(text or "").replace(" +00:00", " UTC").splitlines() if line.strip()]


@register.filter
def isotopes(value: object) -> str:
    """`[89Zr]Zr-oxine` as `[⁸⁹Zr]Zr-oxine`, `Zr(oxinate)4` as `Zr(oxinate)₄`, and the code `Zr-89` as `⁸⁹Zr`."""
    text = NUCLIDE_CODE.sub(lambda m: f"{m.group(2)}{m.group(3)}{m.group(1)}", str(value)) if _is_code(value) else value
    marked = MASS_NUMBER.sub(lambda m: m[1].translate(SUPERSCRIPTS) + ("ᵐ" if m[2] else ""), str(text or ""))
    return units_in(LIGANDS.sub(lambda m: m[0].translate(SUBSCRIPTS), marked))


def _is_code(value: object) -> bool:
    return NUCLIDE_CODE.fullmatch(str(value)) is not None


@register.simple_tag
def quantity(value: object, unit_code: object = "", u: object = "") -> SafeString:
    """Value, uncertainty and unit, the unit in a lighter tone."""
    if value in (None, ""):
        return format_html('<span class="soft">{}</span>', "not yet")
    spread = f" ± {number(u)}" if u not in (None, "") else ""
    if not unit(unit_code):
        return format_html('<span class="nowrap">{}{}</span>', number(value), spread)
    return format_html(
        '<span class="nowrap">{}{} <span class="unit">{}</span></span>', number(value), spread, unit(unit_code)
    )


@register.simple_tag
def shown(display: object, unit_code: object = "") -> SafeString:
    """A ready-made text such as `46.86 ± 0.31 %` with its unit in a lighter tone."""
    text, code = str(display or ""), str(unit_code or "")
    if not text:
        return format_html('<span class="soft">{}</span>', "not yet")
    for ending in (code, unit(code)):
        if ending and text.endswith(ending):
            figures = number(text.removesuffix(ending).rstrip())
            return format_html('<span class="nowrap">{} <span class="unit">{}</span></span>', figures, unit(code))
    return quantity(isotopes(text), code)


@register.filter
def short_hash(value: object) -> str:
    return str(value or "")[:12]


@register.filter
def initials(person: object) -> str:
    """`MK` for Marie Keller; the full name belongs in the title beside it."""
    name = str(person.get("full_name", "") if isinstance(person, dict) else getattr(person, "full_name", "") or "")
    return "".join(part[0] for part in re.split(r"[\s-]+", name) if part and part[0].isalpha()).upper()[:4]


@register.filter
def zoned(hint: object, bound: BoundField) -> str:
    """The hint of a field; for a date and time with the zone it is typed in, whatever format the browser shows."""
    said = str(hint or "")
    is_site_time = getattr(bound.field, "is_site_time", True)
    if getattr(bound.field.widget, "input_type", "") != "datetime-local" or "ite time" in said or not is_site_time:
        return said
    return f"{said} Site time, {timezone.localtime().tzname()}.".strip()


@register.filter
def words(value: object) -> str:
    """`dose_calibrator` as `dose calibrator`, `ph_meter` as `pH meter`."""
    return str(value or "").replace("_", " ").replace("ph meter", "pH meter")


@register.filter
def decimal_or_none(value: object) -> Decimal | None:
    try:
        parsed = Decimal(str(value))
    except InvalidOperation:
        return None
    return parsed if parsed.is_finite() else None


@register.inclusion_tag("components/status.html")
def state(code: object, word: str = "") -> dict[str, str]:
    """A state as sign and word. `word` replaces the usual one where the place asks for it."""
    tone, sign, usual = STATES.get(str(code), ("wait", "·", words(code).capitalize()))
    return {"tone": tone, "sign": sign, "word": word or usual}


@register.inclusion_tag("components/empty.html")
def empty(title: str, advice: str = "", link: str = "", action: str = "") -> dict[str, str]:
    """What an empty place says: what would stand here, and what to do first."""
    return {"title": title, "advice": advice, "link": link, "action": action}


@register.inclusion_tag("components/person.html")
def person(who: object) -> dict[str, object]:
    return {"person": who}


@register.filter
def readable(value: object) -> SafeString:
    """A value of the audit trail: instants in the site's zone, codes as words, nothing as a word."""
    if value in (None, ""):
        return format_html("{}", "nothing")
    if isinstance(value, str) and ISO_INSTANT.match(value):
        return instant(value)
    return format_html("{}", words(value) if isinstance(value, str) and value.islower() else value)
