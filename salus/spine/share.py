"""Share: evidence handed on as FHIR, through the gate, and written down before a byte of it leaves.

From an archive each resource goes as it came; a published set is written as FHIR anew. How it ended (a death,
a discharge) stays behind unless it is asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salus.core.consent import PURPOSES, QUALITY, TRAINING, Actor
from salus.core.errors import RefusedError, UserError, choices
from salus.privacy.gate import open_view, refuse_nobody, refuse_population
from salus.spine.consult import archived
from salus.spine.permits import request, stored

if TYPE_CHECKING:
    from salus.core.evidence import Timeline
    from salus.core.seams import View
    from salus.record.fhir_pack import Packed
    from salus.record.population import Population
    from salus.spine.site import Site

FORMS = ("ndjson", "bundle", "prefetch")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be handed on.

    out: a folder, or for one person's Bundle or prefetch a file. form: one of FORMS. cases: the set's own
    keys, or the archive's subjects; empty: all. limit: at most so many. with_outcome: how it ended too.
    purpose, basis: what the gate is asked for.
    """

    out: Path
    form: str = "ndjson"
    cases: tuple[str, ...] = ()
    limit: int | None = None
    with_outcome: bool = False
    purpose: str = ""
    basis: str = ""


@dataclass(slots=True)
class Shared:
    """What was handed on: people, resources by type, files; and events of types that cannot be written."""

    out: Path
    with_outcome: bool
    people: int = 0
    resources: Counter[str] = field(default_factory=Counter)
    files: set[str] = field(default_factory=set)
    left_out: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, object]:
        """Return it in the shape that ``salus share --json`` prints."""
        return {
            "out": str(self.out),
            "people": self.people,
            "resources": dict(sorted(self.resources.items())),
            "files": sorted(self.files),
            "left_out": dict(sorted(self.left_out.items())),
            "with_outcome": self.with_outcome,
        }


_Progress = Callable[..., Iterable[Any]]


def share_set(place: Path, wanted: Wanted, *, actor: Actor, progress: _Progress | None = None) -> Shared:
    """Hand on stays of the published set in the folder `place`, which its licence opens.

    Raises UserError for a case that is not in it or a place that is taken, RefusedError where the gate does.
    """
    from salus.record.population import timelines
    from salus.record.sources import sets

    found = sets.population(place)
    subjects = _chosen(found, wanted)
    purpose, basis = wanted.purpose or QUALITY, wanted.basis or found.licence
    shared = _begun(wanted, len(subjects))
    every = timelines(found, subjects)
    for timeline in progress(every, total=len(subjects)) if progress else every:
        view = open_view(timeline, actor, purpose, datetime.now(UTC), basis=basis)
        _put(shared, wanted, timeline.subject, _made(view.timeline, shared))
    return shared


def _chosen(found: Population, wanted: Wanted) -> list[str]:
    rows = found.subjects
    known = dict(zip(rows["case"].fill_null(rows["subject"]), rows["subject"], strict=True))
    for case in wanted.cases:
        if case not in known:
            near = choices(case, list(known)[:20])
            raise UserError(f"No case '{case}' in '{found.name}': its cases are called like {near}.")
    return [known[case] for case in wanted.cases or known][: wanted.limit]


def share_record(site: Site, wanted: Wanted, *, actor: Actor, progress: _Progress | None = None) -> Shared:
    """Hand on the record of `wanted.cases` (or of everybody) in a site's archive, as it came.

    Raises UserError for an unknown subject or a place that is taken, RefusedError without a purpose that the
    gate allows, AwayError when it cannot be written down: what is not on record does not leave.
    """
    if not wanted.purpose:
        raise RefusedError(
            "What is it for? A record leaves for a purpose: --purpose direct-care, for example."
        )
    wanted = replace(wanted, purpose=stored(wanted.purpose))
    subjects = list(_open_here(site, wanted, actor))[: wanted.limit]
    shared = _begun(wanted, len(subjects))
    for subject in progress(subjects) if progress else subjects:
        view = _written_down(site, subject, wanted, actor)
        _put(shared, wanted, view.subject, list(_as_sent(site, view, shared)))
    return shared


