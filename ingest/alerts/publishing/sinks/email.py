"""A mailing list as a sink, by SMTP."""

from __future__ import annotations

import logging
import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

from ingest.alerts.publishing.configuration import EmailSink
from ingest.alerts.publishing.message import subject, text
from ingest.alerts.publishing.sinks.sink import Outgoing, Receipt, SinkError
from ingest.core.credentials import credential

_TIMEOUT: Final = 20.0
"""Time in s that each answer of the server may take."""

logger = logging.getLogger(__name__)


class EmailClient:
    """Sends each notice as a mail, whose Message-ID is always the same for the same notice.

    Parameters
    ----------
    settings : EmailSink
        Its table in ``live.toml``.

    Raises
    ------
    InputError
        If credentials are missing.
    """

    def __init__(self, settings: EmailSink) -> None:
        self._settings = settings
        self._login: tuple[str, str] | None = None
        if settings.credentials == "password":
            source = f"an account at {settings.host}"
            user, password = (
                credential(settings.name, key, source) for key in ("username", "password")
            )
            self._login = user, password

    def send(self, notice: Outgoing) -> Receipt:
        """Send a mail, and return when the server has accepted it."""
        mail = self._mail(notice)
        try:
            with self._connect() as server:
                if self._login is not None:
                    server.login(*self._login)
                refused = server.send_message(mail, self._settings.sender, list(self._settings.to))
        except smtplib.SMTPRecipientsRefused:
            # its text has the addresses
            raise SinkError("the server refuses the recipients", about_notice=True) from None
        except smtplib.SMTPAuthenticationError:
            raise SinkError("the server refuses user and password") from None
        except smtplib.SMTPDataError as error:
            permanent = 500 <= error.smtp_code < 600
            raise SinkError(f"the server refuses the mail ({error.smtp_code})", permanent) from None
        except smtplib.SMTPException as error:
            raise SinkError(f"the server fails ({type(error).__name__})") from None
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise SinkError(f"the server does not answer ({reason})") from None
        if refused:  # the others have it, and would get it twice
            logger.warning(
                "%s: the server refuses %d of %d recipients",
                *(self._settings.name, len(refused), len(self._settings.to)),
            )
        return Receipt()

    def close(self) -> None:
        """Do nothing: each mail has a connection of its own."""

    def _mail(self, notice: Outgoing) -> EmailMessage:
        mail = EmailMessage(policy=SMTP)
        mail["Subject"] = subject(notice.facts)
        mail["From"] = self._settings.sender
        mail["To"] = ", ".join(self._settings.to)
        domain = self._settings.sender.rpartition("@")[2]
        mail["Message-ID"] = f"<{notice.sha256}@{domain}>"
        mail["Date"] = datetime.now(UTC)
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(text(notice.facts) + "\n")
        return mail

    def _connect(self) -> smtplib.SMTP:
        where = self._settings.host, self._settings.port
        if self._settings.security == "tls":
            return smtplib.SMTP_SSL(*where, timeout=_TIMEOUT, context=ssl.create_default_context())
        server = smtplib.SMTP(*where, timeout=_TIMEOUT)
        if self._settings.security == "starttls":
            server.starttls(context=ssl.create_default_context())
        return server
