from __future__ import annotations

import contextlib
import json
import traceback
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breaker.config import AdminToken, ConfigurationError, ListenAddress, Role, Settings, describe, load
from breaker.domain.circuits.circuit import Mode
from breaker.domain.outcomes.outcomes import BounceClass
from breaker.domain.platform.commands import Actuator

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def problems(
    environment: Mapping[str, str], flags: Mapping[str, object] | None = None, config: Path | None = None
) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(config, flags or {}, environment)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return sorted(caught.value.problems)


def written(folder: Path, text: str) -> Path:
    path = folder / "breaker.toml"
    path.write_text(text)
    return path


def test_nothing_said_is_the_documented_defaults(tmp_path: Path) -> None:
    settings = load(None, {"data_dir": tmp_path}, {})

    assert settings.model_dump() == Settings(data_dir=tmp_path).model_dump()
    assert settings.secrets_dir == tmp_path / "secrets"
    assert settings.listen == ListenAddress("127.0.0.1", 8580)
    assert settings.admin_listen == ListenAddress("127.0.0.1", 8581)
    assert settings.mode is Mode.OBSERVE
    assert settings.actuators == {Actuator.BLOCK, Actuator.LIMIT, Actuator.BLOCK_DOMAIN}
    assert settings.counting.representative_volumes == (1_000, 3_000, 10_000)
    assert (settings.guard.window_seconds, settings.guard.window_minimum, settings.guard.window_share) == (600, 5, 0.01)


def test_settings_made_directly_take_nothing_from_the_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BREAKER_MODE", "enforce")

    assert Settings(data_dir=tmp_path).mode is Mode.OBSERVE


