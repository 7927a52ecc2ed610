"""The verb `archive` at the command line: backup, check, restore; their words, and what they print."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salus.cli_out import actor as actor_of
from salus.cli_out import progress, put_json, say, site_of

if TYPE_CHECKING:
    from salus.spine.backup import Copy

Args = argparse.Namespace
Common = Callable[..., None]

_FILE = "what 'salus archive backup' made"
_DIGEST = "what 'salus archive backup' said, kept elsewhere: finds a file that was made anew too"


def words(parser: argparse.ArgumentParser, common: Common) -> None:
    """Add the verbs that act on a whole archive to their parser; `common` adds the options of every verb."""
    add = parser.add_subparsers(
        required=True, metavar="backup, check, restore, encrypt, rewrap, erase, hold, release"
    ).add_parser
    _backup_words(add("backup", help="all of an archive in one file, while it is used"), common)
    check_ = add("check", help="is a backup, byte for byte, what was written?")
    check_.add_argument("file", metavar="FILE", help=_FILE)
    check_.add_argument("--digest", metavar="D", help=_DIGEST)
    check_.add_argument("--json", action="store_true", help="JSON for machines")
    check_.set_defaults(run=check)
    restore_ = add("restore", help="put a backup into a new or empty folder")
    restore_.add_argument("file", metavar="FILE", help=_FILE)
    restore_.add_argument("--digest", metavar="D", help=_DIGEST)
    erasures = "erased.json of the archive that it is of: whoever was erased since is erased here too"
    restore_.add_argument("--erasures", metavar="FILE", help=erasures)
    common(restore_, actor=False)
    restore_.set_defaults(run=restore)
    _seal_words(add, common)
    helps = {
        "erase": "erase all that is kept of a person; backups hear of it when they are restored",
        "hold": "put a person's record under legal hold: it is not erased",
        "release": "end a legal hold",
    }
    for verb, says in helps.items():
        parser_ = add(verb, help=says)
        parser_.add_argument("subject", metavar="SUBJECT", help="Patient/ID or ID")
        parser_.add_argument("--because", required=True, metavar="WHY", help="it stays: name nobody in it")
        parser_.add_argument("--by", required=True, metavar="WHO", help="who answers for it")
        common(parser_, actor=False)
        parser_.set_defaults(run=erase if verb == "erase" else hold, verb_=verb)


def _seal_words(add: Callable[..., argparse.ArgumentParser], common: Common) -> None:
    key = "a file with 32 bytes of chance (openssl rand -hex 32), that you alone may read"
    encrypt_ = add("encrypt", help="write a sealed archive, which nobody reads without a key")
    encrypt_.add_argument("--to", required=True, metavar="NEW", help="a new or empty folder")
    encrypt_.add_argument("--key-file", required=True, metavar="FILE", help=key)
    common(encrypt_)
    encrypt_.set_defaults(run=encrypt)
    rewrap_ = add("rewrap", help="let another key open a sealed archive, while it is used")
    rewrap_.add_argument("--key-file", required=True, metavar="FILE", help=key)
    rewrap_.add_argument("--only", action="store_true", help="and no other key any more")
    common(rewrap_)
    rewrap_.set_defaults(run=rewrap)


def _backup_words(parser: argparse.ArgumentParser, common: Common) -> None:
    add = parser.add_argument
    add("--to", required=True, metavar="PLACE", help="a new file, or a folder for one named by the time")
    key = "the site's signing key too: whoever has it can approve models in the site's name"
    add("--with-key", action="store_true", help=key)
    add("--as-it-lies", action="store_true", help="even if the audit finds it damaged; the backup says so")
    common(parser)
    parser.set_defaults(run=backup)


def backup(args: Args) -> int:
    """Write a backup, and say what is in it and what binds it."""
    from salus.spine.backup import backup as make

    site = site_of(args, to_read=True)
    how: dict[str, Any] = {"with_key": args.with_key, "as_it_lies": args.as_it_lies}
    made = make(site, Path(args.to), actor=actor_of(args), progress=progress(args), **how)
    if args.json:
        return put_json(made.as_json())
    _say(made)
    for problem in made.problems:
        say(f"  NOT INTACT: {problem}")
    for name in made.left_out:
        say(f"  left out, since it is no part of an archive: {name}")
    if not made.told["key"]:
        say("  left out: site.key, the site's signature (--with-key takes it along). Keep it elsewhere.")
    say("Keep the digest apart from the file: 'salus archive restore --digest' holds one to the other.")
    return 0


def check(args: Args) -> int:
    """Check a backup without restoring it."""
    from salus.spine.backup import check as look

    found = look(Path(args.file), digest=args.digest, progress=progress(args))
    if args.json:
        return put_json(found.as_json())
    _say(found)
    return 0


def restore(args: Args) -> int:
    """Restore a backup, and say what is there now."""
    from salus.spine.backup import restore as put_back

    store = args.store or os.environ.get("SALUS_STORE")
    how: dict[str, Any] = {"store_url": store, "digest": args.digest, "progress": progress(args)}
    how["erasures"] = Path(args.erasures) if args.erasures else None
    made = put_back(Path(args.file), Path(args.archive), **how)
    if args.json:
        return put_json(made.as_json())
    _say(made)
    if args.erasures is None:
        say("No list of erasures was given: whoever was erased since it was made is back (--erasures).")
    if not made.told["key"]:
        say(f"The site's key was not in it: put it back to '{made.path / 'site.key'}' before anything is")
        say("written there, or approvals of before will not count. 'salus audit verify' needs none.")
    return 0


def encrypt(args: Args) -> int:
    """Write a sealed archive, and say what is left to do."""
    from salus.spine.seal import encrypt as seal

    store = args.store or os.environ.get("SALUS_STORE")
    how: dict[str, Any] = {"actor": actor_of(args), "store_url": store, "progress": progress(args)}
    made = seal(site_of(args, to_read=True), Path(args.to), Path(args.key_file), **how)
    if args.json:
        return put_json({"path": str(made), "sealed": True})
    say(f"'{made}' is sealed. Every command on it needs SALUS_KEY_FILE={args.key_file} in its environment.")
    say(f"'{args.archive}' lies open as before, and so do its backups and the disk under it: end them.")
    return 0


def rewrap(args: Args) -> int:
    """Give a sealed archive another key, and say which."""
    from salus.spine.seal import rewrap as wrap

    name = wrap(site_of(args), Path(args.key_file), actor=actor_of(args), only=args.only)
    if args.json:
        return put_json({"path": args.archive, "key": name, "only": args.only})
    say(f"The key {name} opens '{args.archive}'{', and no other does any more' if args.only else ' too'}.")
    return 0


def erase(args: Args) -> int:
    """Erase a person, and say what went and what stays."""
    from salus.spine.erase import LIST
    from salus.spine.erase import erase as end

    gone = end(site_of(args), args.subject, by=args.by, because=args.because)
    if args.json:
        return put_json(gone.as_json())
    say(f"Erased: {gone.resources} resources, {gone.events} events, and what {gone.entries} entries of the "
        f"ledger were about; struck out of {gone.named} resources of others.")  # fmt: skip
    if gone.acted:
        say(f"{gone.acted} entries name them as who acted: these are the chain's, and stay.")
    say(f"Backups of before still hold them: keep '{LIST}' for 'salus archive restore --erasures'.")
    return 0


def hold(args: Args) -> int:
    """Put a person under legal hold, or end that."""
    from salus.spine.erase import hold as put_under

    release = args.verb_ == "release"
    who = put_under(site_of(args), args.subject, by=args.by, because=args.because, release=release)
    if args.json:
        return put_json({"subject": who, "held": not release})
    say(f"{who} is {'no longer ' if release else ''}under legal hold.")
    return 0


def _say(found: Copy) -> None:
    told = found.told
    say(f"{found.path}: {found.members} files, {found.size} bytes, as of {told['made_at']}.")
    say(f"  {told['events']} events of {told['subjects']} subjects, read {told['generation']}; "
        f"{told['entries']} ledger entries, head {told['head']}")  # fmt: skip
    say(f"  digest {found.digest}")
