// Check the custody log of a case without evidence-kit: Go's transparency-log packages and its standard library.
//
//	go run verify.go [-vkey VKEY]... [-key FILE]... [-last FILE] [-prove N] CASE
//
// -vkey   a log key in the note format (name+hash+key) that you were given outside the case; without one the log's
//
//	keys are taken from its own events, which trusts nothing yet
//
// -key    PEM public key (P-256, Ed25519), or a certificate taken for its key alone: every event and every seal must
//
//	be signed by one of them; without one their signatures are not asked for
//
// -last   a checkpoint that you kept: the log must still be the same up to there
// -prove  print the inclusion proof of event N (counted from 0)
//
// One line a check. OK and FAIL are answers, -- is a question that was not asked. Exit 0: no FAIL. Exit 1: at least
// one. Exit 2: it could not be asked. README.md says what this does not cover, and how to get the packages.
package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	types              = "https://evidence-kit.dev/attestation/"
	payloadType        = "application/vnd.in-toto+json"
	bundleType         = "application/vnd.dev.sigstore.bundle.v0.3+json"
	maxDocument        = 1 << 20  // of a line, a seal, a key
	maxNote            = 64 << 10 // of a checkpoint
	maxDepth           = 64       // of JSON in JSON
	ed25519Cosignature = 4        // C2SP tlog-cosignature; sumdb/note knows only type 1, the log's own
)

var (
	component = regexp.MustCompile(`^[A-Za-z0-9._=@+,-]{1,200}$`)
	decimal   = regexp.MustCompile(`^(0|[1-9][0-9]{0,17})$`)
)

// -- answers --------------------------------------------------------------------------------------------------------

var asked, wrong int

func say(mark, what, said string) {
	shown := strings.Map(func(r rune) rune { // names out of a case are shown without what a terminal would obey
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, said)
	fmt.Printf("%-5s %-12s %s\n", mark, what, strings.ReplaceAll(shown, "\n", " "))
}

func ask(what string, question func() (string, error)) bool {
	asked++
	answer, err := question()
	if err != nil {
		wrong++
		say("FAIL", what, err.Error())
		return false
	}
	say("OK", what, answer)
	return true
}

// -- files and JSON, of which nothing is believed -------------------------------------------------------------------

// open refuses links, devices and pipes in place of a file, and a folder that is a link.
func open(root, inside string) (*os.File, error) {
	path := filepath.Join(root, filepath.FromSlash(inside))
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, fmt.Errorf("%s: missing or unreadable", inside)
	}
	if info, err := os.Lstat(path); err != nil || real != path || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: is not a plain file", inside)
	}
	return os.Open(path)
}

func read(root, inside string, most int64) ([]byte, error) {
	file, err := open(root, inside)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s: larger than such a file can be", inside)
	}
	return data, err
}

func lines(root, inside string, each func(line []byte) error) error {
	file, err := open(root, inside)
	if err != nil {
		return err
	}
	defer file.Close()
	reader := bufio.NewReaderSize(file, maxDocument+1)
	for number := 1; ; number++ {
		line, err := reader.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		if err == io.EOF {
			return fmt.Errorf("the last line of %s is torn", inside)
		}
		if err == nil {
			err = each(line[:len(line)-1])
		}
		if err != nil {
			return fmt.Errorf("line %d of %s: %w", number, inside, err)
		}
	}
}

// decode reads JSON by its tokens, for encoding/json takes the last of two equal keys, however they are capitalised.
func decode(data []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	found, err := value(decoder, 0)
	if err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("bytes after a JSON document")
	}
	return found, nil
}

func value(decoder *json.Decoder, depth int) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if depth > maxDepth {
		return nil, errors.New("JSON nested too deep")
	}
	object, list := map[string]any{}, []any{}
	for (token == json.Delim('{') || token == json.Delim('[')) && decoder.More() {
		if token == json.Delim('[') {
			item, err := value(decoder, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
			continue
		}
		name, err := decoder.Token()
		if err != nil {
			return nil, fmt.Errorf("not JSON: %w", err)
		}
		key, _ := name.(string)
		if _, twice := object[key]; twice {
			return nil, fmt.Errorf("the key %q stands twice", key)
		}
		if object[key], err = value(decoder, depth+1); err != nil {
			return nil, err
		}
	}
	switch token {
	case json.Delim('{'):
		_, err = decoder.Token()
		return object, err
	case json.Delim('['):
		_, err = decoder.Token()
		return list, err
	}
	return token, nil
}

