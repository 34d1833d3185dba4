#!/bin/sh
# Every check that needs no running application. All of them run; what failed is named at the end.
set -u
bin=.venv/bin
failed=

step() {
    name=$1
    shift
    printf '\n== %s\n' "$name"
    "$@" || failed="$failed, $name"
}

step "style" $bin/ruff check .
step "format" $bin/ruff format --check .
step "types" $bin/python -m mypy app wsgi.py scripts
step "import rules" $bin/lint-imports
step "template rules" $bin/python -m djlint templates --lint --quiet
step "known vulnerabilities" $bin/python scripts/audit.py

if [ -n "$failed" ]; then
    printf '\nFailed: %s\n' "${failed#, }"
    exit 1
fi
printf '\nEvery check passed.\n'
