#!/usr/bin/env bash
# Check a whole case without evidence-kit: bash, GNU coreutils, GNU sed, awk, find, jq >= 1.6 and OpenSSL >= 3.0.
#
#   check.sh [--each] [--tsa CA.pem] [--last CHECKPOINT] CASE KEY.pem...
#
# KEY.pem are public keys that you trust, and that you did not take from the case: whoever can alter a case can put
# another key into it. After a hand-over that is more than one person's. Exit 0: every question was answered with yes.
# Exit 1: at least one was not. Exit 2: it could not be asked. Lines with `--` say what was not asked.
#
#   --each              check the signature of every artifact's attestation, not of the first one only
#   --tsa CA.pem        roots of the time-stamp authorities that you trust, and certificates that their tokens leave
#                       out, one after the other: every token must verify, at the time that it tells itself
#   --last CHECKPOINT   a checkpoint that you kept outside the case: the log must still be the same up to there
#
# It does not ask whether a key held the right role at the right time, nor whether CloudTrail's own digests agree with
# the log files; `evidence-kit verify` does. docs/case-format.md says what each question is about. Made for thousands
# of artifacts, not for millions: each becomes a small temporary file.
set -uo pipefail
export LC_ALL=C # lengths in bytes, bytewise order, one alphabet

readonly TYPES=https://evidence-kit.dev/attestation PAYLOAD=application/vnd.in-toto+json
readonly BUNDLE=application/vnd.dev.sigstore.bundle.v0.3+json
# What stands outside every manifest.
readonly SAFE='[A-Za-z0-9._=@+,-]+' COUNTERSIGNATURE='[0-9a-f]{64}\.sigstore\.json'
readonly REPLY="$SAFE\.(tsr|reply)"
readonly KEPT="custody/(checkpoints/[0-9]+|timestamps/[0-9]+/$REPLY|renewals/[0-9]+-manifest-sha512\.txt)"
readonly BESIDE="seal/($COUNTERSIGNATURE|timestamps/$REPLY)"
readonly PLAYED="custody/runs/$SAFE/(playbook[.]yaml|journal[.]jsonl|answers/$SAFE[.]json)"
readonly SEALED='manifest-sha256.txt record/acquisition.json record/artifacts.intoto.jsonl record/exchanges.jsonl
seal/acquisition.pub tagmanifest-sha256.txt'

for program in openssl jq sha256sum basenc base64 split truncate stat awk sed find sort comm cmp xargs mktemp \
    realpath date; do
    command -v "$program" >/dev/null || { echo "error: this needs \`$program\`, which is not installed" >&2; exit 2; }
done
usage() { echo 'usage: check.sh [--each] [--tsa CA.pem] [--last CHECKPOINT] CASE KEY.pem...' >&2 && exit 2; }
each=no tsa='' last=''
while [[ ${1-} == --* ]]; do
    case $1 in
    --each) each=yes ;;
    --tsa) tsa=$(realpath -e -- "${2-}") && shift || usage ;;
    --last) last=$(realpath -e -- "${2-}") && shift || usage ;;
    *) usage ;;
    esac
    shift
