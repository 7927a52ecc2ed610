"""The verbs at the command line; thin: each opens a site, calls the spine, and prints words or JSON."""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salus.cli_audit import publish
from salus.cli_out import actor as actor_of
from salus.cli_out import heads_of, progress, put_json, say, site_of
from salus.core.errors import AwayError, EvidenceError, SalusError, UserError, class_of, printable

if TYPE_CHECKING:
    from salus.spine import Site

Args = argparse.Namespace

_NOTHING = "was read to its end and holds no resource: see that the export was finished."


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, or one for each class of error (see core.errors)."""
    words = sys.argv[1:] if argv is None else argv
    # Looked for before the words are understood: a mistake among them is said in JSON too.
    as_json = any(word == "--json" or word.startswith("--json=") for word in words)
    closed = _replace_closed()
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    # Evidence is decoded by one thread; a pool of Polars beside it mostly spends the processor on waiting.
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    try:
        if closed:
            raise AwayError("Standard output is closed: send it to a file, or to /dev/null.")
        _refuse_no_text(words)
        args = _parser().parse_args(words)
        code: int = args.run(args)
        sys.stdout.flush()
        publish(args)
        return code
    except SalusError as error:
        return _complain(error, as_json)
    except BrokenPipeError:
        # The reader of our output went away; nothing is wrong here.
        _say_no_more()
        return 0
    except OSError as error:
        where = f"'{error.filename}'" if error.filename else "the output, a file or a connection"
        says = f"{where}: {error.strerror}. See that it is there, readable, with space left."
        return _complain(AwayError(says), as_json)
    except KeyboardInterrupt:
        return 130


def _replace_closed() -> bool:
    """Put something where an output is closed, or the next file would take its place: whether ours was."""
    closed = sys.stdout is None
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - as long as the process
    return closed


def _refuse_no_text(words: Sequence[str]) -> None:
    """Refuse bytes that are no UTF-8: neither records nor ledger can hold a name that has them."""
    for word in words:
        if not word.isascii() and any("\ud800" <= one <= "\udfff" for one in word):
            shown = word.encode(errors="replace").decode()
            raise UserError(f"'{shown}' is not written in UTF-8: rename what it names, or write it anew.")


def _complain(error: SalusError, as_json: bool) -> int:
    """Say what is wrong on one line, and return its exit code."""
    try:
        if as_json:
            put_json({"error": class_of(error), "code": error.exit_code, "says": str(error)})
        sys.stdout.flush()
    except OSError:
        # As to a full disk: what cannot be said there is still said on standard error.
        _say_no_more()
    with suppress(OSError):
        sys.stderr.write(f"salus: {printable(str(error), None)}\n")
        sys.stderr.flush()
    return error.exit_code


def _say_no_more() -> None:
    """Let what is left of the output go: the interpreter would try once more at its end, and fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say_demonstration(site: Site | None) -> None:
    if site is not None and site.demonstration:
        say("Demonstration: not for care.")


def _new_site(args: Args, place: str) -> Site:
    """Open the site that `place` is read into, or make one, once it is clear that something can be read."""
    from salus.spine import holds_site
    from salus.spine.read import check_place

    if not holds_site(Path(args.archive)):
        check_place(place, Path(args.archive))
    return site_of(args, must_exist=False)


def _moment(text: str) -> datetime:
    """Read ``--as-of``: an ISO 8601 instant, in UTC where it names no zone, or a day; ``now`` is the present.

    A day is its last moment, in UTC: what became known on the day that is named counts.
    """
    if text == "now":
        return datetime.now(UTC)
    try:
        moment = _last_of(text) or datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is no instant: write 2026-01-31T08:00:00Z, or now"
        ) from None
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise argparse.ArgumentTypeError(
            f"'{text}' lies outside the years 1 to 9999 in UTC: write 2026-01-31T08:00:00Z, or now"
        ) from None