// at follows names into objects; nil where there is nothing.
func at(from any, path ...string) any {
	for _, name := range path {
		object, _ := from.(map[string]any)
		from = object[name]
	}
	return from
}

func text(from any, path ...string) string { found, _ := at(from, path...).(string); return found }

func number(from any, path ...string) int64 {
	found, _ := at(from, path...).(json.Number)
	if !decimal.MatchString(string(found)) {
		return -1
	}
	parsed, _ := strconv.ParseInt(string(found), 10, 64)
	return parsed
}

// -- keys and envelopes ---------------------------------------------------------------------------------------------

type keyring map[string]any

// public reads one PEM block; a key is called by the SHA-256 of its DER.
func public(data string) (string, any, error) {
	block, _ := pem.Decode([]byte(data))
	if block == nil {
		return "", nil, errors.New("not a PEM public key")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if block.Type == "CERTIFICATE" {
		var certificate *x509.Certificate
		if certificate, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = certificate.PublicKey
		}
	}
	if err != nil {
		return "", nil, errors.New("not a public key that Go can read")
	}
	curve, isCurve := key.(*ecdsa.PublicKey)
	if _, isEd := key.(ed25519.PublicKey); !isEd && !(isCurve && curve.Curve == elliptic.P256()) {
		return "", nil, errors.New("neither a P-256 nor an Ed25519 key")
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	name := sha256.Sum256(der)
	return hex.EncodeToString(name[:]), key, err
}

func raw(data string) (ed25519.PublicKey, error) {
	_, key, err := public(data)
	found, isEd := key.(ed25519.PublicKey)
	if err == nil && !isEd {
		err = errors.New("not an Ed25519 key")
	}
	return found, err
}

type envelope struct {
	keyid              string
	payload, signature []byte
	statement          any
}

func parse(from any, kind string) (envelope, error) {
	signatures, _ := at(from, "signatures").([]any)
	if text(from, "payloadType") != payloadType || len(signatures) != 1 {
		return envelope{}, errors.New("not a DSSE envelope of a statement with one signature")
	}
	payload, err := base64.StdEncoding.Strict().DecodeString(text(from, "payload"))
	signature, other := base64.StdEncoding.Strict().DecodeString(text(signatures[0], "sig"))
	if err != nil || other != nil {
		return envelope{}, errors.New("not base64")
	}
	said, err := decode(payload)
	if err != nil {
		return envelope{}, err
	}
	if text(said, "_type") != "https://in-toto.io/Statement/v1" || text(said, "predicateType") != types+kind+"/v1" {
		return envelope{}, fmt.Errorf("not a statement of type %s", kind)
	}
	if critical := at(said, "predicate", "critical"); critical != nil && fmt.Sprint(critical) != "[]" {
		return envelope{}, errors.New("critical fields that are unknown here")
	}
	return envelope{text(signatures[0], "keyid"), payload, signature, said}, nil
}

func (e envelope) verify(keys keyring) error {
	// What is signed is not the payload but its pre-authentication encoding: lengths, type, payload.
	head := fmt.Sprintf("DSSEv1 %d %s %d ", len(payloadType), payloadType, len(e.payload))
	signed := append([]byte(head), e.payload...)
	switch key := keys[e.keyid].(type) {
	case *ecdsa.PublicKey:
		if digest := sha256.Sum256(signed); ecdsa.VerifyASN1(key, digest[:], e.signature) {
			return nil
		}
	case ed25519.PublicKey:
		if ed25519.Verify(key, signed, e.signature) {
			return nil
		}
	default:
		return fmt.Errorf("signed by key %.12s, which you did not give", e.keyid)
	}
	return fmt.Errorf("the signature does not verify under key %.12s", e.keyid)
}

func (e envelope) subject(name string) string {
	subjects, _ := at(e.statement, "subject").([]any)
	for _, subject := range subjects {
		if text(subject, "name") == name {
			return text(subject, "digest", "sha256")
		}
	}
	return ""
}

// -- trees ----------------------------------------------------------------------------------------------------------

type tree struct {
	size   int64
	hashes []tlog.Hash
}

func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		found[i] = t.hashes[index]
	}
	return found, nil
}

func (t *tree) add(line []byte) error {
	hashes, err := tlog.StoredHashes(t.size, line, t)
	t.hashes, t.size = append(t.hashes, hashes...), t.size+1
	return err
}

