"""The profiles of a fleet: what differs from `[detection]`, and for whom."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, StringConstraints

from breaker.config.groups import (
    MOST_HEALTHY,
    BounceRate,
    ComplaintRate,
    DetectionSettings,
    Group,
    Share,
    Step,
)
from breaker.config.problems import nearest
from breaker.config.values import Names
from breaker.domain.detectors.detectors import Signal
from breaker.domain.profiles.profiles import Claim, Kind, contradictions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def _named(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("names nobody: leave it out, or say who is meant")
    return tuple(dict.fromkeys(names))


def _lowered(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.lower().strip(".") for name in names)


def _lowered_addresses(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.lower() if "@" in name else name for name in names)


ProfileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$", strip_whitespace=True)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Allowance = Annotated[float, Field(gt=0, le=100)]
Whom = Annotated[Names, AfterValidator(_named)]


class ProfileSettings(Group):
    """Detectors and thresholds of some accounts: a `[[profiles]]` table of the TOML file.

    An account has the profile that names it, else the one of its domain, its workspace, its application, else
    `[detection]`. What a profile doesn't say is as in the one that it extends, else as in its preset.
    """

    name: ProfileName
    """What it is called in verdicts, in the API and by `breaker error-rates --profile`."""

    preset: str | None = None
    """`standard`, `strict` or `lenient`: what it differs from. Default: `standard`, which is what `[detection]` says;
    `strict` acts earlier and more often for nothing, `lenient` later and more rarely."""

    extends: str | None = None
    """Another profile's name, in place of a preset. Unset: none. Whom that one applies to, its owner and its labels are
    its own."""

    healthy_bounce_rate: BounceRate | None = None
    """As in `[detection]`. Unset: as in what it extends."""

    healthy_complaint_rate: ComplaintRate | None = None
    """As in `[detection]`. Unset: as in what it extends."""

    level: Share | None = None
    """As in `[detection]`. Unset: as in what it extends."""

    allowance: Allowance | None = None
    """How many times the false alarms of an ordinary account each of these may have. The budget is the fleet's, so 3
    for a tenth of all accounts makes a fifth more false stops in all. Unset: as in what it extends."""

    bounces: Step | None = None
    """As in `[detection]`. Unset: as in what it extends."""

    complaints: Step | None = None
    """As in `[detection]`. Unset: as in what it extends."""

    accounts: Whom | None = None
    """Addresses and grant ids that it applies to, `*` standing for any characters and `?` for one. Of two patterns that
    fit, the one with more other characters wins."""

    domains: Annotated[Whom, AfterValidator(_lowered)] | None = None
    """Sending domains that it applies to, subdomains not included."""

    workspaces: Whom | None = None
    """Ids of the workspaces that it applies to; an account in quarantine belongs to where it came from."""

    applications: Whom | None = None
    """Ids of the applications that it applies to."""

    owner: Text | None = None
    """Who answers for these accounts, for people to read. Unset: nobody is named."""

    labels: Names = ()
    """What else people want to read beside these accounts. Default: nothing."""

    def claims(self) -> tuple[Claim, ...]:
        """Return whom it applies to."""
        said = {
            Kind.ACCOUNT: _lowered_addresses(self.accounts or ()),
            Kind.DOMAIN: self.domains or (),
            Kind.WORKSPACE: self.workspaces or (),
            Kind.APPLICATION: self.applications or (),
        }
        return tuple(Claim(kind, name) for kind, names in said.items() for name in names)


@dataclass(frozen=True, slots=True)
class ResolvedProfile:
    """A profile with everything filled in, whichever way it was said.

    Attributes:
        name: Its name.
        healthy_bounce_rate: A fraction of sends.
        healthy_complaint_rate: A fraction of delivered sends.
        level: A share of the platform's line.
        allowance: False alarms of one account, in those of an ordinary one.
        bounces: The strongest step that bounces lead to.
        complaints: The strongest step that complaints lead to.
        claims: Whom it applies to.
        owner: Who answers for them.
        labels: What else is said of them.
    """

    name: str
    healthy_bounce_rate: float
    healthy_complaint_rate: float
    level: float
    allowance: float
    bounces: Step
    complaints: Step
    claims: tuple[Claim, ...] = ()
    owner: str | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preset:
    """How a preset differs from `[detection]`: by what its values are multiplied.

    Args:
        healthy: The healthy rates.
        level: The level.
        allowance: The false alarms of one account.
    """

    healthy: float = 1.0
    level: float = 1.0
    allowance: float = 1.0


PRESETS: Mapping[str, Preset] = {
    "standard": Preset(),
    # At 12 % bounces it stops after a quarter fewer sends. At most three times the false stops, while bounces stay
    # below 1.5 %: an account at 2 % is not healthy to it, and of such, one to five in a hundred are stopped in a week.
    "strict": Preset(healthy=0.75, level=0.875, allowance=3.0),
    # After a fifth more sends; a third of the false stops, and that at up to 2.2 %. Not at more, since accounts at
    # 2.5 % that send much come to the platform's line by chance alone, where anybody is stopped.
    "lenient": Preset(healthy=1.1, level=1.125, allowance=1 / 3),
}
"""The presets; `breaker error-rates --presets` prints what they mean."""


def preset_profile(name: str, detection: DetectionSettings) -> ResolvedProfile:
    """Return a preset as a profile that applies to nobody."""
    factors = PRESETS[name]
    return ResolvedProfile(
        name=name,
        healthy_bounce_rate=min(MOST_HEALTHY[Signal.BOUNCE], _times(detection.healthy_bounce_rate, factors.healthy)),
        healthy_complaint_rate=min(
            MOST_HEALTHY[Signal.COMPLAINT], _times(detection.healthy_complaint_rate, factors.healthy)
        ),
        level=min(1.0, _times(detection.level, factors.level)),
        allowance=factors.allowance,
        bounces=detection.bounces,
        complaints=detection.complaints,
    )


def _times(value: float, factor: float) -> float:
    return float(f"{value * factor:.6g}")  # people read it


def resolve(profiles: Sequence[ProfileSettings], detection: DetectionSettings) -> tuple[ResolvedProfile, ...]:
    """Fill in what each profile leaves to its preset or to the one that it extends.

    Args:
        profiles: The profiles, without a problem (`problems`).
        detection: What `[detection]` says.
    """
    said = {one.name: one for one in profiles}

    def resolved(one: ProfileSettings) -> ResolvedProfile:
        below = resolved(said[one.extends]) if one.extends else preset_profile(one.preset or "standard", detection)
        own = {
            name: value
            for name in ("healthy_bounce_rate", "healthy_complaint_rate", "level", "allowance", "bounces", "complaints")
            if (value := getattr(one, name)) is not None
        }
        return replace(below, **own, name=one.name, claims=one.claims(), owner=one.owner, labels=one.labels)

    return tuple(resolved(one) for one in profiles)


def problems(profiles: Sequence[ProfileSettings]) -> Iterator[str]:
    """Yield what is wrong with profiles beside each other, each a line that names the key."""
    keys = {one.name: f"profiles[{place}]" for place, one in enumerate(profiles)}
    said = {one.name: one for one in profiles}
    for name, number in Counter(one.name for one in profiles).items():
        if number > 1:
            yield f"{keys[name]}.name: {name} is the name of {number} profiles"
    for one in profiles:
        yield from _problems_of(one, keys[one.name], said, {other.extends for other in profiles})
    for first, of_first, second, of_second in contradictions([(one.name, one.claims()) for one in profiles]):
        claims = "it too" if of_first == of_second else f"{of_second.name}, just as exactly"
        yield f"{keys[second]}.{of_second.kind}: {first} claims {of_first.name}, and {second} claims {claims}"


def _problems_of(
    one: ProfileSettings, key: str, said: Mapping[str, ProfileSettings], extended: set[str | None]
) -> Iterator[str]:
    if one.name in PRESETS:
        yield f"{key}.name: {one.name} is a preset's name: choose another"
    if one.preset is not None and one.extends is not None:
        yield f"{key}.extends: {one.name} has a preset too: keep one"
    if one.preset is not None and one.preset not in PRESETS:
        yield f"{key}.preset: there is no preset {one.preset}; the nearest one is {nearest(one.preset, PRESETS)}"
    if one.extends is not None and one.extends not in said:
        known = nearest(one.extends, [name for name in said if name != one.name])
        hint = f"; the nearest one is {known}" if known else ""
        preset = "; for a preset, say preset" if one.extends in PRESETS else hint
        yield f"{key}.extends: there is no profile {one.extends}{preset}"
    elif circle := _circle(one, said):
        yield f"{key}.extends: {' extends '.join(circle)}: a circle"
    if not one.claims() and one.name not in extended:
        yield f"{key}: {one.name} applies to nobody, and none extends it: say accounts, domains, ..."


def _circle(one: ProfileSettings, said: Mapping[str, ProfileSettings]) -> list[str]:
    """Return the names from a profile back to itself, or nothing."""
    way = [one.name]
    at: ProfileSettings | None = one
    while at is not None and at.extends is not None and len(way) <= len(said):
        way.append(at.extends)
        if at.extends == one.name:
            return way
        at = said.get(at.extends)
    return []