def _open_here(site: Site, wanted: Wanted, actor: Actor) -> Iterator[str]:
    """Yield whose records may leave for this; whoever is named, and unknown or not to be shown, ends it
    before the first byte leaves, both in the same words.
    """
    refuse_nobody(actor)
    if wanted.purpose not in PURPOSES.values():
        known = choices(wanted.purpose, PURPOSES)
        raise RefusedError(
            f"No permit for purpose '{wanted.purpose}': there is no such purpose. There are: {known}."
        )
    if wanted.purpose in (TRAINING, QUALITY):
        refuse_population(actor, wanted.purpose, wanted.basis)
    to = request(site, actor, wanted.purpose, wanted.basis)
    named = dict.fromkeys(one if "/" in one else f"Patient/{one}" for one in wanted.cases)
    for subject in named:
        if not site.has_archive or to.said.is_closed(actor, wanted.purpose, wanted.basis):
            # Of a purpose that is closed, nobody hears who is here.
            to.rule(subject)
        yield archived(site, subject, None, to).timeline.subject
    if not named:
        every = site.archive.subjects()
        yield from (one for one in every if to.said.rule(one, *to[1:]).constant is not False)


def _written_down(site: Site, subject: str, wanted: Wanted, actor: Actor) -> View:
    """Return what may be seen of a subject at the end of its record, once the ledger says that it leaves."""
    now, to = site.now(), request(site, actor, wanted.purpose, wanted.basis)
    one = archived(site, subject, None, to)
    rule, asked = (
        to.rule(one.timeline.subject),
        (one.timeline, actor, wanted.purpose, one.as_of, one.whole_at),
    )
    view = open_view(*asked, basis=wanted.basis, rule=rule)
    said = {"subject": view.subject, "what": "record", "as": "fhir", "to": str(wanted.out)}
    said |= {"purpose": view.purpose, "permit": view.permit, "as_of": view.as_of.isoformat()}
    with site.store.begin() as tx:
        tx.append(now, actor.id, "export", said | {"with_outcome": wanted.with_outcome})
    return view


def _begun(wanted: Wanted, people: int) -> Shared:
    """Refuse a place that is taken: nobody's record is written over or mixed with another's."""
    if wanted.form not in FORMS:
        raise UserError(f"No form is called '{wanted.form}': {choices(wanted.form, FORMS)}.")
    if _is_file(wanted) and people != 1:
        raise UserError(f"One file holds one person, and these are {people}: name a folder with --out.")
    out = wanted.out
    if out.is_file() or (out.is_dir() and (_is_file(wanted) or any(out.iterdir()))):
        raise UserError(f"'{out}' is there already: name another place with --out, or empty it first.")
    (out.parent if _is_file(wanted) else out).mkdir(parents=True, exist_ok=True)
    return Shared(out, wanted.with_outcome)


def _is_file(wanted: Wanted) -> bool:
    return wanted.form != "ndjson" and wanted.out.suffix == ".json"


def _made(timeline: Timeline, shared: Shared) -> list[Packed]:
    from salus.record.fhir_pack import made
    from salus.record.fhir_write import left_out

    shared.left_out.update(left_out(timeline))
    return made(timeline, with_outcome=shared.with_outcome)


def _as_sent(site: Site, view: View, shared: Shared) -> Iterator[Packed]:
    from salus.record import fhir_pack
    from salus.spine.chart import as_sent

    seen = [one for one in view.timeline if shared.with_outcome or one.code not in fhir_pack.OUTCOME_CODES]
    sources = {one.source for one in seen}
    for source, raw in as_sent(site, seen):
        sources.discard(source)
        yield fhir_pack.as_sent(source, raw, with_outcome=shared.with_outcome)
    # What stands inside another resource goes with it; what cannot be read any more stays behind.
    shared.left_out.update(source.partition("/")[0] for source in sources if "#" not in source)


def _put(shared: Shared, wanted: Wanted, subject: str, resources: list[Packed]) -> None:
    from salus.record import fhir_pack
    from salus.record.fhir_write import id_of

    shared.people += 1
    shared.resources.update(kind for kind, _ in resources)
    if wanted.form == "ndjson":
        files = fhir_pack.lines(resources)
    else:
        name = wanted.out.name if _is_file(wanted) else f"{id_of(subject)}.json"
        pack = fhir_pack.bundle if wanted.form == "bundle" else fhir_pack.prefetch
        files = {name: pack(resources)}
    folder = wanted.out.parent if _is_file(wanted) else wanted.out
    for name, content in files.items():
        shared.files.add(name)
        with _private(folder / name).open("ab") as file:
            file.write(content)


def _private(path: Path) -> Path:
    """Make a file that its owner alone may read, where there is none: it holds somebody's record."""
    if not path.exists():
        path.touch(mode=0o600)
    return path


def form_of(form: str | None, out: Path) -> str:
    """Return the form: the one that is named, else a Bundle for a ``.json`` file and NDJSON for a folder."""
    return form or ("bundle" if out.suffix == ".json" else "ndjson")