func (t *tree) root(size int64) (tlog.Hash, error) {
	if size == 0 {
		return sha256.Sum256(nil), nil
	}
	return tlog.TreeHash(size, t)
}

// -- the custody log ------------------------------------------------------------------------------------------------

type event struct {
	envelope
	leaf tlog.Hash
	said any // the predicate
}

func (e event) kind() string { return text(e.said, "type") }

type pen struct { // a log key, and the event that named it
	seq      int64
	verifier note.Verifier
	vkey     string
}

type witness struct {
	name string
	key  ed25519.PublicKey
}

type custody struct {
	root      string
	tree      tree
	events    []event
	origin    string
	pens      []pen
	witnesses []witness
}

func (c *custody) load() (string, error) {
	err := lines(c.root, "custody/log.jsonl", func(line []byte) error {
		document, err := decode(line)
		if err != nil {
			return err
		}
		found, err := parse(document, "custody-event")
		if err != nil {
			return err
		}
		said := at(found.statement, "predicate")
		if number(said, "seq") != c.tree.size {
			return errors.New("is not in its place")
		}
		if text(said, "actor", "keyid") != found.keyid {
			return errors.New("names an actor whose key did not sign it")
		}
		c.events = append(c.events, event{found, tlog.RecordHash(line), said})
		return c.tree.add(line)
	})
	if err == nil && len(c.events) == 0 {
		err = errors.New("the log is empty")
	}
	return fmt.Sprintf("%d events, each in its place", len(c.events)), err
}

// heads holds what every event says of the log before it against the tree that was built here.
func (c *custody) heads() (string, error) {
	for i, e := range c.events {
		root, err := c.tree.root(int64(i))
		if err != nil {
			return "", err
		}
		if number(e.said, "log", "size") != int64(i) || text(e.said, "log", "root") != hex.EncodeToString(root[:]) {
			return "", fmt.Errorf("event %d was signed over other lines than those before it", i)
		}
		if (e.kind() == "case.opened") != (i == 0) || text(e.said, "case") != text(c.events[0].said, "case") {
			return "", fmt.Errorf("event %d opens a second case, or belongs to another", i)
		}
	}
	return "each event was signed over the tree of those before it", nil
}

// handovers follows who holds the case: an acceptance names the leaf of the open offer, and is by the key offered to.
func (c *custody) handovers() (string, error) {
	holder, offeree, offer, done := c.events[0].keyid, "", int64(-1), 0
	for i, e := range c.events {
		said, transfer := e.kind(), at(e.said, "transfer")
		names := offer >= 0 && number(transfer, "offer", "seq") == offer &&
			text(transfer, "offer", "leaf") == hex.EncodeToString(c.events[max(offer, 0)].leaf[:])
		valid := true
		switch said {
		case "transfer.offered":
			offeree = text(transfer, "to", "keyid")
			valid = offer < 0 && e.keyid == holder && offeree != holder && offeree != ""
			offer = int64(i)
		case "transfer.accepted":
			valid = names && e.keyid == offeree
			holder, offer, done = offeree, -1, done+1
		case "transfer.rejected":
			valid = names && e.keyid == offeree
			offer = -1
		case "transfer.withdrawn":
			valid = names && e.keyid == holder
			offer = -1
		case "acquisition.started", "acquisition.resumed":
			valid = offer < 0
		case "key.rotated":
			if e.keyid == holder {
				holder = text(e.said, "newKey", "keyid")
			}
		}
		if !valid {
			return "", fmt.Errorf("event %d (%s) does not follow from the offers before it", i, said)
		}
	}
	pending := ""
	if offer >= 0 {
		pending = fmt.Sprintf("; event %d offers it to key %.12s: not answered", offer, offeree)
	}
	return fmt.Sprintf("%d hand-overs; held by key %.12s%s", done, holder, pending), nil
}

func max(a, b int64) int64 {
	if a > b {
		return a
	}
	return b
}

