"""How this machine reaches Debian's mirror, PyPI and npm, as settings for another system on it.

They are read when the matrix runs, and only written into systems that are deleted afterwards.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.matrix import ROOT

_VARIABLES: Final = re.compile(
    r"(?i:(https?|ftp|no|all)_proxy)|PIP_\w+|npm_config_\w+"
    r"|SSL_CERT_(FILE|DIR)|(CURL|REQUESTS)_CA_BUNDLE|NODE_EXTRA_CA_CERTS"
)
_NPM: Final = ("registry", "cafile", "proxy", "https-proxy", "noproxy", "replace-registry-host")
_APT: Final = re.compile(r"Acquire::(https?|Retries|ForceIPv[46]|Queue-Mode)\b")
_COPIED: Final = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/ssl/certs/ca-certificates.crt",
    "/usr/local/share/ca-certificates",
)


def environment() -> dict[str, str]:
    """Return the variables of the environment that pip, npm and others need."""
    found = _pip() | _npm()
    return found | {name: text for name, text in os.environ.items() if _VARIABLES.fullmatch(name)}


def _pip() -> dict[str, str]:
    pip = shutil.which("pip") or shutil.which("pip3") or str(ROOT / ".venv" / "bin" / "pip")
    listed = _output(pip, "config", "list")
    settings = re.findall(r"(?m)^(global|install)\.([\w-]+)=(.*)$", listed)
    return {
        f"PIP_{name.upper().replace('-', '_')}": " ".join(str(ast.literal_eval(text)).split())
        for _, name, text in settings
    }


def _npm() -> dict[str, str]:
    values = {name: _output("npm", "config", "get", name).strip() for name in _NPM}
    return {
        f"npm_config_{name.replace('-', '_')}": text
        for name, text in values.items()
        if text not in ("", "null", "undefined")
    }


def apt(frozen: bool) -> str:
    """Return the settings of apt for its connections; `frozen` accepts lists that have expired."""
    lines = _output("apt-config", "dump", "Acquire").splitlines()
    found = [line for line in lines if _APT.match(line) and not line.endswith(' "";')]
    if frozen:
        found.append('Acquire::Check-Valid-Until "false";')
    return "".join(f"{line}\n" for line in found)


def take_over(root: Path, frozen: bool) -> None:
    """Write the settings of the network into the system in `root`, which is not in use."""
    for name in _COPIED:
        source, target = Path(name), root / name[1:]
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copy(source, target)
    (root / "etc/apt/apt.conf.d/90host").write_text(apt(frozen))


def named(values: Iterable[str], root: Path) -> list[Path]:
    """Return the files and directories of this machine that settings name and `root` lacks."""
    words = (word.removeprefix("file://") for text in values for word in text.split())
    paths = (Path(word) for word in words if word.startswith("/"))
    # of a package index, the files are beside the pages
    places = {path.parent if path.name == "simple" else path for path in paths}
    return sorted(path for path in places if path.exists() and not (root / str(path)[1:]).exists())


def _output(*command: str) -> str:
    if not shutil.which(command[0]):
        return ""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""
