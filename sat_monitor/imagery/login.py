"""Credentials and the tokens they buy (OAuth 2.0 client credentials, RFC 6749 section 4.4)."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from pydantic import SecretStr

from sat_monitor.core.errors import ServiceError

#: Seconds before its end at which a token is no longer used.
_MARGIN_S = 60.0
_VARIABLES = ("SH_CLIENT_ID", "SH_CLIENT_SECRET")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Client id and secret of an account; neither shows in a text, a log or an error."""

    client_id: SecretStr
    client_secret: SecretStr


def read_credentials(path: Path, environment: Mapping[str, str]) -> Credentials:
    """From SH_CLIENT_ID and SH_CLIENT_SECRET, else from a TOML file that only its owner may read.

    Raises ServiceError E1911 where neither is there, or others may read the file.
    """
    values = [environment.get(name, "") for name in _VARIABLES]
    if not all(values):
        values = _from_file(path)
    return Credentials(SecretStr(values[0]), SecretStr(values[1]))


def _from_file(path: Path) -> list[str]:
    if not path.is_file():
        raise ServiceError("E1911", f"neither {' and '.join(_VARIABLES)} nor {path.name}", "every scene stays owed")
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        raise ServiceError("E1911", f"{path.name} has mode {mode:o}, wanted is 600", "every scene stays owed")
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # The parser's message may quote the line, and with it the secret.
        raise ServiceError("E1911", f"{path.name} is not TOML", "every scene stays owed") from None
    values = [str(plain.get(name, "")) for name in ("client_id", "client_secret")]
    if not all(values):
        raise ServiceError("E1911", f"{path.name} lacks client_id or client_secret", "every scene stays owed")
    return values


class Login:
    """The current token of one account."""

    def __init__(self, token_url: str, credentials: Credentials) -> None:
        self.token_url = token_url
        self._credentials = credentials
        self._token: SecretStr | None = None
        self._good_until = 0.0

    def form(self) -> bytes:
        """What to post to the token address, urlencoded."""
        fields = {
            "grant_type": "client_credentials",
            "client_id": self._credentials.client_id.get_secret_value(),
            "client_secret": self._credentials.client_secret.get_secret_value(),
        }
        return urlencode(fields).encode()

    def take(self, content: bytes, now_s: float) -> None:
        """Keep the token of an answer; ServiceError E1904 where there is none in it. `now_s` is monotonic."""
        try:
            plain = json.loads(content)
            token, life_s = str(plain["access_token"]), float(plain.get("expires_in", 300.0))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ServiceError(
                "E1904", "the token service answered without a token", "every scene stays owed"
            ) from None
        self._token, self._good_until = SecretStr(token), now_s + max(life_s - _MARGIN_S, life_s / 2.0)

    def header(self, now_s: float) -> dict[str, str] | None:
        """The authorization header, None where a token is yet to be got."""
        if self._token is None or now_s >= self._good_until:
            return None
        return {"Authorization": f"Bearer {self._token.get_secret_value()}"}

    def forget(self, header: Mapping[str, str]) -> None:
        """Drop the token of a header that was refused; one that was got meanwhile stays."""
        if self._token is not None and header.get("Authorization") == f"Bearer {self._token.get_secret_value()}":
            self._token = None