// learn collects the keys that the events name: the log's own, which change hands with the case, and the witnesses'.
func (c *custody) learn() (string, error) {
	c.origin = text(c.events[0].said, "logKey", "origin")
	for i, e := range c.events {
		if named := e.kind() == "case.opened" || e.kind() == "transfer.accepted"; named {
			key, err := raw(text(e.said, "logKey", "publicKey"))
			if err != nil || text(e.said, "logKey", "origin") != c.origin {
				return "", fmt.Errorf("event %d names no Ed25519 key for this log", i)
			}
			vkey, err := note.NewEd25519VerifierKey(c.origin, key)
			if err != nil {
				return "", err
			}
			verifier, err := note.NewVerifier(vkey)
			if err != nil {
				return "", fmt.Errorf("event %d: %w", i, err)
			}
			c.pens = append(c.pens, pen{int64(i), verifier, vkey})
		}
		if at(e.said, "witness") != nil {
			key, err := raw(text(e.said, "witness", "publicKey"))
			if err != nil {
				return "", fmt.Errorf("event %d: its witness has no Ed25519 key", i)
			}
			c.witnesses = append(c.witnesses, witness{text(e.said, "witness", "name"), key})
		}
	}
	return fmt.Sprintf("%d of the log, %d announcements of a witness", len(c.pens), len(c.witnesses)), nil
}

func (c *custody) compare(vkeys []string) {
	given := map[string]bool{}
	for _, vkey := range vkeys {
		given[strings.TrimSpace(vkey)] = true
	}
	for _, p := range c.pens {
		if !given[p.vkey] {
			say("--", "log key", fmt.Sprintf("taken from event %d itself, this trusts nothing yet: %s", p.seq, p.vkey))
			continue
		}
		ask("log key", func() (string, error) { return fmt.Sprintf("of event %d is one that you gave", p.seq), nil })
		delete(given, p.vkey)
	}
	for vkey := range given {
		ask("log key", func() (string, error) { return "", fmt.Errorf("%s is no key of this log", vkey) })
	}
}

func (c *custody) signatures(keys keyring) (string, error) {
	for i, e := range c.events {
		if err := e.verify(keys); err != nil {
			return "", fmt.Errorf("event %d: %w", i, err)
		}
	}
	return fmt.Sprintf("%d events are signed by keys that you gave", len(c.events)), nil
}

// -- checkpoints ----------------------------------------------------------------------------------------------------

// head returns what a note says, once the key that the log had at that size, and every witness on it, has signed it.
func (c *custody) head(message []byte) (int64, tlog.Hash, []string, error) {
	said := strings.Split(strings.SplitN(string(message), "\n\n", 2)[0], "\n")
	if len(said) != 3 || !decimal.MatchString(said[1]) {
		return 0, tlog.Hash{}, nil, errors.New("not a note of three lines")
	}
	size, _ := strconv.ParseInt(said[1], 10, 64)
	root, err := tlog.ParseHash(said[2])
	if err != nil || said[0] != c.origin {
		return 0, tlog.Hash{}, nil, errors.New("has no root, or belongs to another log")
	}
	var key note.Verifier
	for _, p := range c.pens {
		if p.seq < size {
			key = p.verifier
		}
	}
	if key == nil {
		return 0, tlog.Hash{}, nil, errors.New("the log names no key for it")
	}
	opened, err := note.Open(message, note.VerifierList(key))
	if err != nil {
		return 0, tlog.Hash{}, nil, fmt.Errorf("not signed by the log's key at that size: %w", err)
	}
	if opened.Text != strings.Join(said, "\n")+"\n" {
		return 0, tlog.Hash{}, nil, errors.New("what is signed is not what it says")
	}
	cosigned := []string{}
	for _, signature := range opened.UnverifiedSigs {
		by, err := c.cosignature(opened.Text, signature)
		if err != nil {
			return 0, tlog.Hash{}, nil, err
		}
		cosigned = append(cosigned, by)
	}
	return size, root, cosigned, nil
}

// cosignature checks a line of C2SP cosignature/v1: four bytes of key hash, eight of time, an Ed25519 signature.
func (c *custody) cosignature(signed string, line note.Signature) (string, error) {
	blob, err := base64.StdEncoding.DecodeString(line.Base64)
	if err != nil || len(blob) != 4+8+ed25519.SignatureSize {
		return "", fmt.Errorf("the line of %s is neither the log's nor a cosignature", line.Name)
	}
	when := binary.BigEndian.Uint64(blob[4:12])
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", when, signed)
	for _, w := range c.witnesses {
		hash := sha256.Sum256(append([]byte(w.name+"\n\x04"), w.key...))
		fits := w.name == line.Name && binary.BigEndian.Uint32(hash[:4]) == line.Hash
		if fits && ed25519.Verify(w.key, []byte(message), blob[12:]) {
			return w.name + " at " + time.Unix(int64(when), 0).UTC().Format(time.RFC3339), nil
		}
	}
	return "", fmt.Errorf("the cosignature of %s is by no witness that the log names, or does not verify", line.Name)
}

