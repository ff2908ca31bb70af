"""URI schemes to the code that signs there, loaded when used; a scheme claimed twice is an error."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import Protocol, cast

from evidence_kit.errors import PluginError, UsageError
from evidence_kit.model.document import did_you_mean
from evidence_kit.model.ports import Signer
from evidence_kit.signers.checked import Checked
from evidence_kit.signers.uri import scheme_of

GROUP = "evidence_kit.signers"


@dataclass(frozen=True, slots=True)
class Backend:
    """Where a built-in way of signing is, and the extra that brings the libraries it needs."""

    where: str
    extra: str | None = None


# A table, not imports: most commands need no SDK, and no machine needs all of them.
BUILTIN: Mapping[str, Backend] = {
    "awskms": Backend("evidence_kit.signers.aws_kms:open_key"),
    "azurekms": Backend("evidence_kit.signers.azure_kms:open_key"),
    "file": Backend("evidence_kit.signers.file:open_uri"),
    "gcpkms": Backend("evidence_kit.signers.gcp_kms:open_key"),
    "pkcs11": Backend("evidence_kit.signers.pkcs11:open_key", "pkcs11"),
}


class Opener(Protocol):
    """Opens the key that a URI names; `passphrase` is called only if a passphrase or PIN is needed."""

    def __call__(self, uri: str, passphrase: Callable[[], str]) -> Signer:
        """Return the signer."""
        ...


def open_signer(uri: str, *, passphrase: Callable[[], str]) -> Checked:
    """Open the key that `uri` names; each of its signatures is verified before it is handed out."""
    return Checked(opener(scheme_of(uri))(uri, passphrase))


def opener(scheme: str) -> Opener:
    """Return what opens keys of `scheme`: a built-in, or exactly one installed plug-in."""
    found = [point for point in metadata.entry_points(group=GROUP) if point.name == scheme]
    builtin = BUILTIN.get(scheme)
    if len(found) + bool(builtin) > 1:
        raise PluginError(
            f"key scheme `{scheme}:` is claimed more than once",
            hint=f"uninstall one of: {', '.join(point.value for point in found)}",
        )
    if builtin:
        return cast("Opener", _load(builtin, scheme))
    if not found:
        known = {*BUILTIN, *metadata.entry_points(group=GROUP).names}
        raise UsageError(f"no key scheme is called `{scheme}:`", hint=did_you_mean(scheme, known))
    return cast("Opener", _load(Backend(found[0].value), scheme))


def _load(backend: Backend, scheme: str) -> object:
    module, _, attribute = backend.where.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except Exception as error:  # importing a plug-in runs its code, which may fail in any way
        if isinstance(error, ImportError) and backend.extra:
            raise PluginError(
                f"`{scheme}:` keys need libraries that are not installed",
                hint=f"pip install 'evidence-kit[{backend.extra}]'",
            ) from error
        raise PluginError(f"`{scheme}:` cannot be loaded from {backend.where}: {error}") from error
