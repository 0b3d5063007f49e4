"""The wide world: decides what becomes of every accepted message, and when it is heard."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from breaker.simulator.identifiers import derived
from breaker.simulator.mail import delays
from breaker.simulator.mail.diagnostics import refusal, unauthenticated
from breaker.simulator.mail.domains import sends_feedback
from breaker.simulator.mail.fates import Fate, fate_of
from breaker.simulator.webhooks import notifications
from breaker.simulator.webhooks.notifications import Family

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from breaker.simulator.agenda import Agenda
    from breaker.simulator.application import Application
    from breaker.simulator.mail.diagnostics import Refusal
    from breaker.simulator.state.messages import Message
    from breaker.simulator.webhooks.notifications import Report


_COMPLAINT_TYPES = {Fate.ANGRY: "abuse", Fate.MISTAKEN: "not-spam"}


@dataclass(frozen=True, slots=True)
class MailOptions:
    """How the world treats mail.

    Attributes:
        families: The families of triggers that outcomes of accounts are reported by: the agent's alone, as documented;
            or the transactional one alone or both, as older texts have it.
        one_event_each: Whether every recipient has events of its own, or those of one domain and fate share them; which
            of the two the real platform does is unknown.
        complaints_heard: Which share of complaints is ever reported, of domains that report them.
        unauthenticated_refused: Which share of mail from a domain with broken authentication is refused by those
            providers that care.
    """

    families: tuple[Family, ...] = (Family.AGENT,)
    one_event_each: bool = False
    complaints_heard: float = 0.9
    unauthenticated_refused: float = 0.85


class Mail:
    """Decides the fate of messages, each sender's by a source of randomness of its own.

    So what happens to one account depends on no other account, and a run in which one is stopped can be compared with
    one in which it is not.

    Args:
        agenda: Where outcomes wait for their time.
        seed: What all randomness is drawn from.
        options: How mail is treated.
    """

    def __init__(self, agenda: Agenda, seed: int, options: MailOptions | None = None) -> None:
        self._agenda = agenda
        self._seed = seed
        self._options = options or MailOptions()
        self._sources: dict[str, random.Random] = {}
        #: Sending domains whose authentication is broken at present.
        self.unauthenticated: set[str] = set()

    def attach(self, application: Application) -> None:
        """Decide the fate of all that an application sends from now on."""
        application.fate = self.take

    def take(self, application: Application, message: Message) -> None:
        """Decide what becomes of a message; recipients of one domain with one fate share their events."""
        source = self._source(message.sender)
        broken = message.sender.rpartition("@")[2] in self.unauthenticated
        together: dict[tuple[str, str, Fate], list[str]] = defaultdict(list)
        for address in message.recipients:
            refused = unauthenticated(address) if broken else None
            if refused is not None and source.random() < self._options.unauthenticated_refused:
                self._later(application, message, delays.at_once(source), partial(_bounce, [address], refused))
            else:
                own = address if self._options.one_event_each else ""
                together[own, address.rpartition("@")[2], fate_of(address)].append(address)
        for (_, domain, fate), recipients in together.items():
            self._decide(application, message, domain, fate, recipients)

    def _decide(
        self, application: Application, message: Message, domain: str, fate: Fate, recipients: list[str]
    ) -> None:
        source = self._source(message.sender)
        later = partial(self._later, application, message)
        delivery = partial(notifications.delivered, recipients)
        bounce = partial(_refused, recipients, fate)
        match fate:
            case Fate.DELIVERED | Fate.SLOW:
                wait = delays.at_once if fate is Fate.DELIVERED else delays.after_greylisting
                later(wait(source), delivery)
            case Fate.GONE | Fate.UNWANTED | Fate.SUPPRESSED | Fate.FULL:
                wait = delays.after_giving_up if fate is Fate.FULL else delays.at_once
                later(wait(source), bounce)
            case Fate.LATE:
                later(first := delays.at_once(source), delivery)
                later(first + delays.returned(source), bounce)
            case Fate.OVERFULL:
                later(first := delays.after_giving_up(source), bounce)
                later(first + delays.after_greylisting(source), delivery)
            case Fate.ANGRY | Fate.MISTAKEN:
                later(first := delays.at_once(source), delivery)
                if self._complaint_is_heard(domain, source):
                    complaint = partial(_complaint, recipients, _COMPLAINT_TYPES[fate])
                    later(first + delays.until_complaint(source), complaint)
            case Fate.VIRUS:
                later(0.0, partial(notifications.rejected, recipients))
            case Fate.LOST:
                pass

    def _complaint_is_heard(self, domain: str, source: random.Random) -> bool:
        return sends_feedback(domain) and source.random() < self._options.complaints_heard

    def _later(self, application: Application, message: Message, delay: float, make: Callable[[int], Report]) -> None:
        self._agenda.at(message.sent_at + delay, partial(self._report, application, message, make))

    def _report(self, application: Application, message: Message, make: Callable[[int], Report]) -> None:
        if message.id not in application.messages.failed:
            families = self._options.families if message.grant_id is not None else ()
            application.report(message, make(application.surroundings.now()), *families)

    def _source(self, sender: str) -> random.Random:
        source = self._sources.get(sender)
        if source is None:
            source = self._sources[sender] = derived(self._seed, f"mail of {sender}")
        return source


def _refused(recipients: Sequence[str], fate: Fate, at: int) -> Report:
    return _bounce(recipients, refusal(fate, recipients[0]), at)


def _bounce(recipients: Sequence[str], words: Refusal, at: int) -> Report:
    return notifications.bounced(recipients, at, words.bounce_type, words.diagnostic_code)


def _complaint(recipients: Sequence[str], kind: str, at: int) -> Report:
    return notifications.complaint(recipients, at, kind)