def test_flags_win_over_the_environment_over_files_over_the_toml(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name in ("public_url", "application_id", "installation"):
        (secrets / name).write_text(f"https://file/{name}\n" if name == "public_url" else f"file-{name}\n")
    config = written(
        tmp_path,
        """
        mode = "enforce"
        public_url = "https://toml"
        application_id = "toml"
        installation = "toml"
        [guard]
        window_minimum = 7
        total_minimum = 7
        group_minimum = 7
        """,
    )

    settings = load(
        config,
        {"application_id": "flag", "guard.group_minimum": 9, "listen": None},
        {
            "BREAKER_DATA_DIR": str(tmp_path),
            "BREAKER_APPLICATION_ID": "environment",
            "BREAKER_INSTALLATION": "environment",
            "BREAKER_GUARD__TOTAL_MINIMUM": "8",
        },
    )

    assert settings.mode is Mode.ENFORCE
    assert (settings.public_url, settings.application_id, settings.installation) == (
        "https://file/public_url",
        "flag",
        "environment",
    )
    assert (settings.guard.window_minimum, settings.guard.total_minimum, settings.guard.group_minimum) == (7, 8, 9)
    sources = {line.key: line.source for line in describe(settings)}
    assert sources["mode"] == str(config)
    assert sources["public_url"] == str(secrets / "public_url")
    assert sources["application_id"] == "--application-id"
    assert sources["installation"] == "BREAKER_INSTALLATION"
    assert sources["guard.total_minimum"] == "BREAKER_GUARD__TOTAL_MINIMUM"
    assert sources["guard.total_share"] == "default"


def test_the_environment_names_the_file_where_no_flag_does(tmp_path: Path) -> None:
    config = written(tmp_path, 'mode = "enforce"')

    assert load(None, {"data_dir": tmp_path}, {"BREAKER_CONFIG": str(config)}).mode is Mode.ENFORCE


def test_lists_are_separated_by_commas_in_the_environment(tmp_path: Path) -> None:
    settings = load(
        None,
        {"data_dir": tmp_path},
        {
            "BREAKER_ACTUATORS": "block, quarantine",
            "BREAKER_WEBHOOK_SECRETS": "one,two",
            "BREAKER_COUNTING__REPRESENTATIVE_VOLUMES": "3000,500",
            "BREAKER_COUNTING__COUNTED_CLASSES__POLICY": "false",
            "BREAKER_COUNTING__SIMULATOR_DOMAINS": "Test.Example,other.example.",
            "BREAKER_ADMIN_TOKENS": "prometheus:read:r3ad,gate:gate:g4te,anna:t0ken",
        },
    )

    assert settings.actuators == {Actuator.BLOCK, Actuator.QUARANTINE}
    assert [secret.get_secret_value() for secret in settings.webhook_secrets] == ["one", "two"]
    assert settings.counting.representative_volumes == (500, 3_000)
    assert settings.counting.counted_classes == {BounceClass.POLICY: False}
    assert settings.counting.simulator_domains == {"test.example", "other.example"}
    assert [(one.name, one.role, one.token.get_secret_value()) for one in settings.admin_tokens] == [
        ("prometheus", Role.READ, "r3ad"),
        ("gate", Role.GATE, "g4te"),
        ("anna", Role.ACT, "t0ken"),
    ]
    assert all(isinstance(one, AdminToken) for one in settings.admin_tokens)


def test_an_empty_variable_says_nothing(tmp_path: Path) -> None:
    assert load(None, {"data_dir": tmp_path}, {"BREAKER_PUBLIC_URL": ""}).public_url is None


def test_unknown_keys_are_named_with_the_nearest_known_one(tmp_path: Path) -> None:
    config = written(tmp_path, '"lisen" = "x"\n[guard]\nwindow_minimun = 1\n[[applications]]\nid = "a"\napi_ky = "k"\n')

    assert problems({"BREAKER_LISTN": "x", "BREAKER_GUARD__TOTAL_MINIMUN": "1"}, {"mod": "enforce"}, config) == [
        "BREAKER_GUARD__TOTAL_MINIMUN: unknown key; the nearest known one is BREAKER_GUARD__TOTAL_MINIMUM",
        "BREAKER_LISTN: unknown key; the nearest known one is BREAKER_LISTEN",
        f"applications[0].api_ky ({config}): unknown key; the nearest known one is applications[0].api_key",
        f"guard.window_minimun ({config}): unknown key; the nearest known one is guard.window_minimum",
        f"lisen ({config}): unknown key; the nearest known one is listen",
        "mod (--mod): unknown key; the nearest known one is mode",
    ]


def test_what_kubernetes_injects_for_services_of_our_name_is_nobodys_setting(tmp_path: Path) -> None:
    injected = {
        "BREAKER_SERVICE_HOST": "10.0.0.11",
        "BREAKER_SERVICE_PORT": "8580",
        "BREAKER_SERVICE_PORT_WEBHOOKS": "8580",
        "BREAKER_PORT": "tcp://10.0.0.11:8580",
        "BREAKER_PORT_8580_TCP": "tcp://10.0.0.11:8580",
        "BREAKER_PORT_8580_TCP_PROTO": "tcp",
        "BREAKER_PORT_8580_TCP_PORT": "8580",
        "BREAKER_PORT_8580_TCP_ADDR": "10.0.0.11",
        "BREAKER_ADMIN_SERVICE_HOST": "10.0.0.12",
        "BREAKER_ADMIN_SERVICE_PORT": "8581",
        "BREAKER_ADMIN_PORT": "tcp://10.0.0.12:8581",
        "BREAKER_ADMIN_PORT_8581_TCP_ADDR": "10.0.0.12",
    }

    assert load(None, {"data_dir": tmp_path}, injected).model_dump() == Settings(data_dir=tmp_path).model_dump()
    assert problems({"BREAKER_ADMIN_PORT": "8581"})[0].startswith("BREAKER_ADMIN_PORT: unknown key")


def test_every_problem_is_told_at_once_with_its_key_and_where_it_was_said(tmp_path: Path) -> None:
    config = written(
        tmp_path,
        """
        mode = "enforced"
        actuators = ["block", "pause"]
        [detection]
        level = 2
        [counting.counted_classes]
        polcy = true
        """,
    )

    assert problems({"BREAKER_INTAKE": "{"}, config=config) == [
        "BREAKER_INTAKE: is not the JSON that it must be",
        *sorted(
            [
                f"actuators[1] ({config}): must be one of block, limit, block_domain, quarantine",
                f"counting.counted_classes.polcy ({config}): must be one of {', '.join(BounceClass)}",
                f"detection.level ({config}): must be less than or equal to 1",
                f"mode ({config}): must be one of observe, enforce",
            ]
        ),
    ]
    assert problems(
        {
            "BREAKER_LISTEN": "8580",
            "BREAKER_DATABASE_URL": "mysql://breaker:hunter2@db/breaker",
            "BREAKER_NYLAS_API_URL": "http://api.us.nylas.com",
            "BREAKER_ADMIN_TOKENS": "anna:admin:hunter2",
        }
    ) == [
        (
            "admin_tokens (BREAKER_ADMIN_TOKENS): entry 1 must be name:token or name:role:token with a role of read, "
            "gate or act, and no further colon"
        ),
        (
            "database_url (BREAKER_DATABASE_URL): must be a postgresql:// connection string, without a driver's name "
            "in its scheme"
        ),
        "listen (BREAKER_LISTEN): must be host:port, such as 127.0.0.1:8580 or [::1]:8580",
        "nylas_api_url (BREAKER_NYLAS_API_URL): must be https: the API key would travel in the clear",
    ]


def test_a_file_that_is_missing_or_no_toml_is_named(tmp_path: Path) -> None:
    missing, broken = tmp_path / "missing.toml", written(tmp_path, "mode = enforce")

    assert problems({}, config=missing) == [
        f"{missing}: the configuration file cannot be read (No such file or directory)"
    ]
    assert problems({}, config=broken) == [f"{broken}: is not TOML (Invalid value (at line 1, column 8))"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8580", ListenAddress("127.0.0.1", 8580)),
        ("0.0.0.0:0", ListenAddress("0.0.0.0", 0)),
        ("localhost:80", ListenAddress("localhost", 80)),
        ("[::1]:8580", ListenAddress("::1", 8580)),
    ],
)
def test_an_address_to_listen_at_is_read_and_written_alike(text: str, address: ListenAddress, tmp_path: Path) -> None:
    settings = load(None, {"data_dir": tmp_path}, {"BREAKER_LISTEN": text})

    assert settings.listen == address
    assert str(settings.listen) == text


