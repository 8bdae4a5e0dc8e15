"""What is expected of every address of the site: who may open it, and who may act there.

The keys are the addresses as the URL resolver spells them. An address that the resolver knows and this table does not
fails the test, and the other way round: a new route is declared here before it is merged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lims.accounts.roles import Permission

P = Permission


class Open(StrEnum):
    EVERYBODY = "whoever finds the address"
    SIGNED_IN = "whoever is signed in, in their own matter"


Who = P | Open


@dataclass(frozen=True, slots=True)
class Route:
    """`opens` answers GET, `acts` POST, `ends` DELETE; None where there is no such method. `sends` is a body of the
    right shape, so that what refuses is the permission; "{entry_id}" in it is one that is there, and bytes are a file
    that is sent along. A signed act is signed by whoever is signed in, unless the test says otherwise.
    """

    opens: Who | None
    acts: Who | None = None
    sends: Mapping[str, Any] = field(default_factory=dict)
    signed: bool = False
    ends: Who | None = None


def reads(who: Who) -> Route:
    return Route(who)


def writes(who: Who, opens: Who | None = None, /, **sends: Any) -> Route:
    return Route(opens, who, sends)


def signs(who: Who, opens: Who | None = None, /, **sends: Any) -> Route:
    return Route(opens, who, sends, signed=True)


WHY = {"reason": "Because a test asks."}
ENTRY = {"step": "product", "field": "volume", "value": "3.0", "unit": "mL"}
SHEET = {"protocol": "small", "issued_to": "operator"}
LOT = {"number": "L-9", "material": "kit", "expires_at": "2099-01-01T00:00:00+00:00"}
DOSE_RATE = {"value": "5", "unit": "uSv/h"}
PACKAGE = {"surface": DOSE_RATE, "one_meter": DOSE_RATE, "condition": "intact", "wipe": "clean"}
SURVEY_ON_PAGE = {"survey_surface_value": "5", "survey_one_meter_value": "1", "survey_unit": "uSv/h"}
NOW = "2026-01-01T00:00:00+00:00"
PERIOD = {"from": NOW, "to": "2026-02-01T00:00:00+00:00"}
DAYS = {"from": "2026-01-01", "to": "2026-02-01"}
TRAINING = {
    "people": ["operator"],
    "protocol": "small",
    "version": 1,
    "tasks": ["make"],
    "way": "supervised_run",
    "valid_until": "2027-01-01T00:00:00+00:00",
}
CONSIGNMENT = dict.fromkeys(("scanned", "quantity", "recipient", "address", "phone", "carrier"), "x")
HALF_LIFE = {"half_life": {"value": "78.4", "unit": "h"}, "source": "nobody"}
SURVEY = {"equipment": "SM-1", "background": "0.08", "reading": "0.09", "unit": "uSv/h", "outcome": "fail"}
SOURCE = {
    "code": "CS-9",
    "nuclide": "Cs-137",
    "activity": "7.4",
    "unit": "MBq",
    "reference_at": NOW,
    "certificate": "C-1",
}
RESTATEMENT = {"since": NOW, "factor": "1.01", "certificate": "C-2"}
LIMITS = {
    "constancy_warning_percent": "5",
    "constancy_action_percent": "10",
    "linearity_percent": "10",
    "accuracy_percent": "10",
}
VERSION_ACTS = {"submit": P.SUBMIT_DOCUMENT, "approve": P.APPROVE_DOCUMENT, "retire": P.APPROVE_DOCUMENT}
UPKEEP = ("roles", "deactivate", "reset-password", "revoke-factor", "unlock", "check-identity", "revoke-keys")

REST: dict[str, Route] = {
    "tokens/": writes(Open.EVERYBODY, Open.SIGNED_IN),
    "tokens/current/": Route(None, ends=Open.SIGNED_IN),
    "tokens/<int:token_id>/": Route(None, ends=Open.SIGNED_IN),
    "health/": reads(Open.EVERYBODY),
    "me/": reads(Open.SIGNED_IN),
    "me/statement/": signs(Open.SIGNED_IN, Open.SIGNED_IN),
    "site/": reads(P.VIEW),
    "schema/": reads(P.VIEW),
    "formulas/<str:name>/": writes(P.VIEW),
    "training/": signs(P.TRAIN, P.VIEW, **TRAINING),
    "training/<int:training_id>/": reads(P.VIEW),
    "training/<int:training_id>/withdraw/": signs(P.TRAIN, **WHY),
    "signing/": reads(P.VIEW),
    "refusals/": writes(P.VIEW, P.VIEW, act="batch.release", **WHY),
    "people/": writes(P.MANAGE_PEOPLE, P.MANAGE_PEOPLE),
    "people/<str:username>/": reads(P.MANAGE_PEOPLE),
    **{f"people/<str:username>/{act}/": writes(P.MANAGE_PEOPLE) for act in UPKEEP},
    "access/": reads(P.READ_ACCESS),
    "access/accounts/": reads(P.READ_ACCESS),
    "access/reviews/": signs(P.REVIEW_ACCESS, P.READ_ACCESS, conclusion="All needed.", seen="0" * 64),
    "access/reviews/<int:review_id>/": reads(P.READ_ACCESS),
    "health/details/": reads(P.WATCH),
    "alarms/": reads(P.WATCH),
    "alarms/<int:alarm_id>/acknowledge/": writes(P.ACKNOWLEDGE, comment="seen"),
    **{
        f"{kind}/{rest}": route
        for kind in ("protocols", "specifications")
        for rest, route in {
            "": writes(P.DRAFT_DOCUMENT, P.VIEW, document="protocol: x"),
            "<str:code>/": reads(P.VIEW),
            "<str:code>/compare/": reads(P.VIEW),
            "<str:code>/versions/<int:number>/": reads(P.VIEW),
            **{f"<str:code>/versions/<int:number>/{a}/": signs(who, **WHY) for a, who in VERSION_ACTS.items()},
            "<str:code>/versions/<int:number>/make-effective/": signs(P.APPROVE_DOCUMENT),
        }.items()
    },
    "protocols/<str:code>/versions/<int:number>/dry-run/": writes(P.VIEW),
    "protocols/<str:code>/versions/<int:number>/master-record/": writes(P.ISSUE_PRINT),
    "downtime-sheets/": writes(P.ISSUE_PRINT, P.VIEW, **SHEET),
    "downtime-sheets/<str:number>/": reads(P.VIEW),
    "downtime-sheets/<str:number>/void/": writes(P.ISSUE_PRINT, **WHY),
    "downtime-sheets/<str:number>/scans/": writes(P.MAKE_BATCH),
    "downtime-sheets/<str:number>/scans/<int:scan_id>/": reads(P.VIEW),
    "downtime-sheets/<str:number>/transfer/": signs(P.MAKE_BATCH),
    "downtime-sheets/<str:number>/stand-in/": signs(P.STAND_IN, **WHY),
    "downtime-sheets/<str:number>/reconcile/": signs(P.VERIFY, compared={}),
    "nuclides/": reads(P.VIEW),
    "nuclides/<str:code>/": reads(P.VIEW),
    "nuclides/<str:code>/adopt/": signs(P.APPROVE_DOCUMENT, **HALF_LIFE, **WHY),
    "containers/": writes(P.KEEP_CONTAINERS, P.VIEW, kind="waste", nuclide="Zr-89"),
    "containers/<int:container_id>/": reads(P.VIEW),
    "containers/<int:container_id>/activity/": reads(P.VIEW),
    "containers/<int:container_id>/readings/": writes(P.KEEP_CONTAINERS, volume={"value": "1", "unit": "mL"}),
    "containers/<int:container_id>/transfers/": writes(P.KEEP_CONTAINERS, **WHY),
    "containers/<int:container_id>/events/<int:event_id>/correct/": writes(
        P.KEEP_CONTAINERS, volume={"value": "1", "unit": "mL"}, **WHY
    ),
    "containers/<int:container_id>/used-up/": writes(P.KEEP_CONTAINERS),
    "containers/<int:container_id>/storage/": writes(P.KEEP_CONTAINERS, place="Room 3"),
    "containers/<int:container_id>/surveys/": signs(P.CLEAR_WASTE, **SURVEY),
    "inventory/": reads(P.VIEW),
    "labels/<str:thing>/<str:key>/": writes(P.PRINT_LABEL, P.VIEW),
    "batches/<str:number>/balance/": reads(P.VIEW),
    "lots/": writes(P.RECEIVE_LOT, P.VIEW, **LOT),
    "lots/<int:lot_id>/": reads(P.VIEW),
    "lots/<int:lot_id>/accept/": signs(P.ACCEPT_LOT),
    "lots/<int:lot_id>/reject/": signs(P.ACCEPT_LOT, **WHY),
    "lots/<int:lot_id>/certificates/": writes(P.RECEIVE_LOT),
    "certificates/<int:certificate_id>/content/": reads(P.VIEW),
    "lots/<int:lot_id>/surveys/": writes(P.RECEIVE_LOT, **PACKAGE),
    "lots/<int:lot_id>/withdrawals/": writes(P.RECEIVE_LOT, value="1", unit="piece", **WHY),
    "lots/<int:lot_id>/genealogy/": reads(P.VIEW),
    "equipment/": writes(P.KEEP_EQUIPMENT, P.VIEW, code="BAL-9", kind="balance"),
    "equipment/<str:code>/": reads(P.VIEW),
    "equipment/<str:code>/checks/": writes(P.KEEP_EQUIPMENT, outcome="pass"),
    "equipment/<str:code>/calibrations/": writes(P.KEEP_EQUIPMENT, valid_from=NOW, relative_u_percent="3"),
    "equipment/<str:code>/calibrations/<int:calibration_id>/certificate/": writes(P.KEEP_EQUIPMENT, P.VIEW),
    "equipment/<str:code>/description/": writes(P.KEEP_EQUIPMENT, location="Hot cell 2", **WHY),
    "equipment/<str:code>/constancy/": writes(P.KEEP_EQUIPMENT, value="7.2", unit="MBq", source="CS-1"),
    "equipment/<str:code>/linearity/": writes(P.KEEP_EQUIPMENT, nuclide="Zr-89", readings=[]),
    "equipment/<str:code>/accuracy/": writes(P.KEEP_EQUIPMENT, readings=[]),
    "equipment/<str:code>/service/": writes(P.KEEP_EQUIPMENT, note="Fan cleaned."),
    "equipment/<str:code>/rules/": signs(P.RULE_EQUIPMENT, service_days=365, **WHY),
    "equipment/<str:code>/status/": signs(P.SERVE_EQUIPMENT, in_service=False, **WHY),
    "equipment/<str:code>/log/": reads(P.VIEW),
    "equipment/<str:code>/restatements/": signs(P.RESTATE, P.VIEW, **RESTATEMENT, **WHY),
    "equipment/<str:code>/restatements/preview/": writes(P.VIEW, **RESTATEMENT),
    "equipment/<str:code>/restatements/<int:pk>/": reads(P.VIEW),
    "sources/": writes(P.KEEP_EQUIPMENT, P.VIEW, **SOURCE),
    "batches/": writes(P.MAKE_BATCH, P.VIEW, protocol="small"),
    "batches/<str:number>/": reads(P.VIEW),
    "batches/<str:number>/start/": writes(P.MAKE_BATCH),
    "batches/<str:number>/complete/": signs(P.MAKE_BATCH),
    "batches/<str:number>/hold/": writes(P.HOLD_BATCH, **WHY),
    "batches/<str:number>/resume/": writes(P.HOLD_BATCH, **WHY),
    "batches/<str:number>/entries/": writes(P.MAKE_BATCH, **ENTRY),
    "batches/<str:number>/entries/<int:entry_id>/correct/": writes(P.MAKE_BATCH, value="2.9", unit="mL", **WHY),
    "batches/<str:number>/entries/<int:entry_id>/verify/": signs(P.VERIFY),
    "batches/<str:number>/steps/<str:step>/verify/": signs(P.VERIFY),
    "batches/<str:number>/steps/verify/": signs(P.VERIFY, steps={"product": "0" * 64}),
    "batches/<str:number>/timers/": writes(P.MAKE_BATCH, step="product", event="start"),
    "batches/<str:number>/scans/": writes(P.MAKE_BATCH, code="KIT-9", step="product", field="kit_lot"),
    "batches/<str:number>/discards/": writes(P.MAKE_BATCH, what="Volume: 3", at=NOW, **WHY),
    "batches/<str:number>/line-clearance/": signs(P.MAKE_BATCH),
    "batches/<str:number>/line-clearance/verify/": signs(P.VERIFY),
    "batches/<str:number>/dispatches/": signs(P.DISPATCH_BATCH, scanned="S-1"),
    "deviations/": reads(P.VIEW),
    "batches/<str:number>/deviations/": writes(P.REPORT_DEVIATION, text="spilled", severity="minor"),
    "batches/<str:number>/deviations/<int:deviation_id>/assess/": signs(P.ASSESS_DEVIATION, assessment="no effect"),
    "batches/<str:number>/test-results/": writes(P.TEST, P.VIEW, test="purity", value="98"),
    "batches/<str:number>/test-results/<int:result_id>/review/": signs(P.REVIEW_RESULT),
    "batches/<str:number>/test-results/<int:result_id>/investigation/": signs(P.INVESTIGATE, cause="dry electrode"),
    "batches/<str:number>/disposition/": signs(P.RELEASE_BATCH, P.VIEW, decision="release"),
    "batches/<str:number>/documents/": writes(P.ISSUE_PRINT, P.VIEW, **WHY),
    "batches/<str:number>/package/": writes(P.READ_AUDIT),
    "batches/<str:number>/genealogy/": reads(P.VIEW),
    "batches/<str:number>/history/": reads(P.VIEW),
    "batches/<str:number>/audit-review/": signs(P.REVIEW_AUDIT, P.VIEW),
    "documents/verify/": writes(P.VIEW),
    "documents/<int:document_id>/": reads(P.VIEW),
    "documents/<int:document_id>/content/": reads(P.VIEW),
    "batches/<str:number>/history/print/": writes(P.READ_AUDIT),
    "audit/samples/": writes(P.REVIEW_SITE_AUDIT, P.READ_AUDIT, size=5, **PERIOD),
    "audit/samples/<int:sample_id>/": reads(P.READ_AUDIT),
    "audit/samples/<int:sample_id>/review/": signs(P.REVIEW_SITE_AUDIT, findings="none"),
    "audit/operations/": reads(P.READ_AUDIT),
    "audit/exceptions/": reads(P.READ_AUDIT),
    "audit/reasons/": reads(P.VIEW),
    "audit/exports/": writes(P.READ_AUDIT),
}

CORRECTION = {**ENTRY, "seen": "{entry_id}", "reason_code": "other", **WHY}
LOT_ON_PAGE = {**LOT, "stated_unit": "MBq", "received_unit": "MBq"}
NAMED = r"^(?P<kind>protocols|specifications)/"
CODED = NAMED + r"(?P<code>[a-z0-9][a-z0-9._-]*)/"
NUMBERED = CODED + r"(?P<number>\d+)/"
PROTOCOL = r"^protocols/(?P<code>[a-z0-9][a-z0-9._-]*)/(?P<number>\d+)/"
DRAFT = {"act": "save", "document": "protocol: x"}

PAGES: dict[str, Route] = {
    "sign-in/": writes(Open.EVERYBODY, Open.EVERYBODY),
    "sign-in/key/": writes(Open.EVERYBODY),
    "sign-out/": writes(Open.EVERYBODY),
    "api/v1/docs/": reads(P.VIEW),
    "": reads(Open.SIGNED_IN),
    "account/": reads(Open.SIGNED_IN),
    "account/password/": writes(Open.SIGNED_IN, Open.SIGNED_IN),
    "account/factor/": writes(Open.SIGNED_IN, Open.SIGNED_IN),
    "account/keys/": writes(Open.SIGNED_IN, Open.SIGNED_IN),
    "account/keys/new/": writes(Open.SIGNED_IN),
    "account/keys/<int:pk>/confirm/": writes(Open.SIGNED_IN, Open.SIGNED_IN),
    "account/keys/<int:pk>/revoke/": writes(Open.SIGNED_IN, **WHY),
    "account/statement/": signs(Open.SIGNED_IN, Open.SIGNED_IN),
    "account/tokens/<int:pk>/end/": writes(Open.SIGNED_IN),
    "training/": reads(P.VIEW),
    "training/new/": signs(P.TRAIN, P.TRAIN),
    "training/<int:pk>/withdraw/": signs(P.TRAIN, P.TRAIN, **WHY),
    "training/people/<str:username>/": reads(P.VIEW),
    "refusals/": writes(P.VIEW, P.VIEW),
    "people/": reads(P.MANAGE_PEOPLE),
    "people/new/": writes(P.MANAGE_PEOPLE, P.MANAGE_PEOPLE),
    "people/<str:username>/": reads(P.MANAGE_PEOPLE),
    "people/<str:username>/<str:act>/": writes(P.MANAGE_PEOPLE, P.MANAGE_PEOPLE),
    "access/": reads(P.READ_ACCESS),
    "access/review/": signs(P.REVIEW_ACCESS, P.READ_ACCESS, conclusion="All needed.", seen="0" * 64),
    "access/review/list/": reads(P.READ_ACCESS),
    "access/review/<int:pk>/list/": reads(P.READ_ACCESS),
    "alarms/": reads(P.WATCH),
    "alarms/<int:pk>/acknowledge/": writes(P.ACKNOWLEDGE, P.WATCH, comment="seen"),
    "health/": reads(P.WATCH),
    "release/": reads(P.VIEW),
    "batches/": reads(P.VIEW),
    "batches/new/": writes(P.MAKE_BATCH, P.VIEW, protocol="small"),
    "batches/<str:number>/": reads(P.VIEW),
    "batches/<str:number>/start/": writes(P.MAKE_BATCH, P.VIEW),
    "batches/<str:number>/entries/": writes(P.MAKE_BATCH, P.VIEW, **CORRECTION),
    "batches/<str:number>/timers/": writes(P.MAKE_BATCH, P.VIEW, step="product", event="start"),
    "batches/keeper.js": reads(Open.EVERYBODY),
    "batches/<str:number>/live/": reads(P.VIEW),
    "batches/<str:number>/entries/<int:pk>/verify/": signs(P.VERIFY, P.VIEW),
    "batches/<str:number>/clearance/": signs(P.MAKE_BATCH, P.VIEW),
    "batches/<str:number>/dispatch/": signs(P.DISPATCH_BATCH, P.VIEW, **CONSIGNMENT),
    "batches/<str:number>/steps/<str:step>/verify/": signs(P.VERIFY, P.VIEW, seen="0" * 64),
    "batches/<str:number>/steps/verify/": signs(P.VERIFY, P.VIEW, steps="product:" + "0" * 64),
    "batches/<str:number>/complete/": signs(P.MAKE_BATCH, P.VIEW),
    "deviations/": reads(P.VIEW),
    "batches/<str:number>/deviations/new/": writes(P.REPORT_DEVIATION, P.VIEW, text="spilled", severity="minor"),
    "batches/<str:number>/deviations/<int:pk>/": signs(
        P.ASSESS_DEVIATION, P.VIEW, severity="minor", conclusion="unaffected", assessment="no effect"
    ),
    "batches/<str:number>/history/": reads(P.VIEW),
    "batches/<str:number>/audit-review/": signs(P.REVIEW_AUDIT, P.VIEW, up_to="1"),
    "batches/<str:number>/genealogy/": reads(P.VIEW),
    "batches/<str:number>/records/": reads(P.VIEW),
    "batches/<str:number>/package/": writes(P.READ_AUDIT, P.READ_AUDIT),
    "batches/<str:number>/records/new/": writes(P.ISSUE_PRINT, P.VIEW, **WHY),
    "batches/<str:number>/tests/": reads(P.VIEW),
    "batches/<str:number>/tests/record/": writes(P.TEST, P.VIEW, test="purity", value="98"),
    "batches/<str:number>/tests/<int:pk>/review/": signs(P.REVIEW_RESULT, P.VIEW),
    "batches/<str:number>/tests/review/": signs(P.REVIEW_RESULT, P.VIEW, results="{result_id}:" + "0" * 64),
    "batches/<str:number>/tests/<int:pk>/investigation/": signs(P.INVESTIGATE, P.VIEW, cause="dry electrode"),
    "batches/<str:number>/release/": signs(P.RELEASE_BATCH, P.VIEW, decision="release"),
    "batches/<str:number>/hold/": writes(P.HOLD_BATCH, P.VIEW, reason_code="other", **WHY),
    "batches/<str:number>/activity/": reads(P.VIEW),
    "containers/": reads(P.VIEW),
    "containers/new/": writes(P.KEEP_CONTAINERS, P.VIEW, kind="waste", nuclide="Zr-89", unit="MBq"),
    "containers/<int:pk>/": reads(P.VIEW),
    "containers/<int:pk>/readings/": writes(P.KEEP_CONTAINERS, P.VIEW, volume="1", unit="MBq"),
    "containers/<int:pk>/events/<int:event>/correct/": writes(
        P.KEEP_CONTAINERS, P.KEEP_CONTAINERS, volume="1", unit="MBq", **WHY
    ),
    "containers/<int:pk>/transfers/": writes(P.KEEP_CONTAINERS, P.VIEW, unit="MBq", **WHY),
    "containers/<int:pk>/used-up/": writes(P.KEEP_CONTAINERS, P.VIEW),
    "containers/<int:pk>/storage/": writes(P.KEEP_CONTAINERS, P.VIEW, place="Room 3", unit="kBq"),
    "containers/<int:pk>/survey/": signs(P.CLEAR_WASTE, P.VIEW, **SURVEY),
    "labels/<str:thing>/<str:key>/": writes(P.PRINT_LABEL, P.VIEW, size="50x25", copies="1"),
    "records/": writes(P.VIEW, P.VIEW),
    "records/<int:pk>/content/": reads(P.VIEW),
    "stock/": reads(P.VIEW),
    "stock/new/": writes(P.RECEIVE_LOT, P.VIEW, **LOT_ON_PAGE),
    "stock/<int:pk>/": reads(P.VIEW),
    "stock/<int:pk>/decide/": signs(P.ACCEPT_LOT, P.VIEW, decision="accept"),
    "stock/<int:pk>/certificates/": writes(P.RECEIVE_LOT, P.VIEW),
    "stock/<int:pk>/surveys/": writes(
        P.RECEIVE_LOT, P.VIEW, survey_condition="intact", survey_wipe="clean", **SURVEY_ON_PAGE
    ),
    "stock/<int:pk>/withdrawals/": writes(P.RECEIVE_LOT, P.VIEW, value="1", unit="piece", **WHY),
    "stock/<int:pk>/genealogy/": reads(P.VIEW),
    "stock/<int:pk>/where-used/": reads(P.VIEW),
    "instruments/": reads(P.VIEW),
    "instruments/new/": writes(P.KEEP_EQUIPMENT, P.VIEW, code="BAL-9", kind="balance"),
    "instruments/<str:code>/": reads(P.VIEW),
    "instruments/<str:code>/checks/": writes(P.KEEP_EQUIPMENT, P.VIEW, outcome="pass"),
    "instruments/<str:code>/certificates/": writes(P.KEEP_EQUIPMENT, P.KEEP_EQUIPMENT),
    "instruments/<str:code>/calibrations/": writes(
        P.KEEP_EQUIPMENT, P.VIEW, valid_from=NOW, relative_u_percent="3", repeatability_percent="1"
    ),
    "instruments/sources/": writes(P.KEEP_EQUIPMENT, P.VIEW, **SOURCE),
    **{
        f"instruments/<str:code>/{act}/": writes(P.KEEP_EQUIPMENT, P.KEEP_EQUIPMENT)
        for act in ("constancy", "linearity", "accuracy", "service", "description")
    },
    "instruments/<str:code>/allowance/": signs(P.ALLOW_UNCHECKED, P.ALLOW_UNCHECKED),
    "instruments/<str:code>/status/": signs(P.SERVE_EQUIPMENT, P.VIEW, decision="out_of_service", **WHY),
    "instruments/<str:code>/rules/": signs(P.RULE_EQUIPMENT, P.VIEW, **LIMITS, **WHY),
    "instruments/<str:code>/log/": reads(P.VIEW),
    "instruments/<str:code>/checks/<int:pk>/": reads(P.VIEW),
    "instruments/<str:code>/restate/": writes(P.VIEW, P.VIEW, **RESTATEMENT),
    "instruments/<str:code>/restate/sign/": signs(P.RESTATE, P.VIEW, **RESTATEMENT, **WHY),
    "instruments/<str:code>/restatements/<int:pk>/": reads(P.VIEW),
    "protocols/": reads(P.VIEW),
    "specifications/": reads(P.VIEW),
    NAMED + "import/$": writes(P.DRAFT_DOCUMENT, P.VIEW, document="protocol: x"),
    NAMED + "new/$": writes(P.DRAFT_DOCUMENT, P.VIEW, **DRAFT),
    NAMED + "check/$": writes(P.DRAFT_DOCUMENT, **DRAFT),
    CODED + "edit/$": writes(P.DRAFT_DOCUMENT, P.VIEW, **DRAFT),
    CODED + "compare/$": reads(P.VIEW),
    PROTOCOL + "dry-run/$": writes(P.VIEW, P.VIEW),
    PROTOCOL + "master-record/$": writes(P.ISSUE_PRINT, P.VIEW),
    NUMBERED + "$": reads(P.VIEW),
    # One act stands for the four; which permission each takes is tried over REST, by the same service.
    NUMBERED + "(?P<action>submit|approve|make_effective|retire)/$": signs(P.SUBMIT_DOCUMENT, P.VIEW),
    "downtime/": writes(P.ISSUE_PRINT, P.VIEW, **SHEET),
    "downtime/<str:number>/": reads(P.VIEW),
    "downtime/<str:number>/plan/": writes(P.MAKE_BATCH, P.VIEW),
    "downtime/<str:number>/void/": writes(P.ISSUE_PRINT, P.VIEW, **WHY),
    "downtime/<str:number>/scans/": writes(P.MAKE_BATCH, P.VIEW, file=b"\x89PNG\r\n\x1a\n another scan"),
    "downtime/<str:number>/scans/<int:pk>/": reads(P.VIEW),
    "downtime/<str:number>/transfer/": signs(P.MAKE_BATCH, P.VIEW),
    "downtime/<str:number>/stand-in/": signs(P.STAND_IN, P.VIEW, **WHY),
    "downtime/<str:number>/reconcile/": signs(P.VERIFY, P.VIEW),
    "audit/": reads(P.READ_AUDIT),
    "audit/samples/": writes(P.REVIEW_SITE_AUDIT, P.READ_AUDIT, size=5, **DAYS),
    "audit/samples/<int:pk>/": signs(P.REVIEW_SITE_AUDIT, P.READ_AUDIT, **WHY),
    "batches/<str:number>/history/print/": writes(P.READ_AUDIT, P.READ_AUDIT),
    "audit/export/": writes(P.READ_AUDIT, P.READ_AUDIT),
}

EXPECTED: dict[str, Route] = {**{f"api/v1/{path}": route for path, route in REST.items()}, **PAGES}
