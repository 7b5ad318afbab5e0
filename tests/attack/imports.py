"""Many imports, some of them killed at random, while readers ask for everything that is served.

``python -m tests.attack.imports 50`` makes an instance of its own, and prints what readers
observed.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests import polling
from tests.instances import FIRST_PORT, KM3VO, ROOT, Instance

RELEASE = "ant20_01"
_IMPORT = ("import", "--release", RELEASE, "--force")
_LIST = ROOT / "inputs" / RELEASE / "PublicData_0717.dat"


@dataclass(frozen=True)
class Observed:
    """What readers observed of a number of imports.

    Attributes
    ----------
    imports, killed : int
        How many imports there were, and how many of them were killed.
    polls : int
        The number of questions that were asked.
    wrong : dict
        The answers that were neither of the right ones, with their numbers, by door.
    longest : dict of str to float
        The longest wait for an answer in s, by door.
    """

    imports: int
    killed: int
    polls: int
    wrong: dict[str, dict[str, int]]
    longest: dict[str, float]

    def __str__(self) -> str:
        failed = sum(number for answers in self.wrong.values() for number in answers.values())
        door = max(self.longest, key=self.longest.__getitem__)
        return (
            f"{self.imports} imports, {self.killed} killed: {self.polls} polls, {failed} wrong,"
            f" longest wait {self.longest[door]:.2f} s ({door}) {self.wrong or ''}"
        )


def read_during_imports(
    instance: Instance, count: int, folder: Path, seed: int = 0, pause: float = 0.0
) -> Observed:
    """Import two deliveries of a release in turn, and kill half of the imports at random.

    Parameters
    ----------
    instance : Instance
        A running instance, with the release.
    count : int
        The number of imports.
    folder : pathlib.Path
        An empty directory for the second delivery.
    seed : int, optional
        Decides which imports are killed, and when.
    pause : float, optional
        Time in s that each reader waits between two questions.
    """
    chance = random.Random(seed)
    other = polling.other_delivery(folder, _LIST)
    asked = polling.doors(RELEASE)
    right, durations = [], []
    for environment in (other, {}):
        begin = time.monotonic()
        done = instance.km3vo(*_IMPORT, **environment)
        assert done.returncode == 0, done.stderr
        durations.append(time.monotonic() - begin)
        right.append(polling.answers(instance, asked))
    killed = 0
    with polling.Readers(instance, asked, pause) as readers:
        for number in range(count):
            environment = ({}, other)[number % 2]
            if chance.random() < 0.5:
                killed += 1
                _kill_import(instance, environment, chance.uniform(0, max(durations)))
            else:
                done = instance.km3vo(*_IMPORT, **environment)
                assert done.returncode == 0, done.stderr
    for (door, found), body in readers.bodies.items():
        if found not in [one[door] for one in right]:
            (folder / f"wrong {door}").write_bytes(body)
    return Observed(count, killed, readers.polls, readers.wrong(*right), readers.longest)


def _kill_import(instance: Instance, environment: dict[str, str], after: float) -> None:
    process = subprocess.Popen(
        [KM3VO, *_IMPORT],
        env=instance.environment | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(after)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def main() -> int:
    """Run it on an instance of its own; return 1 if readers observed anything wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, help="the number of imports")
    parser.add_argument("--seed", type=int, default=0, help="decides which are killed, and when")
    parser.add_argument("--pause", type=float, default=0.0, help="of each reader, in s")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="km3vo-imports-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        instance = Instance(folder / "var", FIRST_PORT + 95)
        try:
            instance.up()
            (folder / "other").mkdir()
            arguments = (options.count, folder / "other", options.seed, options.pause)
            observed = read_during_imports(instance, *arguments)
            print(observed)
        finally:
            instance.reset()
    return int(any(observed.wrong.values()))


if __name__ == "__main__":
    sys.exit(main())
