// Check one bag without evidence-kit: the signatures by @sigstore/verify, the digests by Node's own crypto.
//
//   npm ci && node verify.mjs BAG --key FILE... [--trusted-root FILE] [--identity EMAIL]
//
// --key           PEM public key (P-256 or Ed25519) that you trust, and that you did not take from the case
// --trusted-root  a Sigstore trusted_root.json whose authorities you trust: its timestampAuthorities judge the tokens
//                 in seal/timestamps/, its certificateAuthorities a seal that carries a certificate
// --identity      the e-mail address (or other subject alternative name) that such a certificate must carry
//
// One line a check. OK and FAIL are answers, -- is a question that was not asked. Exit 0: no FAIL. Exit 1: at least
// one. Exit 2: it could not be asked. README.md says what this does not cover.

import { createHash, createPublicKey } from "node:crypto";
import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";

import { bundleFromJSON } from "@sigstore/bundle";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";

const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";
const SEAL = "seal/seal.sigstore.json";
const SEALED = [
  "manifest-sha256.txt",
  "record/acquisition.json",
  "record/artifacts.intoto.jsonl",
  "record/exchanges.jsonl",
  "seal/acquisition.pub",
  "tagmanifest-sha256.txt",
];
const COUNTERSIGNATURE = /^seal\/([0-9a-f]{64})\.sigstore\.json$/;
const TOKEN = /^seal\/timestamps\/[A-Za-z0-9._=@+,-]+\.tsr$/;
const UNVERIFIABLE = /^seal\/timestamps\/[A-Za-z0-9._=@+,-]+\.reply$/; // what an authority said, kept, never counted
const LINE = /^([0-9a-f]{64}) {2}([A-Za-z0-9._=@+,-]+(?:\/[A-Za-z0-9._=@+,-]+)*)$/;
const MAX_BUNDLE = 1 << 20;
const MAX_TOKEN = 64 << 10;
const CHUNK = 1 << 20;
const PLAIN = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK; // no link, and no waiting for a pipe

// -- answers --------------------------------------------------------------------------------------------------------

let asked = 0;
let wrong = 0;

function say(mark, what, said) {
  // Names out of a case are shown without what a terminal would obey.
  console.log(`${mark.padEnd(5)} ${what.padEnd(14)} ${String(said).replace(/[^\x20-\x7e]+/g, "?")}`);
}

function ask(what, question) {
  asked += 1;
  try {
    say("OK", what, question());
    return true;
  } catch (error) {
    wrong += 1;
    say("FAIL", what, error.message);
    return false;
  }
}

function must(holds, said) {
  if (!holds) throw new Error(said);
}

// -- files ----------------------------------------------------------------------------------------------------------

let bag;

function opened(path, use) {
  const file = openSync(join(bag, path), PLAIN);
  try {
    const facts = fstatSync(file);
    must(facts.isFile(), `${path} is not a plain file`);
    return use(file, facts.size);
  } finally {
    closeSync(file);
  }
}

function read(path, most) {
  return opened(path, (file, size) => {
    must(size <= most, `${path} is larger than such a file can be`);
    return readFileSync(file);
  });
}

function digest(path) {
  return opened(path, (file) => {
    const hash = createHash("sha256");
    const chunk = Buffer.allocUnsafe(CHUNK);
    for (let got = readSync(file, chunk); got > 0; got = readSync(file, chunk)) hash.update(chunk.subarray(0, got));
    return hash.digest("hex");
  });
}

// walk tells every file of the bag and its size; a link, device or pipe is told as what it is and never opened.
function* walk(folder = "") {
  for (const entry of readdirSync(join(bag, folder), { withFileTypes: true })) {
    const path = folder ? `${folder}/${entry.name}` : entry.name;
    if (entry.isDirectory()) yield* walk(path);
    else yield { path, plain: entry.isFile(), size: entry.isFile() ? lstatSync(join(bag, path)).size : 0 };
  }
}

// -- signatures -----------------------------------------------------------------------------------------------------

const keys = new Map(); // by the SHA-256 of their DER

function accept(file) {
  const key = createPublicKey(readFileSync(file));
  const kind = key.asymmetricKeyType === "ec" ? key.asymmetricKeyDetails.namedCurve : key.asymmetricKeyType;
  must(["ed25519", "prime256v1"].includes(kind), `${file}: neither a P-256 nor an Ed25519 key`);
  keys.set(createHash("sha256").update(key.export({ type: "spki", format: "der" })).digest("hex"), key);
}