SECRET = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=8).map(lambda text: f"S{text}S")


@given(secret=SECRET, wrong=st.booleans())
def test_no_secret_is_in_any_error_description_or_representation(secret: str, *, wrong: bool) -> None:
    environment = {
        "BREAKER_DATABASE_URL": f"{'mysql' if wrong else 'postgresql'}://breaker:{secret}@db/breaker",
        "BREAKER_DATABASE_DIRECT_URL": f"{'x' if wrong else 'postgresql'}://breaker:{secret}@db/breaker",
        "BREAKER_ADMIN_TOKENS": f"anna:{'nobody' if wrong else 'act'}:{secret}",
        "BREAKER_NYLAS_API_KEY": secret,
        "BREAKER_WEBHOOK_SECRETS": f"{secret},other",
        "BREAKER_SEND_HASH_KEY": secret * 4,
        "BREAKER_APPLICATIONS": json.dumps([{"id": 3 if wrong else "b", "api_key": secret}]),
        "BREAKER_APPLICATION_ID": "a",
        "BREAKER_DATA_DIR": "/nowhere",
    }
    if wrong:
        with pytest.raises(ConfigurationError) as caught:
            load(None, {}, environment)
        assert secret not in "".join(traceback.format_exception(caught.value))
        return

    settings = load(None, {}, environment)

    assert secret not in repr(settings)
    assert secret not in repr(settings.guarded_applications())
    assert secret not in repr(describe(settings))


@given(key=st.from_regex(r"[B-Z]{5,10}(__[A-Z]{3,8})?", fullmatch=True))
def test_a_variable_is_either_a_setting_or_an_error_that_names_it(key: str) -> None:
    name = f"BREAKER_{key}"
    known = key.lower() in Settings.model_fields or key == "PORT"

    with contextlib.nullcontext() if known else pytest.raises(ConfigurationError, match=name):
        load(None, {"data_dir": "/nowhere"}, {name: VALUES.get(key, "1")})


VALUES = {"MODE": "observe", "LISTEN": "h:1", "ACTUATORS": "block", "GUARD": "{}", "LEDGER": "{}", "INTAKE": "{}"}
