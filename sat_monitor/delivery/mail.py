"""Delivery by e-mail: one message per ticket, with its page, under a Message-ID that never changes."""

from __future__ import annotations

import contextlib
import hashlib
import mimetypes
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from pydantic import SecretStr

from sat_monitor.core.clock import TOKYO
from sat_monitor.core.errors import DeliveryError
from sat_monitor.delivery.message import Attachment, Message, safe_id
from sat_monitor.delivery.settings import MailSettings, Security
from sat_monitor.tickets.text import clean

#: What goes along: the page, and the outline for the map. Pictures are in the page.
_ATTACHED = (".pdf", ".geojson")
_KEPT = "the message, to be tried again"


@dataclass(frozen=True, slots=True)
class Login:
    """Name and password for the server; the password shows in no text."""

    user: str
    password: SecretStr


def compose(message: Message, attachments: tuple[Attachment, ...], sender: str, recipient: str) -> bytes:
    """The message as it travels (RFC 5322, MIME), the same bytes for the same message whatever try it is.

    Text of headers and lines is made harmless first.
    """
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = sender, recipient
    mail["Subject"] = clean(message.subject, 160)
    mail["Date"] = format_datetime(message.made_at.astimezone(TOKYO))
    mail["Message-ID"] = message_id(message.id, sender)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    # NUL and lone surrogates cannot travel; line breaks of the text stay.
    lines = (clean(line, 2000) for line in message.text.splitlines())
    mail.set_content("\n".join(lines) + "\n", cte="base64")
    for file in attachments:
        if file.name.endswith(_ATTACHED):
            _attach(mail, file)
    if mail.is_multipart():
        mail.set_boundary("=_" + hashlib.sha256(message.id.encode(errors="replace")).hexdigest()[:40])
    return mail.as_bytes()


def _attach(mail: EmailMessage, file: Attachment) -> None:
    guessed = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    main, sub = guessed.split("/")
    mail.add_attachment(file.content, maintype=main, subtype=sub, filename=clean(file.name, 80))


def message_id(identity: str, sender: str) -> str:
    """The Message-ID of a message: its id at the domain of the sender."""
    return f"<{safe_id(identity)}@{domain_of(sender)}>"


def domain_of(sender: str) -> str:
    """The domain of an address."""
    return parseaddr(sender)[1].rpartition("@")[2]


class MailSink:
    """One mailbox behind an SMTP server; the connection is kept for the messages of a run."""

    def __init__(self, settings: MailSettings, login: Login | None) -> None:
        self._settings = settings
        self._login = login
        self._server: smtplib.SMTP | None = None

    def send(self, message: Message, attachments: tuple[Attachment, ...]) -> str:
        """Hand the message to the server, which has taken it when this returns; returns the Message-ID.

        Raises DeliveryError E2102, E2103, E2104.
        """
        settings = self._settings
        content = compose(message, attachments, settings.sender, settings.to)
        try:
            server = self._connected()
            server.sendmail(parseaddr(settings.sender)[1], [parseaddr(settings.to)[1]], content)
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            raise self._told(error) from error
        return message_id(message.id, settings.sender)

    def close(self) -> None:
        """Leave the server."""
        if self._server is not None:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                self._server.quit()
            self._server = None

    def _connected(self) -> smtplib.SMTP:
        if self._server is None:
            self._server = self._connect()
        return self._server

    def _connect(self) -> smtplib.SMTP:
        one, context = self._settings, ssl.create_default_context()
        # A name of our own spares the look-up of this machine's.
        name = domain_of(one.sender)
        if one.security is Security.TLS:
            server: smtplib.SMTP = smtplib.SMTP_SSL(one.host, one.port, name, timeout=one.timeout_s, context=context)
        else:
            server = smtplib.SMTP(one.host, one.port, name, timeout=one.timeout_s)
        try:
            if one.security is Security.STARTTLS:
                server.starttls(context=context)
            if self._login is not None:
                server.login(self._login.user, self._login.password.get_secret_value())
        except BaseException:
            server.close()
            raise
        return server

    def _told(self, error: Exception) -> DeliveryError:
        """A failure with its number: what concerns the server or our account comes before what concerns the message."""
        where = f"{self._settings.host}:{self._settings.port}"
        code, answer = _answer(error)
        for address in (self._settings.to, self._settings.sender):  # no mailbox in store or report
            answer = answer.replace(parseaddr(address)[1], "<address>")
        what = f"{where}: {code or type(error).__name__} {clean(answer, 160)}".strip()
        by_message = isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError) or code == 552
        if not by_message or code == 421:
            return DeliveryError("E2102", what, _KEPT)
        if 400 <= code < 500:
            return DeliveryError("E2103", what, _KEPT)
        return DeliveryError("E2104", what, "the message, as a dead letter")


def _answer(error: Exception) -> tuple[int, str]:
    """Reply code and text of the server, 0 where it said nothing."""
    said: bytes | str
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()))
    elif isinstance(error, smtplib.SMTPResponseException):
        code, said = error.smtp_code, error.smtp_error
    else:
        return 0, str(error)
    return code, said.decode(errors="replace") if isinstance(said, bytes) else said