// part says whether a note belongs to this log: its signatures, and a proof that the log only grew since.
func (c *custody) part(message []byte) (string, int64, error) {
	size, root, cosigned, err := c.head(message)
	if err != nil {
		return "", 0, err
	}
	if size > c.tree.size {
		return "", 0, fmt.Errorf("covers %d events, the log has %d", size, c.tree.size)
	}
	newest, err := c.tree.root(c.tree.size)
	if err != nil {
		return "", 0, err
	}
	proof, err := tlog.ProveTree(c.tree.size, size, &c.tree)
	if err != nil {
		return "", 0, err
	}
	if err := tlog.CheckTree(proof, c.tree.size, newest, size, root); err != nil {
		return "", 0, errors.New("was signed over other events than those in the log")
	}
	answer := fmt.Sprintf("%d events, signed by the log's key", size)
	if len(cosigned) > 0 {
		answer += ", cosigned by " + strings.Join(cosigned, ", ")
	}
	return answer, size, nil
}

func (c *custody) newest() (string, error) {
	message, err := read(c.root, "custody/checkpoint", maxNote)
	if err != nil {
		return "", err
	}
	answer, size, err := c.part(message)
	if err == nil && size != c.tree.size {
		err = fmt.Errorf("covers %d events, the log has %d", size, c.tree.size)
	}
	return "covers all " + answer, err
}

func (c *custody) retained() {
	folder := filepath.Join(c.root, "custody", "checkpoints")
	if _, err := os.Lstat(folder); errors.Is(err, os.ErrNotExist) {
		return
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		ask("retained", func() (string, error) { return "", err })
	}
	sort.Slice(entries, func(a, b int) bool {
		x, y := entries[a].Name(), entries[b].Name()
		return len(x) < len(y) || len(x) == len(y) && x < y
	})
	for _, entry := range entries {
		ask("retained", func() (string, error) {
			message, err := read(c.root, "custody/checkpoints/"+entry.Name(), maxNote)
			if err != nil {
				return "", err
			}
			answer, size, err := c.part(message)
			if err == nil && entry.Name() != strconv.FormatInt(size, 10) {
				err = fmt.Errorf("covers %d events under the name of %s", size, entry.Name())
			}
			if err != nil {
				err = fmt.Errorf("%s: %w", entry.Name(), err)
			}
			return answer, err
		})
	}
}

func (c *custody) remembered(path string) (string, error) {
	message, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	answer, _, err := c.part(message)
	if err != nil {
		return "", fmt.Errorf("the log was rolled back or rewritten, or the file is of another: %w", err)
	}
	return "the log extends the one you remember: " + answer, nil
}

func (c *custody) prove(seq int64) {
	var proof tlog.RecordProof
	if ask("inclusion", func() (string, error) {
		if seq >= c.tree.size {
			return "", fmt.Errorf("there is no event %d", seq)
		}
		root, err := c.tree.root(c.tree.size)
		if err != nil {
			return "", err
		}
		if proof, err = tlog.ProveRecord(c.tree.size, seq, &c.tree); err != nil {
			return "", err
		}
		leaf := c.events[seq].leaf
		said := fmt.Sprintf("event %d is leaf %s of %d under root %s; the path up:", seq, leaf, c.tree.size, root)
		return said, tlog.CheckRecord(proof, c.tree.size, root, seq, leaf)
	}) {
		for _, hash := range proof {
			fmt.Printf("      %s\n", hash)
		}
	}
}

// -- bags -----------------------------------------------------------------------------------------------------------

func (c *custody) bags(keys keyring) {
	sealed := map[string]event{}
	disposed := map[string]bool{}
	started := []string{}
	for _, e := range c.events {
		switch id := text(e.said, "acquisition", "id"); e.kind() {
		case "acquisition.started":
			started = append(started, id)
		case "acquisition.sealed":
			sealed[id] = e
		case "disposed":
			disposed[text(e.said, "disposal", "scope")] = true
		}
	}
	for _, id := range started {
		_, err := os.Lstat(filepath.Join(c.root, "bags", id, "data"))
		if gone := disposed["case"] || disposed["bags/"+id]; gone && os.IsNotExist(err) && component.MatchString(id) {
			say("--", "attestations", fmt.Sprintf("%s was disposed of", id))
		} else if by, is := sealed[id]; is {
			ask("attestations", func() (string, error) { return c.attestations(id, by, keys) })
		} else {
			say("--", "attestations", fmt.Sprintf("%s was never sealed", id))
		}
	}
}

