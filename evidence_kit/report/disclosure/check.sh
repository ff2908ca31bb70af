#!/usr/bin/env bash
# Check this disclosure without evidence-kit: bash, OpenSSL >= 3.0, jq >= 1.6, GNU coreutils, find.
#
#   bash check.sh DISCLOSER.pem EXAMINER.pem [PACKAGE]
#
# DISCLOSER.pem is the public key of whoever handed this on, EXAMINER.pem that of whoever sealed the evidence; often one
# file, given twice. Get both from somewhere else than this package: whoever can alter it can put another key, or another
# script, into it. For the same reason read this script first, or run a copy that you trust on PACKAGE, a folder.
#
# Exit 0: every question was answered with yes. Exit 1: at least one was not. Exit 2: it could not be asked.
set -uo pipefail
export LC_ALL=C # lengths in bytes, bytewise order, one alphabet

readonly TYPES=https://evidence-kit.dev/attestation PAYLOAD=application/vnd.in-toto+json
readonly BUNDLE=application/vnd.dev.sigstore.bundle.v0.3+json

for program in openssl jq sha256sum basenc base64 csplit grep sort cut comm cmp head tail wc stat find mktemp tr; do
    command -v "$program" >/dev/null || { echo "error: this needs \`$program\`, which is not installed" >&2; exit 2; }
