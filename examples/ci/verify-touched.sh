#!/usr/bin/env bash
# Verifies every case in which a commit, or the commits of a push, add, change or remove something. The checkpoint of
# the commit before is the one that the custody log must extend, so a log cannot be rolled back by a commit.
# Arguments go to `evidence-kit verify`, for instance: --trust trust.yaml
set -euo pipefail

before=${PRE_COMMIT_FROM_REF:-HEAD}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$(git rev-parse --show-toplevel)"

if [[ -n ${PRE_COMMIT_FROM_REF:-} && -n ${PRE_COMMIT_TO_REF:-} ]]; then
  git diff --name-only --no-renames -z "$PRE_COMMIT_FROM_REF" "$PRE_COMMIT_TO_REF" >"$work/touched"
else
  git diff --cached --name-only --no-renames -z >"$work/touched"
fi

# Says whether the folder with this prefix, empty or ending in /, is a case now or was one before.
is_case() {
  git cat-file -e ":${1}custody/log.jsonl" 2>/dev/null || git cat-file -e "$before:${1}custody/log.jsonl" 2>/dev/null
}

status=0
check() {
  local prefix=$1
  shift
  if git cat-file -e "$before:${prefix}custody/checkpoint" 2>/dev/null; then
    git cat-file blob "$before:${prefix}custody/checkpoint" >"$work/checkpoint"
    set -- "$@" --last-checkpoint "$work/checkpoint"
  fi
  evidence-kit verify "$@" -- "./${prefix%/}" || status=$?
}

# git sorts paths, so all that belongs to one case comes together.
last=
while IFS= read -r -d '' path <&3; do
  if [[ -n $last && $path == "$last"* ]]; then continue; fi
  prefix=$path
  while [[ -n $prefix ]]; do
    prefix=${prefix%/}
    if [[ $prefix == */* ]]; then prefix=${prefix%/*}/; else prefix=; fi
    if is_case "$prefix"; then
      check "$prefix" "$@"
      last=$prefix
      break
    fi
  done
  if [[ -z $prefix ]] && is_case ""; then break; fi
done 3<"$work/touched"
exit "$status"
