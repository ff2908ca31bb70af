"""Where playbooks are found: those that come with the kit, and folders of the organisation's own."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from evidence_kit.errors import UsageError
from evidence_kit.model.document import MAX_DOCUMENT, did_you_mean
from evidence_kit.playbook.model import Playbook
from evidence_kit.playbook.reading import parse_playbook

SUFFIX = ".yaml"


def shipped_folder() -> Path:
    """Return the folder of the playbooks that come with the kit: in the wheel, or beside the sources."""
    within = Path(str(files("evidence_kit"))) / "shipped" / "playbooks"
    return within if within.is_dir() else Path(str(files("evidence_kit"))).parent / "playbooks"


def read_file(path: Path) -> Playbook:
    """Read one playbook; UsageError where it cannot be read."""
    try:
        with path.open("rb") as stream:
            text = stream.read(MAX_DOCUMENT + 1)
    except OSError as error:
        raise UsageError(f"cannot read `{path}`: {(error.strerror or '').lower()}") from error
    return parse_playbook(text, name=str(path))


class Library:
    """Playbooks by their ids; one of the organisation's takes the place of a shipped one of the same name."""

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        self._folders = (shipped_folder(), *folders)

    @cached_property
    def files(self) -> Mapping[str, Path]:
        """Return every file by its name without its ending, which is the id of the playbook in it."""
        return {path.stem: path for folder in self._folders for path in _files(folder)}

    def all(self) -> Iterator[Playbook]:
        """Yield every playbook, by id."""
        for _, path in sorted(self.files.items()):
            yield read_file(path)

    def find(self, name: str) -> Playbook:
        """Return a playbook by its id, by `id@major`, or by the path of its file."""
        if name.endswith(SUFFIX) or "/" in name:
            return read_file(Path(name))
        plain, _, major = name.partition("@")
        if plain not in self.files:
            raise UsageError(f"there is no playbook `{name[:80]}`", hint=did_you_mean(plain, self.files))
        found = read_file(self.files[plain])
        if found.id != plain:
            raise UsageError(f"`{self.files[plain]}` holds `{found.id}`", hint="name the file after it")
        if major and found.version.partition(".")[0] != major:
            raise UsageError(f"`{name}` is not here: `{plain}` is version {found.version}")
        return found


def _files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    yield from sorted(path for path in folder.rglob(f"*{SUFFIX}") if path.is_file())
