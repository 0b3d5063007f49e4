from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breaker.adapters.postgres.modes import PostgresModes
from breaker.adapters.postgres.reading.accounts import PostgresAccounts
from breaker.app import window_sizes
from breaker.domain.acts.selectors import parse_selector
from breaker.domain.circuits.circuit import Mode
from breaker.domain.circuits.modes import Belonging, ConfiguredModes, Level, ModeSetting, mode_in_force
from breaker.ports import Account
from tests.fleet import APPLICATION

if TYPE_CHECKING:
    from tests.fleet import Fleet

BELONGING = Belonging("app", "7", "x.example", "home")


def setting(mode: Mode, expires_at: float | None = None) -> ModeSetting:
    return ModeSetting(mode, "trial", "ada", 0.0, expires_at)


def test_the_most_specific_setting_of_a_person_wins() -> None:
    places = [("7", Level.ACCOUNT), ("x.example", Level.DOMAIN), ("home", Level.WORKSPACE), ("app", Level.APPLICATION)]
    found = [
        mode_in_force(
            BELONGING,
            {("app", level, name): setting(Mode.EXEMPT) for name, level in places[first:]},
            ConfiguredModes(),
            0.0,
        )
        for first in range(5)
    ]

    assert found == [
        (Mode.EXEMPT, Level.ACCOUNT),
        (Mode.EXEMPT, Level.DOMAIN),
        (Mode.EXEMPT, Level.WORKSPACE),
        (Mode.EXEMPT, Level.APPLICATION),
        (Mode.OBSERVE, Level.DAEMON),
    ]


def test_the_most_specific_part_of_the_configuration_wins() -> None:
    workspace, application = {("app", "home"): Mode.ENFORCE}, {"app": Mode.ENFORCE}

    assert [
        mode_in_force(BELONGING, {}, configured, 0.0)
        for configured in (
            ConfiguredModes(Mode.OBSERVE, application, workspace),
            ConfiguredModes(Mode.OBSERVE, application),
            ConfiguredModes(Mode.ENFORCE),
        )
    ] == [(Mode.ENFORCE, Level.WORKSPACE), (Mode.ENFORCE, Level.APPLICATION), (Mode.ENFORCE, Level.DAEMON)]


def test_a_person_wins_over_the_configuration() -> None:
    configured = ConfiguredModes(Mode.ENFORCE, {"app": Mode.ENFORCE}, {("app", "home"): Mode.ENFORCE})
    settings_ = {("app", Level.APPLICATION, "app"): setting(Mode.OBSERVE)}

    assert mode_in_force(BELONGING, settings_, configured, 0.0) == (Mode.OBSERVE, Level.APPLICATION)


def test_an_expired_setting_is_as_good_as_none() -> None:
    settings_ = {("app", Level.ACCOUNT, "7"): setting(Mode.EXEMPT, expires_at=10.0)}

    assert [mode_in_force(BELONGING, settings_, ConfiguredModes(), now)[0] for now in (9.9, 10.0)] == [
        Mode.EXEMPT,
        Mode.OBSERVE,
    ]


def test_another_application_s_domain_of_that_name_is_another_one() -> None:
    settings_ = {("other", Level.DOMAIN, "x.example"): setting(Mode.ENFORCE)}

    assert mode_in_force(BELONGING, settings_, ConfiguredModes(), 0.0) == (Mode.OBSERVE, Level.DAEMON)


_modes = st.sampled_from([Mode.OBSERVE, Mode.ENFORCE, Mode.EXEMPT])
_set = st.none() | st.tuples(_modes, st.none() | st.sampled_from([-1.0, 0.0, 1.0]))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    people=st.fixed_dictionaries(dict.fromkeys(list(Level)[:4], _set)),
    configured=st.builds(
        ConfiguredModes,
        _modes,
        st.dictionaries(st.just(APPLICATION), _modes),
        st.dictionaries(st.just((APPLICATION, "home")), _modes),
    ),
    home=st.sampled_from([None, "home"]),
)
async def test_lists_and_whoever_judges_agree(
    known: Fleet,
    people: dict[Level, tuple[Mode, float | None] | None],
    configured: ConfiguredModes,
    home: str | None,
) -> None:
    key = await known.know("agent@x.example", "grant-1", workspace="seen", home=home)
    now = known.clock.now()
    names = {
        Level.ACCOUNT: str(key),
        Level.DOMAIN: "x.example",
        Level.WORKSPACE: "home",
        Level.APPLICATION: APPLICATION,
    }
    await known.pool.execute("DELETE FROM modes")
    for level, said in people.items():
        if said:
            mode, expiry = said
            await known.pool.execute(
                "INSERT INTO modes SELECT application, $1, $2, $3, 'trial', 'ada', 0, $4 FROM applications",
                level,
                names[level],
                mode,
                None if expiry is None else now + expiry,
            )
    judge = PostgresModes(known.pool, configured)
    sizes, profiles = window_sizes(known.settings), known.operations.in_force.profiles
    lists = PostgresAccounts(known.pool, sizes, lambda: configured, lambda: profiles, known.clock.now)

    (standing,) = await lists.find(parse_selector("grant-1"))

    in_force = await judge.in_force(Account(key, APPLICATION, "grant-1", "agent@x.example", "seen", home), now)
    assert (standing.mode, standing.mode_source) == (in_force.mode, in_force.source)