function find(hint) {
  must(keys.has(hint), `signed by key ${hint.slice(0, 12)}, which you did not give`);
  return { publicKey: keys.get(hint), validFor: () => true }; // when a key was valid is the trust policy's business
}

function material(path) {
  if (path) return toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(readFileSync(path))), find);
  return { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [], publicKey: find };
}

// bundle returns a bundle as it lies there; @sigstore/bundle takes its argument apart, so each use reads it anew.
function bundle(path) {
  const document = JSON.parse(read(path, MAX_BUNDLE));
  must(document.mediaType === BUNDLE, "not a Sigstore bundle v0.3");
  const { signatures } = document.dsseEnvelope;
  must(signatures.length === 1, "an envelope carries exactly one signature");
  const { publicKey, certificate } = document.verificationMaterial;
  must(!publicKey || publicKey.hint === signatures[0].keyid, "hint and envelope name different keys");
  must(!publicKey !== !certificate, "names neither a key nor a certificate, or both");
  return document;
}

function signerOf(document) {
  const { publicKey } = document.verificationMaterial;
  return publicKey ? `key ${publicKey.hint.slice(0, 12)}` : `a certificate of ${given.identity}`;
}

// verify throws unless the bundle's signature holds, and the token over it too where there is one.
function verify(document, token) {
  const material = structuredClone(document.verificationMaterial);
  const rfc3161Timestamps = token ? [{ signedTimestamp: token.toString("base64") }] : [];
  const whole = {
    ...document,
    verificationMaterial: { ...material, tlogEntries: [], timestampVerificationData: { rfc3161Timestamps } },
  };
  const entity = toSignedEntity(bundleFromJSON(whole));
  const thresholds = { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: token ? 1 : 0 };
  // The library takes the wanted name for a regular expression that may match anywhere in the certificate's.
  const exactly = `^${given.identity?.replace(/[^A-Za-z0-9]/g, "\\$&")}$`;
  const policy = material.certificate ? { subjectAlternativeName: exactly } : undefined;
  new Verifier(trust, thresholds).verify(entity, policy);
  return entity;
}

function sealSignature(seal, tokens) {
  if (seal.verificationMaterial.certificate) {
    const asks = given["trusted-root"] && given.identity;
    must(asks, "is signed under a certificate: give the --trusted-root that vouches for it, and the --identity");
    must(tokens.length, "is signed under a certificate, which is judged at a proven time, and has no time-stamp");
    const last = tokens.findLast((path) => holds(seal, path));
    must(last, "no time-stamp, or not the certificate, verifies under the trusted root");
  } else {
    verify(seal);
  }
  return `signed under ${signerOf(seal)}`;
}

function holds(seal, path) {
  try {
    return Boolean(verify(seal, read(path, MAX_TOKEN)));
  } catch {
    return false;
  }
}

function timestamps(seal, tokens) {
  if (!tokens.length) return say("--", "timestamp", "the seal carries none; its time is the signer's claim");
  if (!given["trusted-root"]) return say("--", "timestamp", `${tokens.length} there: give a --trusted-root`);
  for (const path of tokens) {
    ask("timestamp", () => {
      const [{ timestamp }] = verify(seal, read(path, MAX_TOKEN)).timestamps;
      return `${basename(path)} says ${timestamp.signingTime.toISOString()}`;
    });
  }
}

function countersignatures(seal, paths) {
  for (const path of paths) {
    const [, keyid] = COUNTERSIGNATURE.exec(path);
    const name = keyid.slice(0, 12);
    ask("countersigned", () => {
      const document = bundle(path);
      const said = document.dsseEnvelope;
      must(said.payload === seal.dsseEnvelope.payload, `${name} signed something else than the seal says`);
      must(said.signatures[0].keyid === keyid, `${name} is not the key that the bundle names`);
      if (!keys.has(keyid)) return `${name} stands over what the seal says`;
      verify({ ...document, verificationMaterial: { publicKey: { hint: keyid } } });
      return `signed under key ${name}`;
    });
    // A certificate is judged at a proven time, and no token stamps a countersignature: its key can be given instead.
    if (!keys.has(keyid)) say("--", "countersigned", `the signature of ${name}: that key was not given, or is ML-DSA`);
  }
}

// -- what is sealed -------------------------------------------------------------------------------------------------