def _last_of(text: str) -> datetime | None:
    """Return the last moment of the day that `text` is; None where it names an hour, or is no day at all."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return datetime.combine(day, time.max, UTC)


def _demo(args: Args) -> int:
    from time import perf_counter

    from salus.spine import holds_site, ward
    from salus.spine.demo import ACTOR, fill, open_demonstration
    from salus.spine.read import check_place
    from salus.spine.shape import ward_shape

    if not args.no_serve:
        _check_address(args)
    began = perf_counter()
    path = Path(args.archive or _demo_folder(args.source))
    if args.source and not holds_site(path):
        check_place(args.source, path)
    store = args.store or os.environ.get("SALUS_STORE")
    site = args.opened = open_demonstration(path, store, heads=heads_of(args))
    account = fill(site, args.source, progress(args))
    _tell_refused(args.source, account)
    rows = ward(site, actor=ACTOR, as_of=args.as_of, progress=progress(args))
    shape = ward_shape(rows, perf_counter() - began)
    if args.json:
        put_json(shape)
    else:
        _print_ward(site, account, shape)
    return 0 if args.no_serve else _run_server(site, args)


def _tell_refused(source: str | None, account: Any) -> None:
    """Say on standard error what is not in the ward; of a place that is not in it at all, that it failed."""
    if not account.resources:
        sys.stderr.write(f"salus: '{source}' {_NOTHING}\n")
    if not account.rejected:
        return
    file, line, reason = account.rejected[0]
    many = f"{len(account.rejected)} of {account.resources} resources were refused"
    says = f"{many}, first {file}:{line}: {reason}"
    if len(account.rejected) == account.resources:
        raise EvidenceError(f"'{source}' shows no ward: {says}")
    sys.stderr.write(f"salus: {printable(says, None)}\n")


def _demo_folder(source: str | None) -> str:
    """Return a folder of its own for each place that is shown, so that no two exports mix."""
    if source is None:
        return "demo-archive"
    whole = str(Path(source).resolve())
    return f"demo-archive-{Path(source).resolve().name}-{hashlib.sha256(whole.encode()).hexdigest()[:6]}"


def _print_ward(site: Site, account: Any, shape: dict[str, Any]) -> None:
    _say_demonstration(site)
    say(f"{account.resources} resources read, {len(account.rejected)} refused; archive: {site.path}")
    if not account.resources:
        say(f"What was named {_NOTHING}")
    told = f"{shape['insights']} insights, {shape['abstentions']} could not be judged"
    say(f"{shape['patients']} patients, {told}.\n")
    for row in shape["ward"]:
        how = row["urgency"] or ("cannot judge" if row["cannot_judge"] else "-")
        say(f"{how:12}  {row['subject']:32.32}  {row['model'] or '-':12}  {row['says']}")
        if row["reason"]:
            say(f"{'':14}because: {row['reason']}")


def _read(args: Args) -> int:
    from salus.spine import read

    place = args.place
    if args.fetch and place is not None:
        raise UserError(f"Read '{place}' or fetch '{args.fetch}', one at a time.")
    if args.fetch:
        from salus.spine.fetch import fetch

        place = str(fetch(args.fetch, announce=lambda text: print(text, file=sys.stderr)))  # noqa: T201
    if place is None:
        raise UserError("Say what to read: a file, a folder, - or a FHIR server's URL; or --fetch NAME.")
    site = _new_site(args, place)
    account = read(site, place, actor=actor_of(args), progress=progress(args), same_ids=args.same_ids)
    if args.json:
        return put_json(account.as_json())
    if not account.resources:
        say(f"'{place}' {_NOTHING}")
        return 0
    say(f"{account.resources} resources: {sum(account.as_events.values())} as events, "
         f"{sum(account.as_context.values())} as context, {len(account.rejected)} refused; "
         f"{account.events} events of {account.subjects} subjects.")  # fmt: skip
    for note in account.notes:
        say(f"  {note}")
    for reject in account.rejected[:20]:
        say(f"  {reject.file}:{reject.line}: {reject.reason}")
    if len(account.rejected) > 20:
        say(f"  and {len(account.rejected) - 20} more (--json lists them all)")
    return 0


def _ask(args: Args) -> int:
    from salus.spine import as_json, consult, models

    site = site_of(args)
    (insight,) = consult(
        site, actor=actor_of(args), subject=args.about, asks=[args.model], as_of=args.as_of, live_only=False
    )
    (status,) = [row.status for row in models(site) if row.name == insight.model.name]
    if args.json:
        told = {**as_json(insight)["model"], "status": status}
        return put_json({**as_json(insight), "model": told, "demonstration": site.demonstration})
    _say_demonstration(site)
    say(f"{insight.asks}  [{insight.model.name} {insight.model.version}, {status} here]")
    say(f"{insight.subject}, as of {insight.as_of:%Y-%m-%d %H:%M %Z}: {insight.body.says}")
    for reason in insight.reasons:
        say(f"  because {reason.says}  ({', '.join(reason.evidence) or 'absent'})")
    for limit in insight.limits:
        say(f"  not known: {limit}")
    say(f"  insight {insight.id}")
    return 0


def _review(args: Args) -> int:
    from dataclasses import asdict

    from salus.core.review import Review
    from salus.spine import review

    said = Review(args.insight, args.by, args.decision, args.because or "", args.note or "")
    kept = review(site_of(args), said)
    if args.json:
        at = kept.at.isoformat() if kept.at else None
        return put_json({**asdict(kept), "at": at})
    say(f"Review {kept.id}: {kept.decision} by {kept.by}.")
    return 0


def _models(args: Args) -> int:
    from salus.core.registry import problems
    from salus.spine import models

    site = site_of(args, to_read=True) if args.archive else None
    rows = models(site)
    if args.json:
        keys = ("name", "version", "asks", "status", "title", "by", "because", "note", "digest", "package",
                "artefact", "adopted")  # fmt: skip
        told = [{key: getattr(row, key) for key in keys} for row in rows]
        broken = [problem._asdict() for problem in problems()]
        return put_json(
            {"models": told, "broken": broken, "demonstration": bool(site and site.demonstration)}
        )
    _say_demonstration(site)
    wide = max(map(len, (*(row.name for row in rows), *(name for name, _ in problems()))))
    for row in rows:
        note = f"  [from an outside package: {row.package}]" if row.package else ""
        note += f"  ({row.note})" if row.note else ""
        note += f"  [{row.adopted}]" if row.adopted else ""
        say(f"{row.name:{wide}} {row.version:8} {row.status:10} {row.asks}{note}")
    for name, why in problems():
        say(f"{name:{wide}} {'-':8} {'broken':10} {why}")
    return 0


def _approve(args: Args) -> int:
    from salus.spine import approve

    row = approve(site_of(args), args.name, by=args.by, because=args.because)
    if args.json:
        return put_json({"name": row.name, "version": row.version, "asks": row.asks, "status": row.status})
    say(f"{row.name} {row.version} is {row.status} here, approved by {row.by}.")
    return 0


def _serve(args: Args) -> int:
    from salus.spine import holds_site

    there, where = holds_site(Path(args.archive)), args.archive
    if args.new and there:
        raise UserError(f"There is an archive in '{where}' already: leave out --new.")
    if not args.new and not there:
        raise UserError(
            f"No archive in '{where}'. Make one with 'salus read PLACE --archive {where}', or an empty one, "
            f"where the EHR sends all evidence with its calls, with 'salus serve --new --archive {where}'."
        )
    _check_address(args)
    return _run_server(site_of(args, must_exist=there), args)


def _check_address(args: Args) -> None:
    from salus.delivery.serve import check_address

    check_address(args)


def _run_server(site: Site, args: Args) -> int:
    from salus.delivery.serve import run

    # The server publishes the head itself, before it lets go of the store.
    args.opened = None
    return run(site, args)


def _parser() -> argparse.ArgumentParser:
    from salus import cli_account, cli_learn, cli_share
    from salus.cli_words import parser

    verbs = {
        "demo": _demo, "read": _read, "ask": _ask, "review": _review, "models": _models,
        "approve": _approve, "serve": _serve, "share": cli_share.share,
        "train": cli_learn.train, "test": cli_learn.test, "adopt": cli_learn.adopt,
        "recalibrate": cli_learn.recalibrate, "account": cli_account.account,
    }  # fmt: skip
    return parser(verbs, _moment)


if __name__ == "__main__":
    sys.exit(main())
