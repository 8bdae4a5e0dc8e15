"""Run a campaign file against a running Oxinate: from the lots to the sealed records, as a plain REST client.

    python examples/run_campaign.py --url http://127.0.0.1:8000 examples/campaign.json

The file's times are moved by one constant that puts its last reading a minute ago. Exit status: 0 when everything came
out as the file expects, 1 when something did not, 2 when the file, the accounts or the server cannot be used.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path

from campaign_batch import BatchMaker
from campaign_file import Campaign, CampaignFileError, read_campaign
from campaign_report import Outcome, Row, as_json, compare, remarks, table
from campaign_stock import adopt_documents, prepare_stock
from oxinate_client import Oxinate, RefusedError, UnusableError, cast_roles, read_accounts

ROOT = Path(__file__).resolve().parent.parent
ROLES = ("operator", "verifier", "analyst", "reviewer", "releaser", "quality")


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    try:
        return run(options)
    except (CampaignFileError, UnusableError) as fault:
        print(fault, file=sys.stderr)
        return 2
    except OSError as fault:
        print(f"{fault.filename}: {fault.strerror}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted; what was recorded until now stays on the server.", file=sys.stderr)
        return 2


def run(options: argparse.Namespace) -> int:
    written = read_campaign(options.file)
    for key in written.unknown_keys:
        print(f"Not used: the runner does not know {key} of the campaign file.", file=sys.stderr)
    for folder in (options.records, options.json and options.json.parent):
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
    lims = Oxinate(options.url, cast_roles(read_accounts(options.accounts), ROLES))
    site = lims.get("site/", role="operator")
    now = datetime.fromisoformat(site["now"])
    campaign = written.moved_to(now)
    say(f"{site['name']}: the times of {options.file.name} are moved by {campaign.shifted_by_seconds} s.")
    outcomes: list[Outcome] = []
    try:
        stock = prepare_stock(lims, campaign, time_zone=site["time_zone"], say=say)
        adopt_documents(lims, campaign, folders=_folders(options.file), say=say)
        outcomes = make_batches(BatchMaker(lims, stock, now=now, say=say, records=options.records), campaign)
    except RefusedError as refusal:
        print(f"The campaign stopped. {refusal}", file=sys.stderr)
    return _report(options, campaign, outcomes)


def say(sentence: str) -> None:
    print(sentence, flush=True)


def make_batches(maker: BatchMaker, campaign: Campaign) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for name, plan in campaign.batches:
        needs = any(entry["value"] == {"batch": "synthesis"} for entry in plan.get("entries", []))
        if needs and outcomes[0].decision != "released":
            outcome = Outcome(name, plan, not_run=f"it needs {outcomes[0].title}, which was not released.")
        else:
            outcome = maker.make(name, plan, synthesis=outcomes[0].number if needs else None)
        outcomes.append(outcome)
    return outcomes


def _report(options: argparse.Namespace, campaign: Campaign, outcomes: list[Outcome]) -> int:
    compared = [(outcome, compare(outcome)) for outcome in outcomes]
    unchecked = [
        Row("campaign", key, "known to the runner", "not compared", ok=False)
        for key in campaign.unknown_keys
        if key.rpartition(".")[2].startswith("expected")
    ]
    rows = [row for _, found in compared for row in found] + unchecked
    complete = len(outcomes) == len(campaign.batches)
    ok = complete and all(row.ok for row in rows)
    if rows:
        print(f"\n{table(rows)}\n")
    for remark in remarks(outcomes):
        print(remark)
    if options.json:
        told = {
            "campaign": str(options.file),
            "shifted_by_seconds": campaign.shifted_by_seconds,
            "batches": [as_json(outcome, ok=all(row.ok for row in found)) for outcome, found in compared],
            "ok": ok,
        }
        options.json.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    wrong = sum(not row.ok for row in rows)
    if ok:
        print("Everything came out as the file expects.")
    elif complete:
        print(f"{wrong} of {len(rows)} did not come out as the file expects.")
    return 0 if ok else 1


def _folders(file: Path) -> list[Path]:
    """Where protocols and specifications are looked for: beside the campaign file first, then in the library."""
    return [file.resolve().parent, ROOT / "library"]


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path, metavar="FILE.json", help="the campaign file")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="the server (default: %(default)s)")
    parser.add_argument(
        "--accounts",
        type=Path,
        default=ROOT / "var" / "demo-accounts.json",
        help="the accounts that do the work (default: var/demo-accounts.json)",
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="write what the server computed and decided")
    parser.add_argument("--records", type=Path, metavar="DIR", help="keep the sealed PDFs in this directory")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