// attestations holds the tree over a bag's attestation lines against the seal, and the seal against the log.
func (c *custody) attestations(id string, by event, keys keyring) (string, error) {
	if !component.MatchString(id) || id == "." || id == ".." {
		return "", fmt.Errorf("%q cannot be the name of a bag", id)
	}
	path := "bags/" + id + "/seal/seal.sigstore.json"
	data, err := read(c.root, path, maxDocument)
	if err != nil {
		return "", err
	}
	if found := sha256.Sum256(data); by.subject(path) != hex.EncodeToString(found[:]) {
		return "", fmt.Errorf("%s is not the seal that the log recorded", path)
	}
	document, err := decode(data)
	if err != nil {
		return "", err
	}
	seal, err := parse(at(document, "dsseEnvelope"), "seal")
	if err != nil || text(document, "mediaType") != bundleType {
		return "", fmt.Errorf("%s: not a bundle of a seal", path)
	}
	if len(keys) > 0 {
		if err := seal.verify(keys); err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
	}
	said := at(seal.statement, "predicate")
	if text(said, "acquisition") != id || text(said, "case") != text(by.said, "case") {
		return "", fmt.Errorf("%s seals another acquisition, or another case", path)
	}
	var lot tree
	if err := lines(c.root, "bags/"+id+"/record/artifacts.intoto.jsonl", lot.add); err != nil {
		return "", err
	}
	root, err := lot.root(lot.size)
	if err != nil {
		return "", err
	}
	if number(said, "artifacts", "size") != lot.size || text(said, "artifacts", "root") != hex.EncodeToString(root[:]) {
		return "", fmt.Errorf("%s: the attestations are not those that were sealed", id)
	}
	return fmt.Sprintf("%s: %d lines are the tree that was sealed", id, lot.size), nil
}

// -- ask ------------------------------------------------------------------------------------------------------------

func check(c *custody, vkeys []string, keys keyring, last string, prove int64) {
	if !ask("log", c.load) {
		return
	}
	ask("heads", c.heads)
	ask("custody", c.handovers)
	if !ask("keys", c.learn) {
		return
	}
	c.compare(vkeys)
	if len(keys) > 0 {
		ask("signatures", func() (string, error) { return c.signatures(keys) })
	} else {
		say("--", "signatures", "of events and seals: give the keys that you trust with -key")
	}
	ask("checkpoint", c.newest)
	c.retained()
	if last != "" {
		ask("last", func() (string, error) { return c.remembered(last) })
	} else {
		say("--", "last", "that the log was not rolled back to an older state: give a checkpoint that you kept with -last")
	}
	c.bags(keys)
	if prove >= 0 {
		c.prove(prove)
	}
}

func stop(said ...any) {
	fmt.Fprintln(os.Stderr, append([]any{"error:"}, said...)...)
	os.Exit(2)
}

func main() {
	keys, vkeys := keyring{}, []string{}
	flag.Func("vkey", "a log `key` that you trust", func(s string) error { vkeys = append(vkeys, s); return nil })
	flag.Func("key", "a `file` with a public key that you trust", func(path string) error {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		id, key, err := public(string(data))
		keys[id] = key
		return err
	})
	last := flag.String("last", "", "a `file` with a checkpoint that you kept")
	prove := flag.Int64("prove", -1, "print the inclusion proof of event `N`")
	flag.Parse()
	if flag.NArg() != 1 {
		stop("usage: verify.go [-vkey VKEY]... [-key FILE]... [-last FILE] [-prove N] CASE")
	}
	root, err := filepath.Abs(flag.Arg(0))
	if err == nil {
		root, err = filepath.EvalSymlinks(root)
	}
	if err != nil {
		stop(err)
	}
	check(&custody{root: root}, vkeys, keys, *last, *prove)
	if wrong > 0 {
		fmt.Printf("FAILED  %s: %d of %d checks\n", filepath.Base(root), wrong, asked)
		os.Exit(1)
	}
	fmt.Printf("OK  %s: %d checks\n", filepath.Base(root), asked)
}
