"""The verb `consent` at the command line: what a person permits, withdraws, and what holds."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Any

from salus.cli_out import actor as actor_of
from salus.cli_out import put_json, say, site_of
from salus.core.consent import PURPOSES
from salus.core.errors import UserError

Args = argparse.Namespace


def words(parser: argparse.ArgumentParser, common: Any) -> None:
    """Add the options of `consent` to its parser; `common` adds those of every verb."""
    add = parser.add_subparsers(required=True, metavar="give, withdraw, show, profile").add_parser
    for verb, what in (("give", "permit"), ("withdraw", "forbid")):
        _statement(add(verb, help=f"write down what a person {what}s"), verb, common)
    shown = add("show", help="what holds for a person, and all that was ever said")
    shown.add_argument("subject", metavar="SUBJECT", help="Patient/ID, ID, or SYSTEM|IDENTIFIER")
    common(shown)
    shown.set_defaults(run=show)
    kept = add("profile", help="what holds where a person said nothing: by which law")
    what = "gdpr, hipaa, opt-in, or your own file ending in .json (without: what holds now)"
    kept.add_argument("name", nargs="?", metavar="NAME", help=what)
    kept.add_argument("--because", default="", metavar="WHY", help="who decided on it, and why")
    common(kept)
    kept.set_defaults(run=profile)


def _statement(parser: argparse.ArgumentParser, verb: str, common: Any) -> None:
    add = parser.add_argument
    add("subject", metavar="SUBJECT", help="Patient/ID, ID, or SYSTEM|IDENTIFIER")
    what = "what for; may be given more than once"
    add("--purpose", action="append", choices=tuple(PURPOSES), required=True, metavar="FOR", help=what)
    scope = "class:Condition, code:SNOMED/38341003, label:HIV, data:Observation/12 (default: everything)"
    add("--scope", action="append", default=[], metavar="WHAT", help=scope)
    to = "Practitioner/7, Organization/3 or role:clinician (default: everybody)"
    add("--to", action="append", default=[], metavar="WHO", help=to)
    for name, help_ in (
        ("--from", "from when it holds"), ("--until", "until when it holds"),
        ("--data-from", "of data from then on"), ("--data-until", "of data until then"),
    ):  # fmt: skip
        dest = name.strip("-").replace("-", "_").replace("from", "since")
        add(name, dest=dest, type=_moment, metavar="T", help=help_)
    add("--given-by", default="", metavar="WHO", help="who said it for them (a parent, a carer)")
    common(parser)
    parser.set_defaults(run=give if verb == "give" else withdraw)


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no instant: write 2026-01-31T08:00:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def give(args: Args) -> int:
    """Write down what a person permits."""
    from salus.spine import permit

    return _said(args, permit.give)


def withdraw(args: Args) -> int:
    """Write down what a person forbids, and name what has left already."""
    from salus.spine import permit

    return _said(args, permit.withdraw)


def _said(args: Args, verb: Any) -> int:
    from salus.spine.permit import Statement, gone, sentence

    site = site_of(args)
    statement = Statement(
        tuple(args.purpose), tuple(args.scope), tuple(args.to),
        (args.since, args.until), (args.data_since, args.data_until),
    )  # fmt: skip
    kept = verb(site, args.subject, statement, actor=actor_of(args), given_by=args.given_by)
    left = gone(site, kept.subject)
    if args.json:
        typed = {purpose: word for word, purpose in PURPOSES.items()}
        return put_json({
            "subject": kept.subject,
            "effect": kept.effect,
            "purposes": [typed[purpose] for purpose in kept.purposes],
            "scope": list(kept.scope),
            "to": list(kept.actors),
            "at": kept.at.isoformat() if kept.at else None,
            "given_by": kept.given_by,
            "entry": kept.recorded,
            "says": sentence(kept),
            "gone": left,
        })  # fmt: skip
    say(f"{sentence(kept)}  (entry {kept.recorded})")
    if left and kept.effect == "deny":
        say("What left before cannot be called back. Ask those who have it:")
        for one in left:
            say(f"  {one['at'][:16]}  {one['what']} to {one['to']}, for {one['purpose']}, by {one['by']}")
    return 0


def show(args: Args) -> int:
    """Say what holds for a person."""
    from salus.spine.permit import gone
    from salus.spine.permit import show as shown

    site = site_of(args)
    told = shown(site, args.subject, actor=actor_of(args))
    told["gone"] = gone(site, told["subject"])
    if args.json:
        return put_json(told)
    say(f"{told['subject']}, by the profile {told['profile']['name']} ({told['profile']['title']})")
    for word, holds in told["purposes"].items():
        way = {"permit": "yes", "deny": "no", "part": "in part"}[holds["effect"]]
        say(f"  {word:15} {way:8} {holds['basis']}")
    for one in told["permits"]:
        say(f"  {'' if one['in_force'] else '(no longer) '}{one['says']}")
    for one in told["opened"]:
        say(f"  opened in an emergency by {one['by']} on {one['since'][:16]}: {one['because']}")
    for one in told["gone"]:
        say(f"  left on {one['at'][:16]}: {one['what']} to {one['to']}, for {one['purpose']}")
    return 0


def profile(args: Args) -> int:
    """Say, or set, what holds where a person said nothing."""
    from salus.spine.permit import set_profile
    from salus.spine.permits import permits

    site = site_of(args)
    if args.name:
        set_profile(site, args.name, actor=actor_of(args), because=args.because)
    elif args.because:
        raise UserError("Name the profile that is to hold: gdpr, hipaa, opt-in, or your own file.")
    found = permits(site).profile
    typed = {purpose: word for word, purpose in PURPOSES.items()}
    if args.json:
        purposes = {
            typed[name]: {"effect": one.effect, "basis": one.basis, "with_basis": one.with_basis}
            for name, one in found.defaults.items()
        }
        return put_json({"name": found.name, "title": found.title, "purposes": purposes})
    say(f"{found.name}: {found.title}")
    for name, one in found.defaults.items():
        also = ", or on a stated basis" if one.with_basis else ""
        say(f"  {typed[name]:15} {'yes' if one.effect == 'permit' else 'no'}{also}  ({one.basis})")
    return 0
