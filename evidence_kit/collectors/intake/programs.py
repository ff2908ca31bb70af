"""The programs that check what no library here can: `gpgv` for OpenPGP, `openssl` for CMS. Both see our copy only."""

import binascii
import os
import re
import shutil
import subprocess
import tempfile
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from evidence_kit.collectors.intake.verdicts import Answer, Checked

_LAST_WORD = 120  # seconds that a program may think about once it has seen everything
_GOOD = re.compile(r"^\[GNUPG:\] VALIDSIG ([0-9A-F]{40,64}) ", re.MULTILINE)
_BAD = re.compile(r"^\[GNUPG:\] (BADSIG|EXPKEYSIG|REVKEYSIG|EXPSIG) ", re.MULTILINE)
_FAULTS = {
    "BADSIG": "it was made over other bytes",
    "EXPKEYSIG": "the key had expired",
    "REVKEYSIG": "the key was revoked",
    "EXPSIG": "the signature has expired",
}
_ARMOUR = re.compile(rb"-----BEGIN PGP [A-Z ]+-----\r?\n(.*?)-----END PGP [A-Z ]+-----", re.DOTALL)


def openpgp(signature: bytes, keyring: bytes, chunks: Iterable[bytes]) -> Checked:
    """Check a detached signature against the keys of `keyring`, and no others."""
    program = shutil.which("gpgv")
    if program is None:
        return Checked(Answer.NOT_CHECKED, "`gpgv` is not installed here")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "signature").write_bytes(signature)
        (home / "keyring").write_bytes(unarmoured(keyring))
        arguments = ("--homedir", folder, "--keyring", f"{folder}/keyring", "--status-fd", "1")
        code, said, _ = _run((program, *arguments, f"{folder}/signature", "-"), {"GNUPGHOME": folder}, chunks)
    good = _GOOD.search(said)
    if fault := _BAD.search(said):
        return Checked(Answer.FALSE, _FAULTS[fault[1]])
    if code == 0 and good:
        return Checked(Answer.GOOD, f"OpenPGP key {good[1]}")
    if "NO_PUBKEY" in said:
        return Checked(Answer.NOT_CHECKED, "it is by a key that the keyring does not hold")
    return Checked(Answer.NOT_CHECKED, "`gpgv` cannot read the signature or the keyring")


def cms(signature: bytes, certificate: bytes, chunks: Iterable[bytes]) -> Checked:
    """Check a detached signature against the signer's own certificate; who issued that is not asked."""
    program = shutil.which("openssl")
    if program is None:
        return Checked(Answer.NOT_CHECKED, "`openssl` is not installed here")
    fingerprint, pem = _certificate(certificate)
    if not pem:
        return Checked(Answer.NOT_CHECKED, "what was given as the signer's certificate is none")
    form = "PEM" if signature.lstrip().startswith(b"-----BEGIN") else "DER"
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "signature").write_bytes(signature)
        (home / "certificate").write_bytes(pem)
        files = ("-in", f"{folder}/signature", "-certfile", f"{folder}/certificate", "-content", "/dev/stdin")
        # The certificates inside the signature are not looked at: the operator has named the signer.
        pinned = ("-nointern", "-noverify", "-out", os.devnull)
        command = (program, "cms", "-verify", "-binary", "-inform", form, *files, *pinned)
        code, _, said = _run(command, {"OPENSSL_CONF": os.devnull}, chunks)
    if code == 0:
        return Checked(Answer.GOOD, f"certificate {fingerprint}")
    if "signer certificate not found" in said:
        return Checked(Answer.NOT_CHECKED, "it is not by the certificate that was given")
    if "verification failure" in said or "verify error" in said:
        return Checked(Answer.FALSE, "it was made over other bytes")
    return Checked(Answer.NOT_CHECKED, "`openssl` cannot read the signature")


def unarmoured(keyring: bytes) -> bytes:
    """Return a keyring as `gpgv` reads it, which knows no armour."""
    if not keyring.lstrip().startswith(b"-----BEGIN PGP"):
        return keyring
    packets = []
    for block in _ARMOUR.findall(keyring):
        lines = block.replace(b"\r", b"").split(b"\n")
        start = lines.index(b"") + 1 if b"" in lines[:-1] else 0  # behind the headers
        body = b"".join(line for line in lines[start:] if not line.startswith(b"="))
        with suppress(binascii.Error):
            packets.append(b64decode(body, validate=True))
    return b"".join(packets)


def _certificate(data: bytes) -> tuple[str, bytes]:
    """Return SHA-256 and PEM of a certificate; empty where there is none."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        read = x509.load_pem_x509_certificate if b"-----BEGIN" in data else x509.load_der_x509_certificate
        found = read(data)
    except ValueError:
        return "", b""
    return found.fingerprint(SHA256()).hex(), found.public_bytes(Encoding.PEM)


def _run(command: Sequence[str], environ: Mapping[str, str], chunks: Iterable[bytes]) -> tuple[int, str, str]:
    """Run a program on a stream of ours, with nothing of our environment; return its code and what it said."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        plain = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", **environ}
        with subprocess.Popen(  # noqa: S603 - a fixed program with names of our own
            command, stdin=subprocess.PIPE, stdout=out, stderr=err, env=plain
        ) as running:
            _feed(running, chunks)
            try:
                code = running.wait(_LAST_WORD)
            except subprocess.TimeoutExpired:
                running.kill()
                code = -1
        return code, _said(out), _said(err)


def _feed(running: "subprocess.Popen[bytes]", chunks: Iterable[bytes]) -> None:
    """Hand everything over; a program that has seen enough does not keep us from reading to the end."""
    stream = running.stdin
    broken = stream is None
    for chunk in chunks:
        if not broken and stream is not None:
            try:
                stream.write(chunk)
            except BrokenPipeError:
                broken = True
    if stream is not None:
        with suppress(BrokenPipeError):
            stream.close()


def _said(stream: BinaryIO) -> str:
    stream.seek(0)
    return stream.read(64 << 10).decode("utf-8", "replace")
