"""``make attack``: the long attacks on instances of their own; ``python -m tests.attack load``.

Each prints its figures and fails if a bound is exceeded. All of them take about half an hour.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

ATTACKS = {
    "queries": ("tests.attack.queries", "20000"),
    "load": ("tests.attack.load", "60"),
    "kills": ("tests.attack.kills", "100"),
    "imports": ("tests.attack.imports", "50"),
    "listener": ("tests.attack.listener", "100"),
    "publication": ("tests.attack.publication", "1000"),
}
"""By name: the module, and its count or its duration in s."""


def main() -> int:
    """Run the attacks named, or all."""
    parser = argparse.ArgumentParser(description="Attacks on instances of their own.")
    parser.add_argument("attacks", nargs="*", metavar="|".join(ATTACKS))
    names = parser.parse_args().attacks or list(ATTACKS)
    if unknown := set(names) - set(ATTACKS):
        parser.error(f"no such attack: {', '.join(sorted(unknown))}")
    failed = []
    for name in names:
        module, count = ATTACKS[name]
        print(f"{name}: python -m {module} {count}", flush=True)
        begin = time.monotonic()
        if subprocess.run([sys.executable, "-m", module, count], check=False).returncode:
            failed.append(name)
        print(f"{name}: {time.monotonic() - begin:.0f} s", flush=True)
    if failed:
        print(f"FAILED: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
