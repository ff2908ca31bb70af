# What the three stories share: two people with keys of their own, a copy of the case, and a checker's policy.
# Source it with DEMO and WORK set.

export EVIDENCE_KIT_PASSPHRASE=demo # that of the demo; keys of your own deserve a better one
DEMO=$(realpath "$DEMO")
rm -rf "$WORK" && mkdir -p "$WORK" && cd "$WORK"

# as NAME COMMAND…: run evidence-kit at somebody's own machine.
as() {
    local name=$1
    shift
    EVIDENCE_KIT_HOME="$PWD/$name" evidence-kit "$@"
}

# fails CODE COMMAND…: the command must exit with that code.
fails() {
    local wanted=$1 found=0
    shift
    "$@" || found=$?
    [ "$found" = "$wanted" ] || { echo "expected exit $wanted, got $found: $*" >&2; exit 1; }
    echo "    (exit $found, as it should)"
}

mkdir alex                          # the examiner of the demo, here called Alex
cp -r "$DEMO/keys" "$DEMO/logs" "$DEMO/trust.yaml" alex
cp -r "$DEMO/case" case-of-alex
mkdir auditor && cp "$DEMO/trust.yaml" auditor/trust.yaml
as blake keys new --name blake@example.org > /dev/null
as blake keys show blake@example.org > blake.pem
as auditor trust add auditor/trust.yaml --name blake@example.org --role custodian --role approver --key blake.pem
POLICY=$PWD/auditor/trust.yaml
