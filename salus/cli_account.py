"""The verb `account` at the command line: who may sign in to the pages of an archive.

Whoever may read the archive's files may use it: it is how the last operator gets back in.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from salus.cli_out import actor as actor_of
from salus.cli_out import put_json, say, site_of
from salus.core.roles import ROLES

Args = argparse.Namespace


def words(
    parser: argparse.ArgumentParser,
    verbs: Mapping[str, Callable[[Args], int]],
    common: Callable[[argparse.ArgumentParser], None],
) -> None:
    """Add what can be done to accounts to the parser of `account`."""
    parts = parser.add_subparsers(required=True, dest="act", metavar="add, list, change, reset, close")
    told = {
        "add": "make an account, and print its one-time password",
        "list": "who may sign in",
        "change": "give an account other rights, and end its sessions",
        "reset": "print a new one-time password; ends the account's sessions and its lock-out",
        "close": "close an account for good",
    }
    for act, says in told.items():
        one = parts.add_parser(act, help=says)
        if act != "list":
            one.add_argument("name", metavar="NAME")
        if act in ("add", "change"):
            _rights(one)
        if act == "reset":
            words = "forget the second factor too: whoever asks was known in person"
            one.add_argument("--lost-factor", action="store_true", help=words)
        common(one)
        one.set_defaults(run=verbs["account"])


def _rights(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--role", required=True, choices=ROLES, help="as what they sign in")
    add("--person", default="", metavar="Practitioner/ID", help="who that is in the records")
    words = "whose record a patient or proxy may see; may be given more than once"
    add("--subject", action="append", default=[], metavar="Patient/ID", help=words)
    add("--from", dest="since", type=_day, metavar="DAY", help="a proxy's first day")
    add("--until", type=_day, metavar="DAY", help="a proxy's last day")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no day: write 2026-01-31") from None


def account(args: Args) -> int:
    """Do what was asked for with an account."""
    from salus.spine import accounts

    site, by = site_of(args, to_read=args.act == "list"), actor_of(args).id
    if args.act == "list":
        return _list(accounts.accounts(site), args.json)
    if args.act == "add":
        made, first = accounts.add(site, args.name, _asked(args), by=by)
        return _told(args, made, first)
    if args.act == "reset":
        first = accounts.reset(site, args.name, by=by, lost_factor=args.lost_factor)
        return _told(args, accounts.account(site, args.name), first)
    if args.act == "change":
        return _told(args, accounts.change(site, args.name, _asked(args), by=by))
    return _told(args, accounts.close(site, args.name, by=by))


def _asked(args: Args) -> Any:
    from salus.spine.accounts import Rights

    since = datetime.combine(args.since, time.min, UTC) if args.since else None
    until = datetime.combine(args.until, time.max, UTC) if args.until else None
    return Rights(args.role, args.person, tuple(args.subject), since, until)


def _told(args: Args, one: Any, first: str = "") -> int:
    if args.json:
        return put_json({**_shape(one), **({"first_password": first} if first else {})})
    say(f"{one.name}: {one.role}{', closed' if one.closed_at else ''}.")
    if first:
        say(f"One-time password, shown this once: {first}")
        say("It is taken for 72 hours, and has to be changed at the first sign-in.")
    return 0


def _list(every: list[Any], as_json: bool) -> int:
    if as_json:
        return put_json({"accounts": [_shape(one) for one in every]})
    for one in every:
        how = "closed" if one.closed_at else "one-time password" if one.first else "password"
        more = " and second factor" if one.has_factor else ""
        say(f"{one.name:24} {one.role:16} {how}{more}  {', '.join(subject for subject, _ in one.about)}")
    return 0


def _shape(one: Any) -> dict[str, Any]:
    about = [
        {"subject": subject, "from": since and since.isoformat(), "until": until and until.isoformat()}
        for subject, (since, until) in one.about
    ]
    return {
        "name": one.name, "role": one.role, "person": one.person, "actor": one.actor.id, "about": about,
        "issuer": one.issuer, "second_factor": one.has_factor, "one_time_password": one.first,
        "closed": one.closed_at and one.closed_at.isoformat(),
    }  # fmt: skip
