#!/usr/bin/env bash
# The examiner's key is stolen. What a time-stamp proves to be older still counts.
#   revocation.sh DEMO WORK TSA-URL TSA-ROOT.pem
set -euo pipefail
DEMO=$1 WORK=$2 TSA=$3 ROOT=$(realpath "$4")
. "$(dirname "$(realpath "$0")")/people.sh"

echo "1. Two copies of one case: of one, seal and custody log are time-stamped by an authority that the auditor trusts."
cp -r case-of-alex never-stamped
as auditor trust add "$POLICY" --name "the authority" --tsa-certificate "$ROOT"
as alex timestamp case-of-alex --tsa "$TSA"
as auditor verify case-of-alex --trust "$POLICY" --require-timestamp
fails 15 as auditor verify never-stamped --trust "$POLICY" --require-timestamp

echo "2. Weeks later Alex's laptop is stolen. The auditor revokes the key from now on."
sleep 2
as auditor trust revoke "$POLICY" examiner@example.com --reason compromised

echo "3. What was stamped before stands. What was not might be the thief's, whatever date it claims."
as auditor verify case-of-alex --trust "$POLICY" --require-timestamp
fails 15 as auditor verify never-stamped --trust "$POLICY"

echo "4. The thief writes into the case. The log takes it, the auditor does not."
as alex custody note case-of-alex "nothing to see here"
fails 15 as auditor verify case-of-alex --trust "$POLICY"
