"""The digest of a model: one SHA-256 over every file that decides what it answers.

An approval is of a model's files, not of the version that somebody wrote into them: a file that changed
under the same version was approved by nobody. Beside a model's own file these are the files of its room that
it can import, what was learnt (`artefacts`), and the part of the core that it calculates with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path, PurePath
from typing import NamedTuple

# What a room calculates with; what else it takes from the core holds an answer and changes none.
CALCULATES = ("codes", "evidence", "insight", "measures", "spoken", "units")
# What a learnt model answers with; the rest of the learning room fits and measures, and changes no answer.
ANSWERS = ("artefact", "artefact_read", "features", "learnt", "learnt_words", "novelty", "parameters",
           "score", "score_plan", "task")  # fmt: skip
# Written anew by every installation or every start, and read by no model.
_NOT_OF_THE_MODEL = frozenset({"INSTALLER", "RECORD", "REQUESTED", "direct_url.json"})


class Origin(NamedTuple):
    """Where a model comes from and what its files are.

    package: the outside distribution and its version; "" for a room of the house.
    digest: as hex; "" where a file cannot be read, and then `why` says which. Taken once, when the model is
    loaded: what runs is what was loaded then, whatever happens to the files afterwards.
    """

    package: str = ""
    digest: str = ""
    why: str = ""

    @classmethod
    def of(cls, files: Callable[[], Mapping[str, Path]], package: str = "") -> Origin:
        """Return the origin of a model that lies in `files`; without a digest where one cannot be read."""
        try:
            return cls(package, digest(files()))
        except Exception as error:
            # Whoever put the package there may have put a finder of his own too.
            return cls(package, why=f"its files cannot be read ({type(error).__name__})")

    def with_artefact(self, sha256_of: str) -> Origin:
        """Return the origin of the same files with an artefact of a site's own, named by its SHA-256."""
        if not self.digest:
            return self
        return self._replace(digest=sha256(f"{self.digest}\0{sha256_of}".encode()).hexdigest())


def digest(files: Mapping[str, Path]) -> str:
    """Return one SHA-256 over `files`, by name, as hex: what changes, comes, goes or is renamed changes it.

    Raises OSError for a file that is away, ValueError where there is none.
    """
    if not files:
        raise ValueError
    whole = sha256()
    for name in sorted(files):
        whole.update(
            name.encode(errors="surrogateescape") + b"\0" + sha256(files[name].read_bytes()).digest()
        )
    return whole.hexdigest()


def core_files() -> dict[str, Path]:
    """Return the files of the core that a model calculates with."""
    return {f"core/{name}.py": Path(__file__).with_name(f"{name}.py") for name in CALCULATES}


def learning_files() -> dict[str, Path]:
    """Return the files by which a learnt model answers."""
    folder = Path(__file__).parents[1] / "learning"
    return {f"learning/{name}.py": folder / f"{name}.py" for name in ANSWERS}


def room_files(own: Path) -> dict[str, Path]:
    """Return what the model in the file `own` shares with its room: private files, and artefacts that are not
    another model's by their name.
    """
    folder = own.parent
    others = {path.stem for path in folder.glob("*.py")} - {own.stem}
    artefacts = [path for path in _below(folder / "artefacts") if path.name.partition(".")[0] not in others]
    return {path.relative_to(folder).as_posix(): path for path in (*folder.glob("_*.py"), *artefacts)}


def tree_files(place: Path) -> dict[str, Path]:
    """Return all files below a package's folder, or a module's one file, but what Python makes of them."""
    found = _below(place) if place.is_dir() else [place]
    return {path.relative_to(place.parent).as_posix(): path for path in found if is_source(path)}


def is_source(path: PurePath) -> bool:
    """Whether a file of a package is what it was installed with, and not made or written by the installer."""
    return "__pycache__" not in path.parts and path.name not in _NOT_OF_THE_MODEL


def _below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
