#!/usr/bin/env bash
# Verifies every case in which a commit, or the commits of a push, add, change or remove something. The checkpoint of
# the commit before is the one that the custody log must extend, so a log cannot be rolled back by a commit.
# Arguments go to `evidence-kit verify`, for instance: --trust trust.yaml
set -euo pipefail

before=${PRE_COMMIT_FROM_REF:-HEAD}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$(git rev-parse --show-toplevel)"

# At a push pre-commit names the commit, or with the first one of all a branch alone.
pushed=${PRE_COMMIT_TO_REF:-${PRE_COMMIT_LOCAL_BRANCH:-}}
if [[ -n $pushed ]]; then
  # What lies in the folder is verified, so it must be what is pushed.
  if [[ $(git rev-parse --verify "$pushed^{commit}") != "$(git rev-parse --verify HEAD)" ]]; then
    echo "error: what is pushed is not what is checked out; check it out and push again" >&2
    exit 2
  fi
  if [[ -n ${PRE_COMMIT_FROM_REF:-} ]]; then
    git diff --name-only --no-renames -z "$PRE_COMMIT_FROM_REF" HEAD >"$work/touched"
  else
    git ls-tree -r --name-only -z HEAD >"$work/touched"
  fi
else
  git diff --cached --name-only --no-renames -z >"$work/touched"
fi

# Says whether the folder with this prefix, empty or ending in /, is a case now or was one before.
is_case() {
  git cat-file -e ":${1}custody/log.jsonl" 2>/dev/null || git cat-file -e "$before:${1}custody/log.jsonl" 2>/dev/null
}

# Prints what lies in a case otherwise than in what is committed or pushed. `derived/` can be made anew.
loose() {
  git diff --name-only ${pushed:+HEAD} -- ":(top,literal)$1"
  git ls-files --others -- ":(top,literal)$1" ":(top,exclude,literal)${1}derived" ":(top,exclude,literal)${1}.work"
}

status=0
check() {
  local prefix=$1
  shift
  loose "$prefix" >"$work/loose"
  if [[ -s $work/loose ]]; then
    echo "error: ./${prefix%/}: git does not have what lies here: $(head -n 3 "$work/loose" | tr '\n' ' ')" >&2
    status=2
    return
  fi
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