done
(($# >= 2)) || usage
here=$(cd -- "$1" 2>/dev/null && pwd) || { echo "error: \`$1\` is not a folder" >&2; exit 2; }
shift
work=$(mktemp -d) || exit 2
trap 'rm -rf -- "$work"' EXIT

# -- small words ---------------------------------------------------------------------------------------------------

place=''
die() { # end the question that is being asked; names on disk are shown without bytes that a terminal would obey
    printf '%s%s' "$place" "$*" | tr '\n' ' ' | tr -cd '[:print:]'
    exit 1
}

digest() { sha256sum <"$1" | cut -c1-64; }

hex() { basenc --base16 -w0 | tr A-F a-f; }

accept() { # KEY.pem FOLDER: file a public key under its name, the SHA-256 of its DER
    local id
    openssl pkey -pubin -in "$1" -outform DER 2>/dev/null >"$work/der" || die "not a public key: ${1##*/}"
    id=$(digest "$work/der")
    cp -- "$1" "$2/$id.pem"
    if openssl pkey -pubin -in "$1" -noout -text | grep -qi ed25519; then : >"$2/$id.ed25519"; fi
}

signed_by() { # KEY DATA SIGNATURE
    if [[ -e $1.ed25519 ]]; then
        openssl pkeyutl -verify -pubin -inkey "$1.pem" -rawin -in "$2" -sigfile "$3"
    else
        openssl dgst -sha256 -verify "$1.pem" -signature "$3" "$2"
    fi &>/dev/null
}

compact() { # every line is compact JSON: no byte is idle, and no key stands twice, for jq would drop the first
    jq -ac . "$1" 2>/dev/null | cmp -s - "$1" || die "not compact JSON, line by line"
}

envelopes() { # FILE TYPE KEYS OUT [MOST]: collect payloads in OUT; each is a statement signed by a key in KEYS
    local id signature payload number=0
    compact "$1"
    jq -r --arg t "$PAYLOAD" --arg p "$TYPES/$2/v1" 'if .payloadType == $t and (.signatures | length) == 1
        and (.payload | @base64d | fromjson | ._type == "https://in-toto.io/Statement/v1" and .predicateType == $p
            and ((.predicate.critical // []) | length) == 0)
        then [.signatures[0].keyid, .signatures[0].sig, .payload] | @tsv else error("other") end' \
        "$1" >"$work/table" 2>/dev/null ||
        die "a line is no statement of type $2 with one signature, or has critical fields unknown here"
    : >"$4"
    while read -r id signature payload; do
        number=$((number + 1))
        place="line $number: "
        base64 -d <<<"$payload" >"$work/payload" && base64 -d <<<"$signature" >"$work/sig" || die "is not base64"
        [[ $id =~ ^[0-9a-f]{64}$ && -e $3/$id.pem ]] || die "signed by key ${id:0:12}, which nobody vouches for"
        # What is signed is not the payload but its pre-authentication encoding (DSSE v1): lengths, type, payload.
        { printf 'DSSEv1 %d %s %d ' "${#PAYLOAD}" "$PAYLOAD" "$(stat -c %s "$work/payload")" &&
            cat "$work/payload"; } >"$work/pae"
        signed_by "$3/$id" "$work/pae" "$work/sig" || die "the signature does not verify under key ${id:0:12}"
        cat "$work/payload" >>"$4" && echo >>"$4"
        if [[ ${5-} == "$number" ]]; then break; fi
    done <"$work/table"
    place=''
}

hashes() { # FILE PREFIX: the SHA-256 of PREFIX and each line without its line feed; one process, not one a line
    [[ -s $1 ]] || return 0
    rm -rf "$work/lines" && mkdir "$work/lines"
    sed "s/^/$2/" "$1" | split -l 1 -a 7 -d - "$work/lines/"
    (cd "$work/lines" && find . -type f -print0 | sort -z >../names && xargs -0 truncate -s -1 <../names &&
        xargs -0 sha256sum <../names | cut -c1-64)
}

root() { # leaf hashes on standard input -> the RFC 6962 root, level by level; a node without a sibling moves up
    cat >"$work/level"
    [[ -s $work/level ]] || { sha256sum </dev/null | cut -c1-64 && return; }
    while (($(wc -l <"$work/level") > 1)); do
        rm -rf "$work/nodes" && mkdir "$work/nodes"
        awk 'NR % 2 { left = $0; next } { print "01" left $0 }' "$work/level" | tr a-f A-F |
            basenc --base16 -d | split -b 65 -a 7 -d - "$work/nodes/"
        (cd "$work/nodes" && find . -type f -print0 | sort -z | xargs -0 sha256sum | cut -c1-64) >"$work/above"
        awk 'NR % 2 { last = $0 } END { if (NR % 2) print last }' "$work/level" >>"$work/above"
        mv "$work/above" "$work/level"
    done
    cat "$work/level"
}

asked=0 wrong=0
ask() { # WHAT COMMAND...: run the command; what it prints is the answer, how it ends is the verdict
    local what=$1 said
    shift
    said=$(set -e && "$@" 2>&1)
    if (($? == 0)); then
        printf '    ok    %-12s %s\n' "$what" "$said" >>"$work/answers"
    else
        printf '    FAIL  %-12s %s\n' "$what" "${said:-the check itself failed}" >>"$work/answers"
        wrong=$((wrong + 1))
    fi
    asked=$((asked + 1))
}

leave() { printf '    --    %-12s %s\n' "$1" "$2" >>"$work/answers"; } # say what is not asked

token() { # TOKEN DATA: RFC 3161, judged at the time that it tells, for certificates expire and tokens stay
    local at
    at=$(openssl ts -reply -in "$1" -text 2>/dev/null | sed -n 's/^Time stamp: //p')
    [[ -n $at ]] || die "${1##*/} is no time-stamp"
    openssl ts -verify -in "$1" -data "$2" -CAfile "$tsa" -untrusted "$tsa" -attime "$(date -ud "$at" +%s)" \
        &>/dev/null || die "${1##*/} is by no authority that you gave, or over something else"
}

stamps() { # CHECK TOKEN...: check tokens where there are any, and somebody to believe them
    [[ -e $2 ]] || return 0
    if [[ -n $tsa ]]; then ask timestamps "$1"; else leave timestamps "$(($# - 1)) there; give --tsa"; fi
}

# -- the custody log -----------------------------------------------------------------------------------------------

trusted() {
    local pem
    for pem; do accept "$pem" "$work/trusted"; done
    echo "$# given"
}

plain() { # before anything is opened: a link, a device or a pipe in place of a file can lead anywhere, or never end
    local odd
    odd=$(find "$here" -path "$here/derived" -prune -o ! -type f ! -type d -print | head -n 3)
    [[ -z $odd ]] || die "not plain files: $odd"
    echo "all plain files"
}

events() {
    local log=$here/custody/log.jsonl number
    [[ -s $log ]] || die "there is no custody log"
    [[ -z $(tail -c 1 "$log") ]] || die "the last line is torn"
    envelopes "$log" custody-event "$work/trusted" "$work/events"
    cut -f 1 "$work/table" | cmp -s - <(jq -r '.predicate.actor.keyid' "$work/events") ||
        die "an event names an actor whose key did not sign it"
    hashes "$log" '\x00' >"$work/leaves"
    for ((number = 0; number < $(wc -l <"$log"); number++)); do
        echo "$number $number $(head -n "$number" "$work/leaves" | root)"
    done >"$work/heads"
    # Each event says its place, and the size and root of all that stood before it.
    jq -r '.predicate | "\(.seq) \(.log.size) \(.log.root)"' "$work/events" | cmp -s - "$work/heads" ||
        die "an event was signed over other lines than those before it"
    jq -es '[.[].predicate] | (map(.case) | unique | length) == 1 and
        (to_entries | all(.[]; (.key == 0) == (.value.type == "case.opened"))) and
        (map(.at | sub("\\.[0-9]+Z$"; "Z")) | . == sort)' "$work/events" >/dev/null ||
        die "events of several cases, not opened once, or dated out of order"
    jq -r '.predicate | .type as $t | .acquisition | select(. != null) | [$t, .id, .publicKey // ""] | @tsv' \
        "$work/events" >"$work/steps"
    head -n 1 "$work/events" | jq -r '.predicate.case' >"$work/name"
    jq -r '.predicate | select(.type == "case.opened" or .type == "transfer.accepted") |
        [.seq, .logKey.origin, .logKey.publicKey] | @tsv' "$work/events" >"$work/pens"
    jq -r '.predicate.witness // empty | [.name, .publicKey] | @tsv' "$work/events" | sort -u >"$work/witnesses"
    [[ $(cut -f 2 "$work/pens" | sort -u | wc -l) == 1 ]] || die "an acceptance names a key for another log"
    awk '$1 ~ /started$/ { if (now[$2]) bad = 1; now[$2] = "open" } now[$2] != "open" { bad = 1 }
        $1 ~ /sealed$/ { now[$2] = $1 } END { exit bad }' "$work/steps" ||
        die "an acquisition was not open when the log continued or closed it"
    echo "$number events, each signed by a key you gave, each over the tree of those before it"
}

handover() { # an acceptance names the leaf of the open offer, and is signed by the key to which that was made
    local bad done holder offer
    jq -rs --rawfile leaves "$work/leaves" '($leaves | split("\n")) as $leaf | reduce .[].predicate as $e ({done: 0};
        $e.actor.keyid as $by | $e.transfer.offer as $named | .offer as $open |
        ($open != null and $named.seq == $open and $named.leaf == $leaf[$open // 0]) as $answers |
        if $e.type == "case.opened" then .holder = $by
        elif $e.type == "transfer.offered" then
            if $open == null and .holder == $by and $e.transfer.to.keyid != $by
            then .offer = $e.seq | .to = $e.transfer.to.keyid else .bad += [$e.seq] end
        elif $e.type == "transfer.accepted" or $e.type == "transfer.rejected" then
            (if ($answers and .to == $by) | not then .bad += [$e.seq]
            elif $e.type == "transfer.accepted" then .holder = $by | .done += 1 else . end) | .offer = null
        elif $e.type == "transfer.withdrawn" then
            (if ($answers and .holder == $by) | not then .bad += [$e.seq] else . end) | .offer = null
        elif ($e.type == "acquisition.started" or $e.type == "acquisition.resumed") and $open != null
            then .bad += [$e.seq]
        elif $e.type == "key.rotated" and .holder == $by then .holder = $e.newKey.keyid
        else . end) | [(.bad // ["no"])[0], .done, .holder, .offer // "none"] | map(tostring) | join(" ")' \
        "$work/events" >"$work/custody" 2>/dev/null || die "the hand-overs cannot be read"
    read -r bad done holder offer <"$work/custody"
    [[ $bad == no ]] || die "event $bad does not follow from the offers before it"
    [[ $offer == none ]] || done+=", an open offer"
    echo "hand-overs: $done; held by key ${holder:0:12}"
}

hint() { # NAME TYPE KEY.pem: the four bytes by which a signature line names its key; a raw Ed25519 key ends its DER
    { printf "%s\n\\$2" "$1" && openssl pkey -pubin -in "$3" -outform DER | tail -c 32; } | sha256sum | cut -c1-8
}

cosigned() { # NAME: C2SP cosignature/v1 in blob: four bytes of key hash, eight of time, a signature over it and text
    local name pem
    { printf 'cosignature/v1\ntime %d\n' "$((16#$(tail -c +5 "$work/blob" | head -c 8 | hex)))" &&
        cat "$work/text"; } >"$work/cotext"
    tail -c +13 "$work/blob" >"$work/sig"
    while IFS=$'\t' read -r name pem; do
        printf '%b' "$pem" >"$work/witness.pem"
        [[ $name == "$1" && $(head -c 4 "$work/blob" | hex) == "$(hint "$name" 4 "$work/witness.pem")" ]] || continue
        if signed_by "$work/witness" "$work/cotext" "$work/sig"; then return; fi
    done <"$work/witnesses"
    die "the cosignature of $1 does not verify, or is by nobody whom an event announced"
}

note() { # FILE: a C2SP signed note over this log as it once was; leaves its size in $size, other signers in $by
    local origin name top line total own=no
    [[ -f $1 && $(stat -c %s "$1") -le 65536 ]] || die "is missing, or larger than a checkpoint can be"
    head -n 3 "$1" >"$work/text" && by=''
    { read -r name && read -r size && read -r top; } <"$work/text"
    [[ $size =~ ^[1-9][0-9]{0,17}$ && -z $(sed -n 4p "$1") && -z $(tail -c 1 "$1") ]] || die "not a note"
    origin=$(head -n 1 "$work/pens" | cut -f 2) && total=$(wc -l <"$work/leaves")
    [[ $name == "$origin" ]] || die "belongs to another log"
    ((size <= total)) || die "covers $size events, the log has $total"
    [[ $(base64 -d <<<"$top" | hex) == "$(head -n "$size" "$work/leaves" | root)" ]] ||
        die "was signed over other lines"
    # Whoever opened the case, or accepted it last before that size, named the key.
    printf '%b' "$(awk -F'\t' -v n="$size" '$1 < n { key = $3 } END { print key }' "$work/pens")" >"$work/log.pem"
    : >"$work/log.ed25519" >"$work/witness.ed25519"
    while IFS= read -r line; do
        [[ $line =~ ^$'\xe2\x80\x94'\ ([^ ]+)\ ([^ ]+)$ ]] || die "a signature line is malformed"
        name=${BASH_REMATCH[1]} && base64 -d <<<"${BASH_REMATCH[2]}" >"$work/blob" || die "is not base64"
        if [[ $name == "$origin" && $(head -c 4 "$work/blob" | hex) == "$(hint "$origin" 1 "$work/log.pem")" ]]; then
            tail -c +5 "$work/blob" >"$work/sig"
            signed_by "$work/log" "$work/text" "$work/sig" || die "its signature does not verify" && own=yes
        else
            cosigned "$name" && by+=" and $name"
        fi
    done < <(sed -n '5,$p' "$1")
    [[ $own == yes ]] || die "is not signed by the log's own key"
}

checkpoint() {
    note "$here/custody/checkpoint"
    [[ $size == "$(wc -l <"$work/leaves")" ]] || die "covers $size events, the log has $(wc -l <"$work/leaves")"
    echo "covers all $size events, signed by the log's own key$by"
}

retained() { # checkpoints that were kept when they were cosigned or time-stamped, by their size
    local file number=0
    for file in "$here"/custody/checkpoints/*; do
        place="${file##*/}: "
        note "$file"
        [[ $size == "${file##*/}" ]] || die "covers $size events"
        number=$((number + 1))
    done
    echo "$number kept checkpoints belong to this log"
}

remembered() {
    note "$last"
    echo "the log still begins with the $size events that you remember"
}

named() { # what stands outside every manifest is as the event says that brought it in
    (cd "$here" && sha256sum -c --strict --quiet "$work/brought" >"$work/differ" 2>/dev/null) ||
        die "differ or are missing: $(head -n 3 "$work/differ")"
    echo "$(wc -l <"$work/brought") files are what an event says of them"
}

stamped() {
    local file
    for file in "$here"/custody/timestamps/*/*.tsr; do
        place=${file#"$here/custody/timestamps/"} && place="${place%/*}: "
        token "$file" "$here/custody/checkpoints/${place%: }"
        echo "${file##*/} stamps ${place%: } events"
    done
}

description() {
    local said
    said=$(head -n 1 "$work/events" | jq -r '.subject[] | select(.name == "case.json").digest.sha256')
    [[ $said == "$(digest "$here/case.json")" ]] || die "differs from what was signed when the case was opened"
    echo "is what was signed when the case was opened"
}

layout() { # a bag that the log does not name, a note left beside the bags: nothing vouches for either
    jq -r '.predicate | select(.type | startswith("playbook.")) | (.playbook // .answer).run' "$work/events" \
        >"$work/runs" || die "an event about a playbook names no run"
    # A crash can leave a playbook, or an answer, that no event names yet; nothing rests on it.
    find "$here" -type f -printf '%P\n' |
        sed -E "\\%^(case\.json|custody/(log\.jsonl|checkpoint|runs/$SAFE/playbook\.yaml)|derived/.*|$KEPT)$%d" |
        awk -F/ -v runs="$work/runs" -v played="^$PLAYED\$" 'FILENAME == runs { run[$1] = 1; next }
            FILENAME != "-" { known[$1] = 1; next } $1 == "bags" && ($2 in known) && NF > 2 { next }
            !($0 ~ played && ($3 in run))' "$work/runs" "$work/bags" - >"$work/strays"
    [[ ! -s $work/strays ]] || die "listed nowhere: $(head -n 3 "$work/strays")"
    echo "no file that neither the log nor a bag accounts for"
}

# -- a bag ---------------------------------------------------------------------------------------------------------

own_keys() { # what the log endorses and what the bag carries must be the same keys
    local id pem
    rm -rf "$work/endorsed" "$work/carried" && mkdir "$work/endorsed" "$work/carried"
    awk -F'\t' -v id="$1" '$2 == id && $3 { print $3 }' "$work/steps" | while IFS= read -r pem; do
        printf '%b' "$pem" >"$work/one.pem" && accept "$work/one.pem" "$work/endorsed"
    done
    rm -f "$work"/part.*
    awk -v at="$work/part." '/BEGIN/ { n++ } { print > (at n) }' seal/acquisition.pub
    for pem in "$work"/part.*; do accept "$pem" "$work/carried"; done
    cmp -s <(cd "$work/endorsed" && printf '%s\n' *) <(cd "$work/carried" && printf '%s\n' *) ||
        die "the bag carries other keys than the custody log endorses"
    echo "$(find "$work/carried" -name '*.pem' | wc -l) endorsed by the custody log"
}

seal() {
    local folder=$1 recorded acquisition name keys at
    grep -q "^acquisition.sealed"$'\t'"$folder" "$work/steps" || die "was never sealed"
    recorded=$(jq -r --arg name "bags/$folder/seal/seal.sigstore.json" 'select(.predicate.type ==
        "acquisition.sealed").subject[] | select(.name == $name).digest.sha256' "$work/events")
    compact seal/seal.sigstore.json
    jq -ac --arg b "$BUNDLE" 'select(.mediaType == $b and .verificationMaterial.publicKey.hint ==
        .dsseEnvelope.signatures[0].keyid).dsseEnvelope' seal/seal.sigstore.json >"$work/envelope"
    [[ -s $work/envelope ]] || die "not a bundle v0.3 that names its own key"
    envelopes "$work/envelope" seal "$work/trusted" "$work/seal"
    [[ $recorded == "$(digest seal/seal.sigstore.json)" ]] || die "is not the seal that the custody log recorded"
    jq -r '(.predicate | [.acquisition, .case, .acquisitionKeys, .sealedAt] |
        @tsv), (.predicate | .payloadOxum, "\(.artifacts.size) \(.artifacts.root)",
        "\(.ledger.size) \(.ledger.head)", "\(.units.planned) \(.units.missing)"),
        (.subject[] | "\(.digest.sha256)  \(.name)")' "$work/seal" >"$work/facts"
    sed -n 2,5p "$work/facts" >"$work/counts"
    tail -n +6 "$work/facts" | sort -k 2 >"$work/subjects"
    IFS=$'\t' read -r acquisition name keys at <"$work/facts"
    [[ $acquisition == "$folder" && $name == "$(<"$work/name")" &&
        $keys == "$(find "$work/carried" -name '*.pem' | wc -l)" ]] ||
        die "seals another acquisition, another case or other keys"
    echo "signed $at by its signer's clock"
}

countersigned() { # FILE: another person's signature over what the seal says
    local id=${1##*/}
    id=${id%.sigstore.json}
    compact "$1"
    jq -es --arg b "$BUNDLE" --arg id "$id" '(.[0].dsseEnvelope.payload == .[1].dsseEnvelope.payload) and
        (.[1] | .mediaType == $b and .dsseEnvelope.signatures[0].keyid == $id and
        ((.verificationMaterial | has("certificate")) or .verificationMaterial.publicKey.hint == $id))' \
        seal/seal.sigstore.json "$1" &>/dev/null || die "${id:0:12} signed something else, or under another name"
    [[ -e $work/trusted/$id.pem ]] || { echo "${id:0:12} stands over what the seal says" && return; }
    jq -ac .dsseEnvelope "$1" >"$work/envelope"
    envelopes "$work/envelope" seal "$work/trusted" "$work/again"
    echo "by key ${id:0:12}"
}

sealed_at() { # the tokens stamp the bytes of the seal's signature
    local file
    jq -r '.dsseEnvelope.signatures[0].sig' seal/seal.sigstore.json | base64 -d >"$work/stamped"
    for file in seal/timestamps/*.tsr; do
        token "$file" "$work/stamped"
        echo "${file##*/} says $(openssl ts -reply -in "$file" -text 2>/dev/null | sed -n 's/^Time stamp: //p')"
    done
}

besides() { # who else signed, and when, where somebody did
    local file
    for file in seal/*.sigstore.json; do
        [[ $file != seal/seal.sigstore.json ]] || continue
        ask countersigned countersigned "$file"
        file=${file##*/}
        [[ -e $work/trusted/${file%.sigstore.json}.pem ]] ||
            leave countersigned "the signature of key ${file:0:12}: you did not give it, or it is of another kind"
    done
    stamps sealed_at seal/timestamps/*.tsr
}

says() { [[ -s $work/counts && $(sed -n "$1p" "$work/counts") == "$2" ]]; } # what the seal counts, by line

sealed() {
    cut -c67- "$work/subjects" | cmp -s - <(tr ' ' '\n' <<<"$SEALED") || die "the seal names other files"
    (cd "$here/bags/$1" && sha256sum -c --strict --quiet "$work/subjects" >"$work/differ" 2>/dev/null) ||
        die "differ from what was sealed: $(head -n 3 "$work/differ")"
    echo "six files are what was sealed"
}

listed() { # MANIFEST: well formed, in order, no path that leaves the bag, and every file as it says
    if grep -qvE '^[0-9a-f]{64}  [A-Za-z0-9._=@+,-]+(/[A-Za-z0-9._=@+,-]+)*$' "$1"; then die "a line is malformed"; fi
    if cut -c67- "$1" | grep -qE '(^|/)\.\.?(/|$)'; then die "a path leaves the bag"; fi
    cut -c67- "$1" | sort -uc 2>/dev/null || die "is not in order, or lists a file twice"
    sha256sum -c --strict --quiet "$1" >"$work/differ" 2>/dev/null || die "$(head -n 3 "$work/differ")"
    echo "$(wc -l <"$1") files are what it lists"
}

unlisted() {
    { cut -c67- manifest-sha256.txt && cut -c67- tagmanifest-sha256.txt &&
        printf '%s\n' tagmanifest-sha256.txt seal/seal.sigstore.json seal/acquisition.pub; } | sort -u >"$work/listed"
    find . -type f -printf '%P\n' | sed -E "\\%^$BESIDE$%d" | sort | comm -13 "$work/listed" - >"$work/strays"
    [[ ! -s $work/strays ]] || die "listed nowhere: $(head -n 3 "$work/strays")"
    says 1 "$(find data -type f -printf '%s\n' 2>/dev/null | awk '{ n += $1 } END { printf "%d.%d", n, NR }')" ||
        die "the files in data/ are not as many, or not as large, as the seal says"
    echo "none beside those listed"
}

ledger() { # each line names the hash of the line before; the seal names the last one
    local file=record/exchanges.jsonl
    [[ -z $(tail -c 1 "$file") ]] || die "the last line is torn"
    hashes "$file" '' >"$work/chain"
    jq -r '[.seq, .prev, .type, .unit // "", .status // "", .artifact.sha256 // "", .artifact.path // ""] | @tsv' \
        "$file" >"$work/ledger"
    { printf '%064d\n' 0 && head -n -1 "$work/chain"; } | awk '{ print NR - 1 "\t" $0 }' |
        cmp -s - <(cut -f 1,2 "$work/ledger") || die "a line does not follow the line before it"
    says 3 "$(wc -l <"$work/chain") $(tail -n 1 "$work/chain")" || die "is not the ledger that was sealed"
    echo "$(wc -l <"$work/chain") lines chain to the one that was sealed"
}

units() { # every unit that was planned has ended, once; only four of the ends mean that nothing is missing
    awk -F'\t' '$3 == "planned" { planned++; open[$4]++ } $3 == "unit" { open[$4]-- } $3 == "plan.closed" { plans++ }
        $3 == "unit" && $5 !~ /^(complete|not_enabled|not_configured|region_disabled)$/ { missing++ }
        { last = $3 } END { for (unit in open) if (open[unit]) exit 1
        if (last != "closed" || plans != 1) exit 1; printf "%d %d\n", planned, missing }' "$work/ledger" >"$work/ends" ||
        die "a unit never ended, or ended twice, or plan or ledger are not closed"
    says 4 "$(<"$work/ends")" || die "ledger and seal count units differently"
    awk '{ print $1 " planned, all ended, " $2 " of them not whole" }' "$work/ends"
}

attestations() { # the tree over the lines is the one sealed; attestations, ledger and manifest name the same files
    local file=record/artifacts.intoto.jsonl
    says 2 "$(wc -l <"$file") $(hashes "$file" '\x00' | root)" || die "are not those that were sealed"
    jq -r '.payload | @base64d | fromjson | .subject[] | "\(.digest.sha256)  \(.name)"' "$file" |
        sort -k 2 >"$work/said"
    cmp -s "$work/said" manifest-sha256.txt || die "attestations and manifest do not tell the same"
    awk -F'\t' '$3 == "exchange" && $7 { print $6 "  " $7 }' "$work/ledger" | sort -k 2 |
        cmp -s - "$work/said" || die "attestations and ledger do not tell the same"
    echo "$(wc -l <"$file") lines are the tree that was sealed, and agree with manifest and ledger"
}

signatures() {
    local file=record/artifacts.intoto.jsonl most=1
    if [[ $each == yes ]]; then most=all; fi
    envelopes "$file" artifact "$work/endorsed" "$work/artifacts" "$most"
    echo "$(wc -l <"$work/artifacts") of $(wc -l <"$file") attestations verify under the acquisition's key"
}

bag() {
    printf '  bags/%s\n' "$1" >>"$work/answers"
    rm -f "$work"/{seal,counts,subjects,ledger}
    cd -- "$here/bags/$1" 2>/dev/null || { ask bag die "the folder is missing" && return; }
    ask keys own_keys "$1"
    ask seal seal "$1"
    besides
    ask sealed sealed "$1"
    ask tagmanifest listed tagmanifest-sha256.txt
    ask manifest listed manifest-sha256.txt
    ask others unlisted
    ask ledger ledger
    ask units units
    ask attestations attestations
    ask signatures signatures
}

# -- ask -----------------------------------------------------------------------------------------------------------

mkdir "$work/trusted"
ask trust trusted "$@"
ask links plain
if ((wrong == 0)); then ask log events; fi
# Bags are found through the log, and hashed only where no link can lead the hashing astray.
if ((wrong == 0)); then
    awk '$1 ~ /started$/ { print $2 }' "$work/steps" | grep -xE '[0-9A-Za-z-]+' >"$work/bags"
    ask custody handover
    ask checkpoint checkpoint
    if [[ -d $here/custody/checkpoints ]]; then ask checkpoints retained; fi
    if [[ -n $last ]]; then ask last remembered; else leave last "that the log was not rolled back; give --last"; fi
    stamps stamped "$here"/custody/timestamps/*/*.tsr
    jq -r '.subject[] | "\(.digest.sha256)  \(.name)"' "$work/events" |
        grep -E "^[0-9a-f]{64}  ($KEPT|$PLAYED|bags/$SAFE/$BESIDE)$" >"$work/brought"
    if [[ -s $work/brought ]]; then ask brought named; fi
    ask case.json description
    ask layout layout
    jq -r '.predicate | select(.type == "disposed").disposal.scope' "$work/events" >"$work/disposed"
    while IFS= read -r id; do
        if [[ ! -e $here/bags/$id/data ]] && grep -qxE "case|bags/$id" "$work/disposed"; then
            leave "bags/$id" "was disposed of"
        else
            bag "$id" </dev/null
        fi
    done <"$work/bags"
    [[ -s $work/bags ]] || ask bags die "nothing was collected; there is nothing to check"
fi
if ((wrong == 0)); then
    printf 'OK  %s: all %d questions answered with yes\n' "${here##*/}" "$asked"
else
    printf 'FAILED  %s: %d of %d questions answered with no\n' "${here##*/}" "$wrong" "$asked"
fi
cat "$work/answers"
echo "    --    not asked    roles and validity of keys, who had to agree, renewals, the provider's own digests"
((wrong == 0))
