"""Credentials come from the environment or a file of mode 600, tokens end early, and neither shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from sat_monitor.imagery.login import Credentials, Login, read_credentials
from tests.imagery_world import raises_code

SECRET = "canary-7d21"
TOML = f'client_id = "me"\nclient_secret = "{SECRET}"\n'


def kept(folder: Path, text: str = TOML, mode: int = 0o600) -> Path:
    path = folder / "credentials.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    known = read_credentials(kept(tmp_path), {"SH_CLIENT_ID": "env", "SH_CLIENT_SECRET": "other"})
    assert known.client_id.get_secret_value() == "env"
    assert read_credentials(kept(tmp_path), {"SH_CLIENT_ID": "env"}).client_id.get_secret_value() == "me"


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o666, 0o644])
def test_a_file_that_others_read_is_refused(tmp_path: Path, mode: int) -> None:
    with raises_code("E1911"):
        read_credentials(kept(tmp_path, mode=mode), {})


@pytest.mark.parametrize("text", ["", "client_id = 'me'", f"client_secret = {SECRET}", f"{SECRET}", "client_id = ''"])
def test_a_file_that_holds_no_credentials_is_refused_without_quoting_it(tmp_path: Path, text: str) -> None:
    with raises_code("E1911") as error:
        read_credentials(kept(tmp_path, text), {})
    assert SECRET not in str(error.value) and SECRET not in repr(error.value.__cause__)


def test_no_credentials_at_all_say_so(tmp_path: Path) -> None:
    with raises_code("E1911"):
        read_credentials(tmp_path / "credentials.toml", {})


def login() -> Login:
    return Login("https://example.com/token", Credentials(SecretStr("me"), SecretStr(SECRET)))


def test_a_token_is_used_until_shortly_before_its_end() -> None:
    one = login()
    assert one.header(0.0) is None
    one.take(json.dumps({"access_token": "t1", "expires_in": 600}).encode(), 100.0)
    assert one.header(639.0) == {"Authorization": "Bearer t1"} and one.header(640.0) is None


def test_a_short_token_is_used_for_half_its_life() -> None:
    one = login()
    one.take(b'{"access_token": "t1", "expires_in": 20}', 0.0)
    assert one.header(9.9) and one.header(10.0) is None


def test_only_the_token_that_was_refused_is_forgotten() -> None:
    one = login()
    one.take(b'{"access_token": "t1"}', 0.0)
    old = one.header(1.0) or {}
    one.take(b'{"access_token": "t2"}', 2.0)
    one.forget(old)
    assert one.header(3.0) == {"Authorization": "Bearer t2"}
    one.forget({"Authorization": "Bearer t2"})
    assert one.header(3.0) is None


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"[]", b'{"error": "x"}', b'{"access_token": "t", "expires_in": "x"}']
)
def test_an_answer_without_a_token_is_refused(content: bytes) -> None:
    with raises_code("E1904"):
        login().take(content, 0.0)


def test_nothing_shows_the_secret() -> None:
    one = login()
    one.take(b'{"access_token": "canary-token"}', 0.0)
    shown = repr(one.__dict__)
    assert SECRET not in shown and "canary-token" not in shown and SECRET.encode() in one.form()
