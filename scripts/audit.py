"""Ask whether a pinned package has a known vulnerability, and say what nobody could tell."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
AUDITED = ("requirements.txt", "requirements-node.txt")


def main() -> int:
    """Return 0 when no vulnerability is known, 1 when one is or the audit could not be made."""
    answer = subprocess.run(command(AUDITED), cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(answer.stdout)["dependencies"]
    except ValueError:
        print(answer.stderr.strip())
        print("The audit could not be made: see the message above.")
        return 1
    return report(packages)


def command(files: Sequence[str]) -> list[str]:
    audit = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
    for file in files:
        audit += ["--requirement", file]
    return [*audit, "--require-hashes", "--disable-pip"]


def report(packages: Sequence[dict[str, Any]]) -> int:
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    bad = [package for package in packages if package.get("vulns")]
    for package in bad:
        for found in package["vulns"]:
            fixed = ", ".join(found["fix_versions"]) or "no version yet"
            print(f"{package['name']} {package['version']}: {found['id']}, fixed in {fixed}")
    print(f"Audited {len(packages) - len(unknown)} of {len(packages)} packages.")
    if unknown:
        print(f"NOT AUDITED, the package index here tells nothing about: {', '.join(unknown)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
