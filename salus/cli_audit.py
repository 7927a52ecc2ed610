"""The verb `audit` at the command line: check the ledger, publish its head, prove an entry, check a proof."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salus.cli_out import Args, put_json, say, site_of
from salus.core.errors import AwayError, RefusedError, SalusError, UserError, printable

if TYPE_CHECKING:
    from salus.spine.prove import Checked

_A_HEAD = "a head kept elsewhere, or a file of signed heads: finds a cut tail or a rewrite too"
_A_KEY = "the site's public key, as 'salus audit head' prints it"


def words(add: Any, common: Any) -> None:
    """Add the verbs below `audit`; `common` adds the options that every verb on an archive has."""
    one = add("verify", help="check every entry, and every signed head")
    one.add_argument("--head", metavar="HEAD|FILE", help=_A_HEAD)
    one.add_argument(
        "--key", metavar="PUBLIC", help=f"{_A_KEY}, where the archive's own is not to be believed"
    )
    _ends(one, common, verify)
    one = add("head", help="sign the ledger's present head, and keep it outside the database")
    one.add_argument("--to", metavar="FILE", help="append the head to this file too: elsewhere")
    one.add_argument("--post", metavar="URL", help="send the head to a second site (https)")
    _ends(one, common, head)
    one = add("prove", help="prove to somebody outside that an entry stands in the ledger")
    one.add_argument("entry", nargs="?", type=_number, metavar="ENTRY", help="the entry's number")
    one.add_argument("--subject", metavar="PATIENT", help="every access to this record: Patient/ID")
    _ends(one, common, prove)
    one = add("check", help="check a proof; needs no archive and no network")
    one.add_argument("file", metavar="FILE", help="what 'salus audit prove' printed; - for standard input")
    one.add_argument("--key", metavar="PUBLIC", required=True, help=_A_KEY)
    one.add_argument("--json", action="store_true", help="JSON for machines")
    one.set_defaults(run=check)


def _ends(parser: argparse.ArgumentParser, common: Any, run: Any) -> None:
    common(parser, actor=False)
    parser.set_defaults(run=run)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:19]) > 0 and len(text) < 19):
        raise argparse.ArgumentTypeError(f"'{text[:40]}' is no entry's number: write one from 1")
    return int(text)


def verify(args: Args) -> int:
    """Check the ledger against itself, its rows, the heads beside it and what was kept elsewhere."""
    from salus.spine import verify as checked
    from salus.spine.prove import public_key

    digest, notes = _kept(args.head)
    key = public_key(args.key) if args.key else None
    verdict = checked(site_of(args, to_audit=True), digest, notes=notes, key=key)
    shape = {"entries": verdict.entries, "head": verdict.head, "intact": verdict.intact}
    if args.json:
        told = {"heads": verdict.heads, "problems": list(verdict.problems), "notes": list(verdict.notes)}
        put_json({**shape, **told})
    else:
        say(f"{verdict.entries} entries, head {verdict.head}: {'intact' if verdict.intact else 'NOT INTACT'}")
        if verdict.heads:
            say(f"  {verdict.heads} signed heads were held against it.")
        for line in (*verdict.problems, *verdict.notes):
            say(f"  {line}")
    return 0 if verdict.intact else RefusedError.exit_code


def _kept(head: str | None) -> tuple[str | None, bytes | None]:
    """Return what was kept elsewhere: a digest, or the bytes of a file of signed heads."""
    if head is None or re.fullmatch(r"[0-9a-fA-F]{64}", head.strip()) or not Path(head).is_file():
        return head, None
    return None, Path(head).read_bytes()


def head(args: Args) -> int:
    """Publish the ledger's present head, and say it."""
    from salus.delivery.heads import poster
    from salus.spine.heads import copy_head, publish_head, verifier_key

    send = poster(args.post) if args.post else None
    site = site_of(args, to_read=True)
    found = publish_head(site, send)
    if found is None:
        raise UserError("The ledger is empty: nothing was written that a head could stand for.")
    if args.to:
        copy_head(found, Path(args.to))
    if args.json:
        said = {"origin": found.origin, "size": found.size, "root": found.root.hex(), "new": found.fresh}
        said |= {"checkpoint": found.note.decode(), "key": verifier_key(site), "file": str(site.heads)}
        put_json({**said, "posted": None if send is None else not found.refused})
    else:
        say(found.note.decode())
        say(f"Public key: {verifier_key(site)}")
    if found.refused:
        raise AwayError(f"The head is kept here, and the second site does not have it: {found.refused}")
    return 0


def prove(args: Args) -> int:
    """Print the proof of one entry, or of every access to somebody's record."""
    from salus.spine.prove import proofs_for
    from salus.spine.prove import prove as proof_of

    if (args.entry is None) == (args.subject is None):
        raise UserError("Say what to prove: the number of an ENTRY, or a record's accesses with --subject.")
    site = site_of(args, to_read=True)
    if args.subject is None:
        return put_json(proof_of(site, args.entry))
    subject = args.subject if "/" in args.subject else f"Patient/{args.subject}"
    return put_json(proofs_for(site, subject))


def check(args: Args) -> int:
    """Check a proof by a public key alone."""
    from salus.spine.prove import check_proofs, public_key

    document = sys.stdin.buffer.read() if args.file == "-" else Path(args.file).read_bytes()
    found = check_proofs(document, public_key(args.key))
    holds = all(one.holds for one in found)
    if args.json:
        put_json({"holds": holds, "proofs": [_shape(one) for one in found]})
    else:
        for one in found:
            _say(one)
        say(f"{len(found)} proofs: {'all hold' if holds else 'NOT ALL HOLD'}")
    return 0 if holds else RefusedError.exit_code


def _shape(one: Checked) -> dict[str, Any]:
    return {"holds": one.holds, "problems": list(one.problems), "origin": one.origin, "size": one.size,
            "entry": one.entry, "content": one.content}  # fmt: skip


def _say(one: Checked) -> None:
    if one.entry is not None:
        line = one.entry
        where = f"of the {one.size} of ledger {one.origin}"
        say(f"Entry {line['seq']} {where}: {line['at']}, {line['who']}, {line['did']}")
        for name, value in (one.content or {}).items():
            say(f"  {name}: {value}")
    for problem in one.problems:
        say(f"  DOES NOT HOLD: {problem}")


def publish(args: Args) -> None:
    """Publish the head of what a verb wrote; where that fails, say so: what it did is done."""
    from salus.spine.heads import publish_head

    try:
        site = getattr(args, "opened", None) or _population(args)
        if site is not None and not site.store.read_only:
            publish_head(site)
    except SalusError as error:
        sys.stderr.write(f"salus: no head was published: {printable(str(error), None)}\n")


def _population(args: Args) -> Any:
    """Return the archive on which a model was trained or tested, whose ledger says so."""
    from salus.spine.site import holds_records

    place = getattr(args, "on", None)
    if not isinstance(place, str) or not holds_records(Path(place)):
        return None
    args.archive = place
    return site_of(args)
