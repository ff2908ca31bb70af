#!/usr/bin/env bash
# The examiner goes on with a new key; both keys sign the change.
#   rotation.sh DEMO WORK
set -euo pipefail
DEMO=$1 WORK=$2
. "$(dirname "$(realpath "$0")")/people.sh"

echo "1. Alex makes a new key. Old and new sign the rotation in the custody log."
as alex keys new --name alex-2027@example.com > /dev/null
as alex keys show alex-2027@example.com > new.pem
as alex custody rotate case-of-alex --key examiner@example.com --to alex-2027@example.com
# The old key's last signature is the rotation; from here on the new one counts.
sleep 1
SINCE=$(date -u +%Y-%m-%dT%H:%M:%SZ)
as alex custody note case-of-alex --key alex-2027@example.com "signed with the new key"

echo "2. To the auditor the new key is a stranger's: the log says it is Alex's, but a log is not whom to trust."
fails 15 as auditor verify case-of-alex --trust "$POLICY"

echo "3. The auditor hears it from Alex in person, and lets the new key take over. Old events stay good."
as auditor trust rotate "$POLICY" examiner@example.com --key new.pem --at "$SINCE"
as auditor verify case-of-alex --trust "$POLICY"

echo "4. From now on the old key signs nothing that counts."
as alex custody note case-of-alex --key examiner@example.com "signed with the old key"
fails 15 as auditor verify case-of-alex --trust "$POLICY"
as auditor trust show "$POLICY"
