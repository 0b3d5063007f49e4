"""Judge again: an account by its counters as they are by now, at its latest bad outcome, as if that had just come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.domain.detectors.detectors import Signal
from breaker.domain.outcomes.outcomes import OutcomeKind
from breaker.flows.evidence import LeftOut, evidence_of
from breaker.ports import SendingDomain

if TYPE_CHECKING:
    from breaker.domain.circuits.circuit import Circuit
    from breaker.domain.windows.counters import Counters
    from breaker.flows.judge import Judge
    from breaker.ports import Account, LedgerTransaction


async def judge_again(  # noqa: PLR0913, PLR0917 - the account in its three parts, and why it is asked
    transaction: LedgerTransaction,
    judge: Judge,
    account: Account,
    circuit: Circuit,
    counters: Counters,
    signal: Signal,
    now: float,
) -> Circuit:
    """Judge an account that the transaction has locked; return its circuit, changed where a verdict was given."""
    domain = SendingDomain(account.application_id, account.domain)
    standing = (await transaction.domains.standing([domain])).get(domain)
    left_out = LeftOut(
        account.domain,
        tuple(standing.left_out(now)) if standing else (),
        tuple(judge.holds.gaps(account.application_id)),
    )
    latest = await transaction.bad_outcomes_of(account.key, _KINDS[signal], 1)
    if not latest:
        return circuit
    evidence = await evidence_of(transaction, account.key, counters, left_out, _nothing)
    evidence.counters.latest = latest[0][0]
    return await judge.consider(transaction, account, circuit, counters, evidence, signal, now)


_KINDS = {Signal.BOUNCE: OutcomeKind.BOUNCED, Signal.COMPLAINT: OutcomeKind.COMPLAINT}


async def _nothing() -> None:
    """Do nothing: all is written down."""
