"""Shows that the tests can fail: breaks the promises one by one in a copy, and lets the tests find it.

`python -m tests.mutants [NAME …]`; takes some minutes. Exit code 1 if a broken copy passes its tests.
"""

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
LEFT_OUT = shutil.ignore_patterns(".venv", ".git", "var", "__pycache__", ".*_cache", ".hypothesis", "bench-results")


@dataclass(frozen=True)
class Mutant:
    """One promise broken: in `file`, `old` becomes `new`; one of `tests` must fail."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTANTS = (
    Mutant(
        "claim after hand-over",
        "jobs/sending.py",
        "        messages = [self._renderer.render(claimed) for claimed in claim.messages]\n",
        "        messages = [self._renderer.render(claimed) for claimed in claim.messages]\n"
        "        keys = [(one.message_id, one.attempt, one.claimed_at) for one in claim.messages]\n"
        "        await self._in_database(lambda: sending.give_back(keys, now=now_ms()))\n",
        ("tests/integration/test_send_job.py",),
    ),
    Mutant(
        "no dedupe of webhooks",
        "models/operations/receipts.py",
        "        return self.provider, hashlib.sha256(said).hexdigest()\n",
        '        return self.provider, hashlib.sha256(said).hexdigest() + __import__("secrets").token_hex(8)\n',
        ("tests/integration/test_inbox.py", "tests/integration/test_webhooks.py"),
    ),
    Mutant(
        "no opt-out check",
        "models/operations/sending.py",
        "    refusing = opted_out(channel, [row[3] for row in found])\n",
        "    refusing: set[str] = opted_out(channel, [])\n",
        ("tests/integration/test_claims.py",),
    ),
    Mutant(
        "arrival order instead of the verdict table",
        "models/rules/verdicts.py",
        "    if new < old or (new == old and _weight(told, words) >= _weight(*known)):\n",
        "    if new < 0:\n",
        ("tests/unit/test_rules_verdicts.py", "tests/property/test_verdicts.py"),
    ),
    Mutant(
        "no fence",
        "models/operations/settling.py",
        "        if row is not None and row.number == event.attempt:\n",
        "        if row is not None:\n",
        ("tests/integration/test_settling.py", "tests/integration/test_retrying.py"),
    ),
    Mutant(
        "no lease",
        "models/operations/sending.py",
        "        now + lease_ms,\n        *ids,\n",
        "        None,\n        *ids,\n",
        ("tests/integration/test_claims.py", "tests/integration/test_timeouts.py"),
    ),
    Mutant(
        "resend on 5xx",
        "jobs/providers/twilio/words.py",
        "    if not 400 <= status < 500 or code in PERHAPS_TAKEN:\n        return Word.UNKNOWN\n",
        "    if status >= 500:\n        return Word.NOT_SENT\n",
        ("tests/integration/test_twilio.py",),
    ),
    Mutant(
        "GET unsubscribes",
        "admin/unsubscribing.py",
        '    if request.method == "POST":\n',
        "    if request.method:\n",
        ("tests/integration/test_webhooks.py",),
    ),
    Mutant(
        "signature skipped",
        "admin/webhooks.py",
        "    if not webhook.is_signed(config.variables, post, now_ms()):\n",
        "    if webhook is None:\n",
        ("tests/integration/test_webhooks.py",),
    ),
    Mutant(
        "counters outside the transaction",
        "models/operations/settling.py",
        "    gathered.deltas.write(now)\n",
        "    after_commit(lambda: gathered.deltas.write(now))\n",
        ("tests/integration/test_settling.py", "tests/integration/test_interleavings.py"),
    ),
)


def main(names: list[str]) -> int:
    """Try each; returns 1 if one was not caught."""
    survivors = []
    for mutant in MUTANTS:
        if names and mutant.name not in names:
            continue
        since = time.monotonic()
        caught_by = caught(mutant)
        print(f"{mutant.name}: {caught_by or 'NOT CAUGHT'} ({time.monotonic() - since:.0f} s)", flush=True)
        if not caught_by:
            survivors.append(mutant.name)
    return 1 if survivors else 0


def caught(mutant: Mutant) -> str:
    """The first test that fails on a broken copy; '' if none does."""
    with TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        broken = copy / mutant.file
        text = broken.read_text()
        assert text.count(mutant.old) == 1, f"{mutant.name}: {mutant.file} has changed, bring the mutant up to date"
        broken.write_text(text.replace(mutant.old, mutant.new))
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *mutant.tests]
        run = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
        assert run.returncode in (0, 1), f"{mutant.name}: the tests could not run:\n{run.stdout[-3000:]}"
        failed = [line for line in run.stdout.splitlines() if line.startswith("FAILED")]
        return failed[0].partition(" ")[2].partition(" - ")[0] if failed else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
