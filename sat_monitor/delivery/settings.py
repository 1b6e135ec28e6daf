"""Who receives what: `<home>/delivery.toml`; passwords and secrets in the environment or a file that only its owner reads."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from email.utils import getaddresses, parseaddr
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from sat_monitor.core.errors import DeliveryError
from sat_monitor.core.home import Home
from sat_monitor.delivery.message import MessageKind

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_KEPT = "every message, unsent"


class Security(StrEnum):
    """How the way to a mail server is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class SinkSettings(BaseModel):
    """A receiver, and what it takes: an empty filter takes all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="a name of your own; it must not change later")
    takes: tuple[MessageKind, ...] = Field(
        (MessageKind.TICKET, MessageKind.DIGEST), description="ticket, digest or both"
    )
    aois: tuple[str, ...] = Field((), description="only of these areas")
    municipalities: tuple[str, ...] = Field(
        (), description="only of these municipalities, names as the overlay has them"
    )
    authorities: tuple[str, ...] = Field((), description="only of these authorities, names as the zone layer has them")

    def accepts_place(self, aoi: str, municipality: str, authority: str) -> bool:
        """Whether a place is for this receiver; what is not known is empty and meets no filter."""
        filters = ((self.aois, aoi), (self.municipalities, municipality), (self.authorities, authority))
        return all(not wanted or value in wanted for wanted, value in filters)


class FolderSettings(SinkSettings):
    """A folder, such as a network share."""

    kind: Literal["folder"] = Field(description="the kind of receiver")
    path: Path = Field(description="the folder; relative paths begin at the home")


class MailSettings(SinkSettings):
    """One mailbox. Several receivers are several sinks, so that each is tried until it has the message."""

    kind: Literal["mail"] = Field(description="the kind of receiver")
    host: str = Field(min_length=1, description="the SMTP server")
    port: int = Field(587, ge=1, le=65535, description="its port")
    security: Security = Field(Security.STARTTLS, description="starttls, tls, or none for a relay in the same house")
    user: str = Field("", description="account at the server; its password is the secret of this sink")
    sender: str = Field(description="address that the mail comes from")
    to: str = Field(description="address that it goes to")
    timeout_s: float = Field(30.0, gt=0, le=600, description="longest wait for an answer, seconds")

    @field_validator("sender", "to")
    @classmethod
    def _one_address(cls, text: str) -> str:
        if (
            len(getaddresses([text])) != 1
            or _ADDRESS.fullmatch(parseaddr(text)[1]) is None
            or any(ord(c) < 32 for c in text)
        ):
            raise ValueError(f"{text!r} is not one address")
        return text

    @model_validator(mode="after")
    def _no_password_in_the_clear(self) -> MailSettings:
        if self.user and self.security is Security.NONE and self.host not in _LOOPBACK:
            raise ValueError(f"user {self.user!r} with security 'none': the password would travel in the clear")
        return self


class WebhookSettings(SinkSettings):
    """An address that takes signed JSON."""

    kind: Literal["webhook"] = Field(description="the kind of receiver")
    url: str = Field(description="https address; http only to this machine")
    attach: bool = Field(False, description="whether the page goes along, base64")
    timeout_s: float = Field(30.0, gt=0, le=600, description="longest wait for an answer, seconds")

    @field_validator("url")
    @classmethod
    def _safe(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.username or parts.password:
            raise ValueError("an address with a password in it: the secret signs instead")
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise ValueError(f"{url!r} is neither https nor of this machine")
        return url


AnySink = Annotated[FolderSettings | MailSettings | WebhookSettings, Field(discriminator="kind")]


class RetrySettings(BaseModel):
    """How often a message is tried: after a wait that doubles each time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first_wait_minutes: float = Field(5.0, ge=0.0, le=1440.0, description="wait after the first failed try, minutes")
    longest_wait_hours: float = Field(20.0, gt=0.0, le=168.0, description="longest wait between two tries, hours")
    tries: int = Field(
        14,
        ge=1,
        le=100,
        description="times that a receiver may ask to come again before a message is a dead letter (E2105)",
    )


class DeliveryFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sink: tuple[AnySink, ...] = ()
    retry: RetrySettings = RetrySettings()
    lang: Literal["ja", "en"] = "ja"

    @model_validator(mode="after")
    def _names_differ(self) -> DeliveryFile:
        names = [sink.name for sink in self.sink]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"sinks of one name: {', '.join(twice)}")
        return self


def delivery_path(home: Home) -> Path:
    """Where the settings lie."""
    return home.root / "delivery.toml"


def read_delivery(home: Home) -> DeliveryFile:
    """The settings; without a file nobody receives anything. Raises DeliveryError E2101 where they are not understood."""
    path = delivery_path(home)
    if not path.is_file():
        return DeliveryFile()
    try:
        return DeliveryFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        told = "; ".join(_lines(error)) if isinstance(error, ValidationError) else str(error)
        raise DeliveryError("E2101", f"{path.name}: {told}", _KEPT) from error


def _lines(error: ValidationError) -> list[str]:
    return [f"{'.'.join(str(part) for part in row['loc'])}: {row['msg']}" for row in error.errors()]


def secrets_path(home: Home) -> Path:
    """Where passwords and secrets lie, one line `name = "secret"` per sink, mode 600."""
    return home.root / "delivery-secrets.toml"


def secret_variable(name: str) -> str:
    """The environment variable that holds the secret of a sink; it wins over the file."""
    return f"SAT_MONITOR_SECRET_{name.upper().replace('-', '_')}"


def read_secret(home: Home, name: str, environment: Mapping[str, str]) -> SecretStr:
    """The secret of a sink; raises DeliveryError E2101 where there is none, or where others may read the file."""
    value = environment.get(secret_variable(name), "") or _from_file(secrets_path(home), name)
    if not value:
        what = f"no secret of {name!r}: set {secret_variable(name)} or a line in {secrets_path(home).name}"
        raise DeliveryError("E2101", what, _KEPT)
    return SecretStr(value)


def _from_file(path: Path, name: str) -> str:
    if not path.is_file():
        return ""
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        raise DeliveryError("E2101", f"{path.name} has mode {mode:o}, wanted is 600", _KEPT)
    try:
        plain: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # The parser's message may quote the line, and with it the secret.
        raise DeliveryError("E2101", f"{path.name} is not TOML", _KEPT) from None
    return str(plain.get(name, ""))