function statement(seal) {
  const envelope = seal.dsseEnvelope;
  must(envelope.payloadType === "application/vnd.in-toto+json", "holds no in-toto statement");
  const said = JSON.parse(Buffer.from(envelope.payload, "base64"));
  must(said._type === "https://in-toto.io/Statement/v1", "is no in-toto statement");
  must(said.predicateType === "https://evidence-kit.dev/attestation/seal/v1", "is no seal");
  must(!(said.predicate.critical ?? []).length, "has critical fields that are unknown here");
  return said;
}

function subjects(said) {
  const names = said.subject.map(({ name }) => name).sort();
  must(names.join() === SEALED.join(), "the seal names other files than it must");
  const differ = said.subject.filter(({ name, digest: { sha256 } }) => digest(name) !== sha256);
  must(!differ.length, `differ from what was sealed: ${differ.map(({ name }) => name).join(", ")}`);
  const { acquisition, case: incident, sealedAt } = said.predicate;
  return `${names.length} of ${acquisition}, case ${incident}, are what was sealed ${sealedAt} by the signer's clock`;
}

function manifest(name, listed) {
  const lines = read(name, Number.MAX_SAFE_INTEGER).toString("latin1").split("\n");
  must(lines.pop() === "", "the last line is torn");
  let before = "";
  const differ = [];
  for (const line of lines) {
    const [, sha256, path] = LINE.exec(line) ?? [];
    const safe = path && !path.split("/").some((part) => part === "." || part === "..");
    must(safe, `malformed line: ${line.slice(0, 100)}`);
    must(path > before, `out of order, or twice: ${path}`);
    before = path;
    listed.add(path);
    if (!same(path, sha256)) differ.push(path);
  }
  must(!differ.length, `differ or are missing: ${differ.slice(0, 3).join(", ")}${differ.length > 3 ? " …" : ""}`);
  return `${lines.length} files are what it lists`;
}

function same(path, sha256) {
  try {
    return digest(path) === sha256;
  } catch {
    return false;
  }
}

function others(files, listed, oxum) {
  const beside = [COUNTERSIGNATURE, TOKEN, UNVERIFIABLE];
  const expected = (path) => listed.has(path) || beside.some((one) => one.test(path));
  const odd = files.filter(({ path, plain }) => !plain || !expected(path));
  must(!odd.length, `listed nowhere, or not plain files: ${odd.slice(0, 3).map(({ path }) => path).join(", ")}`);
  const data = files.filter(({ path }) => path.startsWith("data/"));
  const found = `${data.reduce((sum, { size }) => sum + size, 0)}.${data.length}`;
  must(!oxum || found === oxum, `data/ holds ${found} (bytes.files), the seal says ${oxum}`);
  return "none beside those listed";
}

// -- ask ------------------------------------------------------------------------------------------------------------

let given;
let trust;

function check() {
  const files = [];
  if (!ask("bag", () => (files.push(...walk()), `${files.length} files`))) return;
  const named = (pattern) => files.map(({ path }) => path).filter((path) => pattern.test(path)).sort();
  let seal;
  let said;
  if (ask("seal", () => ((seal = bundle(SEAL)), sealSignature(seal, named(TOKEN))))) {
    timestamps(seal, named(TOKEN));
    countersignatures(seal, named(COUNTERSIGNATURE));
    ask("sealed files", () => ((said = statement(seal)), subjects(said)));
  }
  const listed = new Set([SEAL, "seal/acquisition.pub", "tagmanifest-sha256.txt"]);
  ask("tagmanifest", () => manifest("tagmanifest-sha256.txt", listed));
  ask("manifest", () => manifest("manifest-sha256.txt", listed));
  ask("other files", () => others(files, listed, said?.predicate.payloadOxum));
}

try {
  const text = { type: "string" };
  const options = { key: { type: "string", multiple: true }, "trusted-root": text, identity: text };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  given = values;
  if (positionals.length !== 1 || !(given.key || given["trusted-root"])) {
    throw new Error("usage: node verify.mjs BAG --key FILE... [--trusted-root FILE] [--identity EMAIL]");
  }
  bag = positionals[0];
  for (const file of given.key ?? []) accept(file);
  trust = material(given["trusted-root"]);
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exit(2);
}
check();
console.log(`${wrong ? "FAILED" : "OK"}  ${basename(bag)}: ${wrong ? `${wrong} of ` : ""}${asked} checks`);
process.exitCode = wrong ? 1 : 0;
