"""Credentials: from the environment or a private file, and never shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest.core.credentials import FILE_VARIABLE, credential
from ingest.core.errors import InputError

SECRET = "k3-secret"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "credentials.toml"
    path.write_text(f'[zenodo]\ntoken = "{SECRET}"\n\n[datacite]\nrepository = 7\n')
    path.chmod(0o600)
    monkeypatch.setenv(FILE_VARIABLE, str(path))
    return path


def token() -> str:
    return credential("zenodo", "token", "a token of your account")


def test_the_environment_comes_before_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert token() == SECRET
    monkeypatch.setenv("KM3VO_ZENODO_TOKEN", " other\n")
    assert token() == "other"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_can_read_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(InputError, match="others can read") as caught:
        token()
    assert f"chmod 600 {file}" in str(caught.value)


def test_a_link_a_pipe_and_a_missing_file_are_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, pipe = file.with_name("link"), file.with_name("pipe")
    link.symlink_to(file)
    os.mkfifo(pipe, 0o600)
    for path in (link, pipe, file.with_name("nothing"), file.parent):
        monkeypatch.setenv(FILE_VARIABLE, str(path))
        with pytest.raises(InputError, match="cannot be read"):
            token()


@pytest.mark.parametrize(
    "text",
    [
        f"[zenodo]\ntoken = {SECRET}\n",
        f'[zenodo]\ntoken = "{SECRET}"\ntoken = "{SECRET}"\n',
        f'[zenodo]\ntoken = ["{SECRET}"]\n',
        f'[zenodo]\ntoken = "{SECRET}\\u0000"\n',
        f'[zenodo]\ntoken = "{SECRET}\\r\\nX-Header: 1"\n',
        f'[zenodo]\ntoken = "{SECRET}ß"\n',
        f'[other]\ntoken = "{SECRET}"\n',
        f'zenodo = "{SECRET}"\n',
        "",
    ],
)
def test_what_is_not_valid_is_refused_and_not_shown(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        token()
    assert SECRET not in str(caught.value)
    assert caught.value.remedy
