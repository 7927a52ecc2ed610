"""The verb `share` at the command line: its words, and what it prints."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from salus.cli_out import actor as actor_of
from salus.cli_out import progress, put_json, say, site_of
from salus.core.errors import UserError

Args = argparse.Namespace


def words(parser: argparse.ArgumentParser) -> None:
    """Add the options of `share` to its parser."""
    add = parser.add_argument
    add("subject", nargs="?", metavar="SUBJECT", help="Patient/ID or ID in the archive (--archive)")
    add("--on", metavar="PLACE", help="everybody in an archive, or in the folder of a published set")
    add("--as", dest="kind", choices=("fhir",), required=True, help="FHIR R4 resources")
    forms = "ndjson (a folder, by type), bundle or prefetch (a file each person; default by what --out is)"
    add("--form", choices=("ndjson", "bundle", "prefetch"), help=forms)
    add("--out", required=True, metavar="PLACE", help="a new folder; for one Bundle or prefetch a .json file")
    whose = "the set's own key, or the archive's subject; may be given more than once"
    add("--case", action="append", default=[], metavar="ID", help=whose)
    add("--limit", type=int, metavar="N", help="at most so many people")
    add("--with-outcome", action="store_true", help="the death and how a stay ended too (default: left out)")
    for_what = (
        "what it is for: direct-care; model-training or quality with a --basis (a set's is its licence)"
    )
    add("--purpose", default="", metavar="WHAT", help=for_what)
    add("--basis", default="", metavar="WHY", help="on which the gate opens a population")


def share(args: Args) -> int:
    """Hand on evidence as FHIR, and say what was handed on and what stayed behind."""
    shared = _shared(args, _wanted(args))
    if args.json:
        return put_json(shared.as_json())
    many = ", ".join(f"{count} {kind}" for kind, count in sorted(shared.resources.items()))
    say(f"{shared.people} people to '{shared.out}': {many}.")
    ended = "is told too" if shared.with_outcome else "is left out (--with-outcome tells it)"
    say(f"How it ended (deaths, discharges) {ended}.")
    for kind, count in sorted(shared.left_out.items()):
        say(f"  left out: {count} of type {kind}, which cannot be written")
    return 0


def _wanted(args: Args) -> Any:
    from salus.spine.share import Wanted, form_of

    if args.limit is not None and args.limit < 1:
        raise UserError(f"--limit {args.limit} is nobody: write a number from 1.")
    if args.subject and args.case:
        raise UserError(f"Name '{args.subject}' or cases with --case, one of the two.")
    cases = (args.subject,) if args.subject else tuple(args.case)
    out = Path(args.out)
    told = {"with_outcome": args.with_outcome, "purpose": args.purpose, "basis": args.basis}
    return Wanted(out, form_of(args.form, out), cases, args.limit, **told)


def _shared(args: Args, wanted: Any) -> Any:
    from salus.spine.share import share_record, share_set
    from salus.spine.site import holds_records

    if (args.on is None) == (args.archive is None):
        raise UserError("Say from where: --archive DIR with a SUBJECT, or --on PLACE for everybody there.")
    how: dict[str, Any] = {"actor": actor_of(args), "progress": progress(args)}
    if args.on is not None and not holds_records(Path(args.on)):
        return share_set(Path(args.on), wanted, **how)
    if args.archive is not None and not wanted.cases:
        raise UserError("Say whose record: a SUBJECT, or everybody's with --on DIR.")
    args.archive = args.on or args.archive
    return share_record(site_of(args), wanted, **how)
