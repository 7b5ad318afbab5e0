"""The doctor looks at the certificate that the proxy shows."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from ingest.publish.doctor import upkeep
from ingest.publish.doctor.patient import Advice, Fault, Patient
from tests.instances import Instance
from tests.proxy.front import front, make_certificate
from tests.templates import port


def _expire(folder: Path) -> None:
    """Replace the certificate by one that has expired."""
    (folder / "index.txt").write_text("")
    (folder / "ca.cnf").write_text(
        "[ca]\ndefault_ca=a\n[a]\ndatabase=index.txt\nrand_serial=yes\ndefault_md=sha256\n"
        "new_certs_dir=.\npolicy=p\ncopy_extensions=copy\n[p]\ncommonName=supplied\n"
    )
    for command in (
        "openssl req -new -key key.pem -subj /CN=localhost -out request.pem"
        " -addext subjectAltName=DNS:localhost",
        "openssl ca -batch -config ca.cnf -selfsign -keyfile key.pem -in request.pem"
        " -startdate 20200101000000Z -enddate 20200201000000Z -out certificate.pem -notext",
    ):
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)


def _date(certificate: Path, later: float) -> None:
    """Set when a certificate was changed, in s from now; nginx 1.27 keeps what is not newer."""
    os.utime(certificate, (time.time() + later,) * 2)


def test_the_doctor_warns_before_a_certificate_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with front(Instance(tmp_path / "var", 1024), port(68), tls=True) as one:
        monkeypatch.setenv("KM3VO_SITE", str(one.folder / "site.toml"))
        monkeypatch.setenv("SSL_CERT_FILE", str(one.certificate))
        upkeep._certificate(Patient())
        make_certificate(one.folder, days=29)
        _date(one.certificate, 2)
        one.reload()
        with pytest.raises(Advice, match="ends on"):
            upkeep._certificate(Patient())
        _expire(one.folder)
        _date(one.certificate, 4)
        one.reload()
        with pytest.raises(Fault, match="expired"):
            upkeep._certificate(Patient())
