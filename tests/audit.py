"""Asks for known vulnerabilities of what we pin: `python -m tests.audit`.

Exits with 1 when there are any. What could not be asked about is named as not audited, and is no failure: a
machine without the advisories' source still has to tell whether the code is good.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

CONSTRAINTS = Path(__file__).parent.parent / "constraints.txt"
PATIENCE_SECONDS = 60
COMMAND = ("pip_audit", "--disable-pip", "--no-deps", "--format=json", "--progress-spinner=off", "--timeout=5")


def main() -> int:
    """Print what is known; the exit code."""
    words = [sys.executable, "-m", *COMMAND, "--requirement", str(CONSTRAINTS)]
    try:
        asked = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
        dependencies = json.loads(asked.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        print(f"not audited: the advisories' source gave no answer within {PATIENCE_SECONDS} s")
        return 0
    except ValueError:
        print(f"not audited: {' '.join(asked.stderr.split()[-30:]) or 'the advisories did not come'}")
        return 0
    lines, code = verdict(dependencies)
    print("\n".join(lines))
    return code


def verdict(dependencies: list[dict[str, Any]]) -> tuple[list[str], int]:
    """What to print about the answers, one for each dependency, and the exit code."""
    skipped = [one["name"] for one in dependencies if "skip_reason" in one]
    audited = [one for one in dependencies if "skip_reason" not in one]
    vulnerable = [(one["name"], one["version"], fault) for one in audited for fault in one["vulns"]]
    lines = [
        f"{name} {version}: {fault['id']}, mended in {', '.join(fault['fix_versions']) or 'no version yet'}"
        for name, version, fault in vulnerable
    ]
    if skipped:
        lines.append(f"not audited: {len(skipped)} of {len(dependencies)}, the advisories don't know {_some(skipped)}")
    lines.append(f"{len(audited)} audited, {len(vulnerable)} known vulnerabilities")
    return lines, 1 if vulnerable else 0


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


if __name__ == "__main__":
    sys.exit(main())
