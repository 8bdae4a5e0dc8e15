"""The list that a recall works from: every batch that a lot went into, as CSV."""

from __future__ import annotations

import csv
from io import StringIO

from labeling.selectors.genealogy import Genealogy
from lims.downloads import neutral

COLUMNS = ("batch", "what", "status", "identity", "expires_at", "made_from")


def where_used_csv(genealogy: Genealogy) -> str:
    """One line for each batch, with the identity of a dose and what of this lineage went into it."""
    sources: dict[str, list[str]] = {}
    for source, into in genealogy.edges:
        sources.setdefault(into, []).append(genealogy.members[source].number)
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for member in genealogy.others("batch"):
        cells = (member.number, member.what, member.status, member.identity, member.expires_at)
        writer.writerow([neutral(cell) for cell in (*cells, ", ".join(sources.get(member.key, [])))])
    return "\ufeff" + text.getvalue()  # with its byte order mark a spreadsheet reads µ and ⁸⁹Zr