done
(($# == 2 || $# == 3)) || { echo "usage: check.sh DISCLOSER.pem EXAMINER.pem [PACKAGE]" >&2; exit 2; }
work=$(mktemp -d) || exit 2
trap 'rm -rf -- "$work"' EXIT
cp -- "$1" "$work/discloser.pem" && cp -- "$2" "$work/examiner.pem" || exit 2
cd -- "${3:-$(dirname -- "${BASH_SOURCE[0]}")}" 2>/dev/null || { echo "error: no such folder" >&2; exit 2; }

# -- small words -----------------------------------------------------------------------------------------------------

die() { # end the question that is being asked; what stands in a package is shown without what a terminal would obey
    printf '%s' "$*" | tr '\n' ' ' | tr -cd '[:print:]'
    exit 1
}

digest() { sha256sum <"$1" | cut -c1-64; }

accept() { # KEY.pem FOLDER: file a public key under its name, the SHA-256 of its DER
    local id
    openssl pkey -pubin -in "$1" -outform DER >"$work/der" 2>/dev/null || die "not a public key: ${1##*/}"
    id=$(digest "$work/der")
    mkdir -p "$2" && cp -- "$1" "$2/$id.pem"
    if openssl pkey -pubin -in "$1" -noout -text | grep -qi ed25519; then : >"$2/$id.ed25519"; fi
}

plain_line() { # FILE: one line of compact JSON, as it was signed; jq would silently drop the first of two equal keys
    [[ $(wc -l <"$1") == 1 ]] && jq -ac . "$1" 2>/dev/null | cmp -s - "$1" || die "${1##*/} is not one compact line of JSON"
}

signed() { # ENVELOPE TYPE KEYS PAYLOAD: check the one signature of a DSSE envelope, leave what was signed in PAYLOAD
    local id signature payload
    jq -r --arg t "$PAYLOAD" 'select(.payloadType == $t and (.signatures | length) == 1) |
        [.signatures[0].keyid, .signatures[0].sig, .payload] | @tsv' "$1" >"$work/parts" 2>/dev/null
    read -r id signature payload <"$work/parts" || die "not an envelope with one signature"
    [[ $id =~ ^[0-9a-f]{64}$ && -e $3/$id.pem ]] || die "signed by key ${id:0:12}, which is not the one that is meant"
    base64 -d <<<"$payload" >"$4" 2>/dev/null && base64 -d <<<"$signature" >"$work/sig" || die "is not base64"
    # Signed is not the payload but its pre-authentication encoding (DSSE v1): lengths, type, payload.
    { printf 'DSSEv1 %d %s %d ' "${#PAYLOAD}" "$PAYLOAD" "$(stat -c %s "$4")" && cat "$4"; } >"$work/pae"
    if [[ -e $3/$id.ed25519 ]]; then
        openssl pkeyutl -verify -pubin -inkey "$3/$id.pem" -rawin -in "$work/pae" -sigfile "$work/sig" &>/dev/null
    else
        openssl dgst -sha256 -verify "$3/$id.pem" -signature "$work/sig" "$work/pae" &>/dev/null
    fi || die "the signature does not verify under key ${id:0:12}"
    jq -e --arg p "$TYPES/$2/v1" '._type == "https://in-toto.io/Statement/v1" and .predicateType == $p and
        ((.predicate.critical // []) | length) == 0' "$4" >/dev/null 2>&1 ||
        die "what was signed is no statement of type $2, or has critical fields unknown here"
}

node() { printf '01%s%s' "$1" "$2" | tr a-f A-F | basenc --base16 -d | sha256sum | cut -c1-64; }

climb() { # LINE-FILE INDEX SIZE HASH... -> the root that the RFC 6962 path leads to from a line without its line feed
    local here place=$2 last=$(($3 - 1)) beside
    here=$({ printf '\0' && head -c -1 "$1"; } | sha256sum | cut -c1-64)
    shift 3
    for beside; do
        ((last > 0)) || die "the proof is too long"
        if ((place % 2 || place == last)); then
            here=$(node "$beside" "$here")
            while ((place % 2 == 0 && place > 0)); do place=$((place / 2)) last=$((last / 2)); done
        else
            here=$(node "$here" "$beside")
        fi
        place=$((place / 2)) last=$((last / 2))
    done
    ((last == 0)) || die "the proof is too short"
    echo "$here"
}

asked=0 wrong=0
ask() { # WHAT COMMAND...: run the command; what it prints is the answer, how it ends is the verdict
    local what=$1 said
    shift
    if said=$("$@" 2>&1); then
        printf 'ok    %-12s %s\n' "$what" "$said"
    else
        printf 'FAIL  %-12s %s\n' "$what" "${said:-the check itself failed}"
        wrong=$((wrong + 1))
    fi
    asked=$((asked + 1))
}

# -- the questions ---------------------------------------------------------------------------------------------------

envelope() { # who handed this on, and over which list of files
    plain_line disclosure.json
    signed disclosure.json disclosure "$work/discloser" "$work/disclosed"
    jq -r '.subject | if length == 1 and .[0].name == "manifest-sha256.txt" then .[0].digest.sha256 else "" end' \
        "$work/disclosed" >"$work/list"
    [[ $(<"$work/list") == "$(digest manifest-sha256.txt)" ]] || die "signed over another manifest-sha256.txt"
    [[ -e $work/discloser/$(jq -r .predicate.by.keyid "$work/disclosed").pem ]] ||
        die "names a discloser whose key did not sign it"
    jq -r '.predicate | "signed \(.disclosedAt) by \(.by.name) for \(if .recipient == "" then "whoever holds it" else
        .recipient end), case \(.case)"' "$work/disclosed" | tr -cd '[:print:]'
}

listed() { # every listed file is there and unchanged, and no other is
    local odd
    odd=$(find . ! -type f ! -type d -print | head -n 3)
    [[ -z $odd ]] || die "not plain files: $odd"
    cut -c67- manifest-sha256.txt >"$work/names"
    sort -uc "$work/names" 2>/dev/null || die "the manifest is out of order, or names a file twice"
    ! grep -qvE '^[0-9a-f]{64}  [A-Za-z0-9._=@+,-]+(/[A-Za-z0-9._=@+,-]+)*$' manifest-sha256.txt ||
        die "a line of the manifest is malformed"
    ! grep -qE '(^|/)\.\.?(/|$)' "$work/names" || die "a name leads out of the package"
    sha256sum -c --strict --quiet manifest-sha256.txt >"$work/differ" 2>/dev/null ||
        die "differ from the list: $(head -n 3 "$work/differ")"
    find . -type f -printf '%P\n' | sort | comm -23 - <(sort "$work/names" <(printf 'disclosure.json\nmanifest-sha256.txt\n')) \
        >"$work/strays"
    [[ ! -s $work/strays ]] || die "listed nowhere: $(head -n 3 "$work/strays")"
    echo "$(wc -l <"$work/names") files are what the discloser signed, and there is no other"
}

sealed() { # BAG SHA256 ROOT SIZE: who sealed the evidence, over which tree of attestations, with which keys
    local seal=seals/$1/seal/seal.sigstore.json keys=seals/$1/seal/acquisition.pub pem
    plain_line "$seal"
    [[ $(digest "$seal") == "$2" ]] || die "is not the seal that the discloser names"
    jq -ac --arg b "$BUNDLE" 'select(.mediaType == $b).dsseEnvelope' "$seal" >"$work/one"
    signed "$work/one" seal "$work/examiner" "$work/seal"
    [[ $(jq -r '.predicate | "\(.acquisition) \(.case) \(.artifacts.root) \(.artifacts.size)"' "$work/seal") == \
        "$1 $(jq -r .predicate.case "$work/disclosed") $3 $4" ]] || die "seals something else"
    [[ $(jq -r '.subject[] | select(.name == "seal/acquisition.pub").digest.sha256' "$work/seal") == \
        "$(digest "$keys")" ]] || die "the acquisition's keys are not the sealed ones"
    rm -rf "$work/keys" "$work"/part*
    csplit -s -z -f "$work/part" "$keys" '/^-----BEGIN/' '{*}' 2>/dev/null || die "cannot read the keys"
    for pem in "$work"/part*; do accept "$pem" "$work/keys"; done
    : >"$work/sealed"
    jq -r '.predicate | "sealed \(.sealedAt) by their clock, over \(.artifacts.size) attestations"' "$work/seal"
}

attested() { # BAG SIZE ROOT LINE PROOF BEFORE: one artifact, from the seal's tree down to its bytes
    local path sha256 about index size hashes whole
    plain_line "$4" && plain_line "$5"
    signed "$4" artifact "$work/keys" "$work/attested"
    jq -r '.subject | if length == 1 then .[0] | "\(.name)\t\(.digest.sha256)" else "" end' "$work/attested" >"$work/what"
    IFS=$'\t' read -r path sha256 <"$work/what"
    [[ $path =~ ^data(/[A-Za-z0-9._=@+,-]+)+$ && ! /$path/ =~ /\.\.?/ ]] || die "is not about one artifact"
    jq -r '[.path, .index, .size, .proof[]] | @tsv' "$5" >"$work/path" 2>/dev/null
    read -r about index size hashes <"$work/path" || die "$path: the proof is malformed"
    [[ $index =~ ^[0-9]{1,15}$ && $size == "$2" ]] || die "$path: the proof is for another tree"
    ((index > $6 && index < size)) || die "$path: the proof is out of order"
    [[ $about == "$path" ]] || die "$path: the proof is about something else"
    hashes=$(for one in $hashes; do base64 -d <<<"$one" | basenc --base16 -w0 && echo; done)
    # shellcheck disable=SC2086 # one word a hash
    [[ $(climb "$4" "$index" "$size" $hashes) == "$3" ]] || die "$path: is not in the tree that the seal signs"
    whole=artifacts/$1/$path
    echo "$index" >"$work/place"
    if [[ -f $whole ]]; then
        [[ $(digest "$whole") == "$sha256" ]] || die "$path: differs from what was attested when it was acquired"
        echo "$whole" >>"$work/expected"
        echo "$path"
    else
        copied "$1" "$path" "$sha256"
    fi
}

copied() { # BAG PATH SHA256: a redacted copy and what is said about it
    local copy
    : >"$work/entry"
    [[ ! -f redactions.jsonl ]] || jq -ac --arg a "bags/$1/$2" 'select(.artifact == $a)' redactions.jsonl >"$work/entry"
    [[ $(wc -l <"$work/entry") == 1 ]] || die "$2: is neither here nor, once, among the redactions"
    [[ $(jq -r .original.sha256 "$work/entry") == "$3" ]] || die "$2: the redaction is of another original"
    copy=redacted/$1/${2%/*}/$(name_of "$2")
    [[ -f $copy && $(digest "$copy") == "$(jq -r .redacted.sha256 "$work/entry")" ]] ||
        die "$2: the copy is missing, or not the one that is listed"
    echo "$copy" >>"$work/expected"
    echo "$copy" >>"$work/copies"
    jq -r --arg p "$2" '"\($p): REDACTED, \(.spans | length) places"' "$work/entry"
}

name_of() { # PATH -> the name of a copy; a long one keeps its start and a hash
    local last=${1##*/}
    if ((${#last} > 191)); then last="${last:0:120}=-$(printf %s "$last" | sha256sum | cut -c1-40)"; fi
    echo "$last.redacted"
}

nothing_else() { # what is handed on without an attestation proves nothing
    sort "$work/expected" | uniq -d | grep -q . && die "two attestations are about one artifact"
    grep -E '^(artifacts|redacted)/' "$work/names" | sort | comm -3 - <(sort "$work/expected") >"$work/odd"
    [[ ! -s $work/odd ]] || die "no attestation is about: $(head -n 3 "$work/odd")"
    [[ -s $work/expected ]] || die "nothing is disclosed"
    if [[ -f redactions.jsonl ]]; then
        jq -ac . redactions.jsonl 2>/dev/null | cmp -s - redactions.jsonl || die "redactions.jsonl is not compact JSON"
        [[ $(wc -l <redactions.jsonl) == "$(wc -l <"$work/copies")" ]] || die "redactions.jsonl tells of other copies"
    fi
    [[ $(wc -l <"$work/expected") == "$(jq -r .predicate.artifacts "$work/disclosed")" &&
        $(wc -l <"$work/copies") == "$(jq -r .predicate.redacted "$work/disclosed")" ]] ||
        die "the discloser signed another count"
    echo "$(wc -l <"$work/expected") artifacts, each attested; $(wc -l <"$work/copies") of them redacted"
}

# -- asking them -----------------------------------------------------------------------------------------------------

keys() { accept "$work/discloser.pem" "$work/discloser" && accept "$work/examiner.pem" "$work/examiner"; }

: >"$work/disclosed" >"$work/names" >"$work/expected" >"$work/copies"
said=$(keys) || { echo "error: $said" >&2; exit 2; }
ask disclosure envelope
ask files listed
jq -r '.predicate.bags[] | "\(.acquisition) \(.sealSha256) \(.artifactsRoot) \(.size) \(.artifacts)"' \
    "$work/disclosed" >"$work/bags" 2>/dev/null
while read -r bag seal root size count; do
    [[ $bag =~ ^[A-Za-z0-9._=@+,-]+$ && $bag != . && $bag != .. && $size =~ ^[0-9]{1,15}$ && $count =~ ^[0-9]{1,15}$ ]] ||
        { ask seal die "the name or size of a bag is malformed" && continue; }
    rm -f "$work/sealed"
    ask "seal" sealed "$bag" "$seal" "$root" "$size"
    [[ -e $work/sealed ]] || continue
    echo -1 >"$work/place" && seen=0
    while IFS= read -r line <&3; do
        printf '%s\n' "$line" >"$work/line"
        IFS= read -r line <&4 || line=''
        printf '%s\n' "$line" >"$work/proof"
        ask artifact attested "$bag" "$size" "$root" "$work/line" "$work/proof" "$(<"$work/place")"
        seen=$((seen + 1))
    done 3<"attestations/$bag.jsonl" 4<"proofs/$bag.jsonl"
    [[ $seen == "$count" && $(wc -l <"proofs/$bag.jsonl") == "$count" ]] ||
        ask counts die "$count artifacts of $bag are disclosed, $seen are attested"
done <"$work/bags"
ask whole nothing_else

if [[ -s $work/copies ]]; then
    echo
    echo "Of a redacted copy this proves: its original was sealed, with the digest in redactions.jsonl, and the discloser"
    echo "signed for the copy. It does not prove that the copy differs from the original only where redactions.jsonl says:"
    echo "that takes the original (\`evidence-kit verify PACKAGE --against CASE\`)."
    echo "A value of which there are only a few, such as a PIN, can be guessed and held against the original's digest."
fi
echo
echo "$asked questions, $wrong answered with no"
((wrong == 0 && asked > 0))
