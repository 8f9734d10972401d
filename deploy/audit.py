"""Called by `make audit`: known vulnerabilities of the locked packages, by pip-audit in an environment of its own.

Exit code 0: none are known; 1: some are; 3: pip-audit cannot be installed, or cannot reach its data.
"""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
ENVIRONMENT = REPOSITORY / ".venv-audit"
VERSION = "2.10.1"
LOCKS = ("cpu.lock", "build.lock")
UNKNOWN = 3


def main() -> int:
    program = ENVIRONMENT / "bin" / "pip-audit"
    if not program.exists():
        venv.create(ENVIRONMENT, with_pip=True)
        pip = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet", f"pip-audit=={VERSION}"]
        if subprocess.run(pip, check=False, capture_output=True).returncode:
            print("pip-audit cannot be installed here (is there a network?); nothing was audited")
            return UNKNOWN
    code = 0
    for name in LOCKS:
        command = [str(program), "--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off"]
        lock = REPOSITORY / "requirements" / name
        done = subprocess.run([*command, "-r", str(lock)], check=False, capture_output=True, text=True)
        lines, result = verdict(name, done.stdout, done.stderr)
        print(*lines, sep="\n")
        code = max(code, result)
    return code


def verdict(name: str, output: str, errors: str) -> tuple[Sequence[str], int]:
    """What to print about one lock, and the exit code."""
    try:
        packages: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (errors.strip().splitlines() or ["it said nothing"])[-1]
        return [f"{name}: pip-audit could not reach its data ({last}); nothing was audited"], UNKNOWN
    skipped = [package for package in packages if "skip_reason" in package]
    if len(skipped) == len(packages):
        return [
            f"{name}: pip-audit could not reach its data ({skipped[0]['skip_reason']}); nothing was audited"
        ], UNKNOWN
    lines = [
        f"{name}: {package['name']} {package['version']}: {one['id']}, "
        f"fixed in {', '.join(one['fix_versions']) or 'none'}"
        for package in packages
        for one in package.get("vulns", ())
    ]
    audited = f"{name}: {len(packages) - len(skipped)} packages audited, {len(lines)} known vulnerabilities"
    if skipped:
        audited += f"; not audited: {', '.join(package['name'] for package in skipped)}"
    return [*lines, audited], 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
