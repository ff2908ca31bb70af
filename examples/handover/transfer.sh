#!/usr/bin/env bash
# A case passes from the examiner to Blake, in good order and not.
#   transfer.sh DEMO WORK     DEMO is what `evidence-kit demo --out DEMO` left; WORK is made anew
set -euo pipefail
DEMO=$1 WORK=$2
. "$(dirname "$(realpath "$0")")/people.sh"
ACQUISITION=$(basename case-of-alex/bags/*)

echo "1. Alex offers the case to Blake, whom the policy knows."
as alex custody transfer case-of-alex --to blake@example.org --trust "$POLICY" \
    --purpose "second examination" --medium "disk 0042, sealed bag 7" --condition "sealed, intact"
fails 3 as auditor verify case-of-alex --trust "$POLICY" --require-complete

echo "2. A courier drops the disk: Blake's copy differs in one byte. Blake rejects it in writing."
cp -r case-of-alex case-of-blake
ARTIFACT=$(find "case-of-blake/bags/$ACQUISITION/data" -type f | sort | sed -n 1p)
chmod u+w "$ARTIFACT" && printf x | dd of="$ARTIFACT" bs=1 seek=5 conv=notrunc status=none
fails 10 as blake custody accept case-of-blake --trust "$POLICY"
as blake custody reject case-of-blake --trust "$POLICY" --reason "one file differs" --out rejection.json > /dev/null
as alex custody record case-of-alex rejection.json --trust "$POLICY"

echo "3. Alex offers it again; this copy is good. Blake accepts, and Alex writes the receipt down."
as alex custody transfer case-of-alex --to blake@example.org --trust "$POLICY" \
    --purpose "second examination" --medium "disk 0043, sealed bag 8"
rm -rf case-of-blake && cp -r case-of-alex case-of-blake && cp -r case-of-alex older-copy
as blake custody accept case-of-blake --trust "$POLICY" --location "evidence room 3, shelf 12" --receipt receipt.json
as alex custody record case-of-alex receipt.json --trust "$POLICY"
cmp case-of-alex/custody/log.jsonl case-of-blake/custody/log.jsonl

echo "4. Both copies verify; only Blake can write now."
as auditor verify case-of-alex --trust "$POLICY"
as blake custody note case-of-blake "unpacked and stored"
fails 5 as alex custody note case-of-alex "one more thing"

echo "5. Somebody shows Blake the case as it was before the hand-over. Blake's machine remembers better."
fails 14 as blake custody accept older-copy --trust "$POLICY"

as auditor verify case-of-blake --trust "$POLICY" --last-checkpoint case-of-alex/custody/checkpoint
as blake custody log case-of-blake
