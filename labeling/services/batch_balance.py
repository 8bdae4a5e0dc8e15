"""The activity balance at the completion of a batch: where it does not close, a deviation says so."""

from __future__ import annotations

from labeling.domain.balance import Balance
from labeling.domain.criteria import Verdict
from labeling.domain.display import display
from labeling.domain.uncertainty import nominal, standard_uncertainty
from labeling.models import Deviation
from labeling.selectors.balance import balance_of_batch, closure_percent
from labeling.selectors.facts import BatchFacts
from labeling.services.deviations import open_deviation
from lims.audit.models import Operation


def open_where_unbalanced(op: Operation, facts: BatchFacts) -> None:
    """A result that states the balance has opened its deviation when it went beyond its action limit."""
    balance = balance_of_batch(facts)
    if balance is None or balance.verdict is not Verdict.FAIL or facts.protocol.result(balance.limits_from):
        return
    text = unbalanced(balance)
    open_deviation(op, facts.batch, kind=Deviation.Kind.ACTIVITY_BALANCE, text=text)


def unbalanced(balance: Balance) -> str:
    closure = closure_percent(balance)
    u = standard_uncertainty(closure)
    found = display(repr(nominal(closure)), repr(u) if u else None, "%")
    limits = balance.limits
    written = "" if limits is None else " to ".join(text for text in (limits.min, limits.max) if text is not None)
    bound = "" if not limits or (limits.min and limits.max) else "at least " if limits.min else "at most "
    default = " (the default of the program; the protocol states none)" if balance.limits_from == "default" else ""
    return f"{found} of the activity that went in is found again; wanted is {bound}{written} %{default}."
