"""The words of the command line: verbs, options and their help."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from salus import __version__
from salus.cli_learn import words as learning
from salus.core.consent import names_somebody
from salus.core.errors import UserError
from salus.core.review import DECISIONS, OVERRIDE_REASONS

Verbs = Mapping[str, Callable[[argparse.Namespace], int]]

_EXITS = "exit codes: 0 done, 2 wrong use, 3 refused, 4 bad evidence, 5 something needed is away"


class _Parser(argparse.ArgumentParser):
    """A parser that says what it does not understand as every other error is said."""

    def __init__(self, **settings: Any) -> None:
        # A shortened option would change its meaning when another that starts so is added.
        super().__init__(**{"allow_abbrev": False, **settings})

    def error(self, message: str) -> NoReturn:
        """Raise `message` as a UserError."""
        raise UserError(f"{message}. See '{self.prog} --help'.")


def parser(verbs: Verbs, moment: Callable[[str], Any]) -> argparse.ArgumentParser:
    """Return the parser; `verbs` are the functions to run, `moment` reads an instant."""
    top = _Parser(prog="salus", description="Read evidence, ask a model, review its insight.", epilog=_EXITS)
    top.add_argument("--version", action="version", version=f"salus {__version__}")
    add = top.add_subparsers(dest="verb", required=True, metavar="VERB").add_parser
    _demo(add("demo", help="a ward of patients, ranked, with reasons, and its pages"), verbs, moment)
    _read(add("read", help="read FHIR into an archive; every resource is accounted for"), verbs)
    _ask(add("ask", help="ask one model about one subject"), verbs, moment)
    _review(add("review", help="accept, change, override or defer an insight"), verbs)
    _models(add("models", help="which models there are, and which are live here"), verbs)
    learning(add, verbs)
    _serve(add("serve", help="pages, CDS Hooks and FHIR over HTTP"), verbs)
    _audit(add("audit", help="is the ledger what was written down?"), verbs)
    _archive(add("archive", help="backups of an archive: make, check, restore"))
    _share(add("share", help="hand evidence on as FHIR; what leaves an archive is written down"), verbs)
    return top


def _common(parser: argparse.ArgumentParser, archive: str | None = "required", actor: bool = True) -> None:
    need = archive == "required"
    parser.add_argument(
        "--archive", metavar="DIR", type=_folder, required=need, help="the archive's directory"
    )
    parser.add_argument(
        "--store", metavar="URL", help="state elsewhere: postgresql://… (default: SQLite in DIR)"
    )
    parser.add_argument("--json", action="store_true", help="JSON for machines")
    if actor:
        words = "on whose behalf (default: your login name)"
        parser.add_argument("--actor", metavar="WHO", type=_somebody, help=words)


def _folder(text: str) -> str:
    """Refuse what can be no archive: a file, or nothing, as a variable leaves it that was never set."""
    if not text.strip():
        raise argparse.ArgumentTypeError("no folder is named")
    if Path(text).is_file():
        raise argparse.ArgumentTypeError(f"'{text}' is a file, and an archive is a folder")
    return text


def _place(text: str) -> str:
    """Refuse no place at all, as a variable that was never set leaves it: that would be this folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError("no place is named; the folder that you are in is .")
    return text


def _somebody(text: str) -> str:
    """Refuse an empty name: the login name in its place would answer for somebody else's question."""
    if not names_somebody(text):
        raise argparse.ArgumentTypeError("nobody is named: a name is on one line and hides nothing")
    return text


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 2**16):
        raise argparse.ArgumentTypeError(f"'{text}' is no port: write a number up to 65535")
    return int(text)


def _as_of(parser: argparse.ArgumentParser, moment: Callable[[str], Any]) -> None:
    words = (
        "nothing known later is used; an instant (UTC where it names no zone), a day (its end), or now "
        "(default: the end of each subject's record)"
    )
    parser.add_argument("--as-of", type=moment, metavar="T", help=words)


def _http(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=_port, default=8000, help="port to listen on (default %(default)s)")
    words = "a proxy asks everybody for a login first; needed to listen beyond this machine"
    parser.add_argument("--behind-login", action="store_true", help=words)


def _demo(parser: argparse.ArgumentParser, verbs: Verbs, moment: Callable[[str], Any]) -> None:
    _common(parser, archive=None, actor=False)
    _as_of(parser, moment)
    _http(parser)
    parser.add_argument(
        "--from", dest="source", type=_place, metavar="PLACE", help="your own FHIR export instead of the ward"
    )
    parser.add_argument("--no-serve", action="store_true", help="print the ward and end")
    parser.set_defaults(run=verbs["demo"])


