from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from breaker.adapters.secrets import (
    create_secret,
    read_send_hash_key,
    read_webhook_secrets,
    webhook_secrets_file,
    write_secret,
)
from breaker.config import ConfigurationError, Settings, load

if TYPE_CHECKING:
    from breaker.config import GuardedApplication


def secrets_of(settings: Settings, application: GuardedApplication) -> list[str]:
    return [secret.get_secret_value() for secret in read_webhook_secrets(settings, application)]


def hashed_with(key: str) -> bytes:
    return read_send_hash_key(Settings(data_dir=Path("/nowhere"), send_hash_key=SecretStr(key)))


@pytest.mark.parametrize("name", ["nylas_api_key", "NYLAS_API_KEY", "breaker_nylas_api_key", "BREAKER_NYLAS_API_KEY"])
def test_a_secrets_file_is_named_as_its_setting(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("key\n")

    settings = load(None, {"data_dir": tmp_path}, {"BREAKER_SECRETS_DIR": str(tmp_path)})

    assert settings.nylas_api_key is not None
    assert settings.nylas_api_key.get_secret_value() == "key"


def test_a_mounted_kubernetes_secret_is_read_through_its_links(tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    (mount / "..2026_11_20").mkdir(parents=True)
    (mount / "..2026_11_20" / "nylas_api_key").write_text("key")
    (mount / "..data").symlink_to("..2026_11_20")
    (mount / "nylas_api_key").symlink_to("..data/nylas_api_key")
    (mount / "somebody-elses").write_text("x")

    settings = load(None, {"data_dir": tmp_path, "secrets_dir": mount}, {})

    assert settings.nylas_api_key is not None
    assert settings.nylas_api_key.get_secret_value() == "key"


def test_what_systemd_gives_wins_over_our_own_files(tmp_path: Path) -> None:
    for folder in ("secrets", "credentials"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "nylas_api_key").write_text(folder)

    settings = load(None, {"data_dir": tmp_path}, {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")})

    assert settings.nylas_api_key is not None
    assert settings.nylas_api_key.get_secret_value() == "credentials"


def test_an_applications_own_key_is_in_a_file_that_ends_with_its_id(tmp_path: Path) -> None:
    (tmp_path / "nylas_api_key.Two").write_text("key of two")
    (tmp_path / "breaker.toml").write_text('[[applications]]\nid = "One"\n[[applications]]\nid = "Two"\n')

    settings = load(tmp_path / "breaker.toml", {"data_dir": tmp_path, "secrets_dir": tmp_path}, {})

    keys = [one.api_key and one.api_key.get_secret_value() for one in settings.guarded_applications()]
    assert keys == [None, "key of two"]


def test_two_files_that_differ_about_one_secret_are_refused_without_their_values(tmp_path: Path) -> None:
    (tmp_path / "nylas_api_key").write_text("hunter2")
    (tmp_path / "BREAKER_NYLAS_API_KEY").write_text("hunter3")

    with pytest.raises(ConfigurationError) as caught:
        load(None, {"data_dir": tmp_path, "secrets_dir": tmp_path}, {})

    files = f"{tmp_path / 'BREAKER_NYLAS_API_KEY'} and {tmp_path / 'nylas_api_key'}"
    assert caught.value.problems == (f"nylas_api_key: {files} say different things: keep one",)


def test_a_secrets_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "nylas_api_key").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigurationError) as caught:
        load(None, {"data_dir": tmp_path, "secrets_dir": tmp_path}, {})

    assert caught.value.problems == (f"nylas_api_key ({tmp_path / 'nylas_api_key'}): is not text in UTF-8",)


def test_webhook_secrets_written_while_the_daemon_runs_are_read_beside_the_configured_ones(tmp_path: Path) -> None:
    settings = load(None, {"data_dir": tmp_path}, {"BREAKER_WEBHOOK_SECRETS": "configured"})
    (application,) = settings.guarded_applications()
    before = secrets_of(settings, application)

    write_secret(webhook_secrets_file(settings, application), "new\nnewer, configured")

    assert before == ["configured"]
    assert secrets_of(settings, application) == ["configured", "new", "newer"]


def test_each_of_several_applications_has_a_webhook_secret_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "breaker.toml").write_text('[[applications]]\nid = "a"\n[[applications]]\nid = "b"\n')
    settings = load(tmp_path / "breaker.toml", {"data_dir": tmp_path}, {})
    first, second = settings.guarded_applications()

    write_secret(webhook_secrets_file(settings, first), "of a")
    write_secret(settings.secrets_dir / "webhook_secrets", "of nobody")

    assert (secrets_of(settings, first), secrets_of(settings, second)) == (["of a"], [])


def test_a_written_secret_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "webhook_secrets"

    write_secret(path, "first")
    write_secret(path, "second")

    assert path.read_text() == "second\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [one.name for one in path.parent.iterdir()] == ["webhook_secrets"]


def test_of_many_that_make_one_secret_at_once_all_get_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(max_workers=8) as threads:
        made = set(threads.map(lambda number: create_secret(tmp_path / "key", str(number)), range(32)))

    assert made == {(tmp_path / "key").read_text().strip()}
    assert [one.name for one in tmp_path.iterdir()] == ["key"]


def test_the_hash_key_is_made_once_and_the_same_after_a_restart(tmp_path: Path) -> None:
    made = read_send_hash_key(load(None, {"data_dir": tmp_path}, {}))

    assert len(made) == 32
    assert read_send_hash_key(load(None, {"data_dir": tmp_path}, {})) == made
    assert stat.S_IMODE((tmp_path / "secrets" / "send_hash_key").stat().st_mode) == 0o600


def test_a_hash_key_that_is_too_short_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="send_hash_key: must have at least 16 characters"):
        read_send_hash_key(Settings(data_dir=tmp_path, send_hash_key=SecretStr("short")))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_hash_key_that_cannot_be_kept_is_a_problem_of_the_configuration(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(ConfigurationError, match="a new one cannot be kept"):
        read_send_hash_key(Settings(data_dir=tmp_path))


@given(key=st.binary(min_size=32, max_size=32))
def test_a_key_in_hex_is_its_bytes(key: bytes) -> None:
    assert hashed_with(key.hex()) == key


@given(keys=st.sets(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=16), min_size=2, max_size=2))
def test_different_keys_are_different_bytes(keys: set[str]) -> None:
    one, other = map(hashed_with, keys)

    assert (len(one), len(other)) == (32, 32)
    assert (one == other) == (len({key.lower() for key in keys}) == 1 and all(_is_hex(key) for key in keys))


def _is_hex(text: str) -> bool:
    try:
        bytes.fromhex(text)
    except ValueError:
        return False
    return True