def _read(parser: argparse.ArgumentParser, verbs: Verbs) -> None:
    parser.add_argument(
        "place", nargs="?", type=_place, metavar="PLACE", help="a file, a folder, - or a FHIR server's URL"
    )
    parser.add_argument("--fetch", metavar="NAME", help="bring a public set from its publisher first")
    words = "another server's ids, too, are of the archive's patients (a shared index of patients)"
    parser.add_argument("--same-ids", action="store_true", help=words)
    _common(parser)
    parser.set_defaults(run=verbs["read"])


def _ask(parser: argparse.ArgumentParser, verbs: Verbs, moment: Callable[[str], Any]) -> None:
    parser.add_argument("model", metavar="MODEL", help="a name from 'salus models'")
    parser.add_argument(
        "--about", required=True, metavar="SUBJECT", help="Patient/ID, ID, or SYSTEM|IDENTIFIER"
    )
    _common(parser)
    _as_of(parser, moment)
    parser.set_defaults(run=verbs["ask"])


def _review(parser: argparse.ArgumentParser, verbs: Verbs) -> None:
    parser.add_argument("insight", metavar="INSIGHT", help="the insight's id")
    parser.add_argument("decision", choices=DECISIONS)
    parser.add_argument("--by", required=True, metavar="WHO", type=_somebody, help="who decided")
    words = "a coded reason, of an override or a change; other needs a note"
    parser.add_argument("--because", choices=tuple(OVERRIDE_REASONS), help=words)
    parser.add_argument("--note", metavar="TEXT", help="in your own words")
    _common(parser, actor=False)
    parser.set_defaults(run=verbs["review"])


def _models(parser: argparse.ArgumentParser, verbs: Verbs) -> None:
    _common(parser, archive=None, actor=False)
    parser.set_defaults(run=verbs["models"])
    add = parser.add_subparsers(metavar="approve, adopt").add_parser
    approve = add("approve", help="make a model live in an archive")
    approve.add_argument("name", metavar="NAME")
    words = "the person who answers for it"
    approve.add_argument("--by", required=True, metavar="WHO", type=_somebody, help=words)
    approve.add_argument("--because", required=True, metavar="WHY")
    _common(approve, actor=False)
    approve.set_defaults(run=verbs["approve"])
    adopt = add("adopt", help="let a model answer in an archive by what was trained here")
    adopt.add_argument("what", metavar="FILE", help="what 'salus train' wrote; with --shipped a model's name")
    words = "the model answers by what ships with Salus again"
    adopt.add_argument("--shipped", action="store_true", help=words)
    words = "the person who answers for it"
    adopt.add_argument("--by", required=True, metavar="WHO", type=_somebody, help=words)
    adopt.add_argument("--because", required=True, metavar="WHY")
    _common(adopt, actor=False)
    adopt.set_defaults(run=verbs["adopt"])


def _serve(parser: argparse.ArgumentParser, verbs: Verbs) -> None:
    _common(parser)
    _http(parser)
    add = parser.add_argument
    add(
        "--new", action="store_true", help="begin an empty archive: the EHR sends all evidence with its calls"
    )
    add("--base-url", metavar="URL", help="where clients reach this server (default: http://HOST:PORT)")
    add(
        "--trust",
        action="append",
        metavar="ISSUER=JWKS",
        help="a CDS client, and its keys: a file or https URL",
    )
    add("--dev-no-jwt", action="store_true", help="development only: take CDS Hooks calls from anybody")
    add(
        "--fhir-server",
        action="append",
        metavar="URL",
        help="a server that may be asked for missing prefetch",
    )
    add("--frame-ancestor", action="append", metavar="ORIGIN", help="an EHR that may embed the pages")
    parser.set_defaults(run=verbs["serve"])


def _audit(parser: argparse.ArgumentParser, verbs: Verbs) -> None:
    verify = parser.add_subparsers(required=True, metavar="verify").add_parser(
        "verify", help="check every entry"
    )
    verify.add_argument(
        "--head", metavar="H", help="a head kept elsewhere: finds a cut tail or a rewrite too"
    )
    _common(verify, actor=False)
    verify.set_defaults(run=verbs["verify"])


def _share(parser: argparse.ArgumentParser, verbs: Verbs) -> None:
    from salus.cli_share import words

    _common(parser, archive=None)
    words(parser)
    parser.set_defaults(run=verbs["share"])


def _archive(parser: argparse.ArgumentParser) -> None:
    from salus.cli_archive import words

    words(parser, _common)
