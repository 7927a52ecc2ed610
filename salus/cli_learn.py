"""The verbs of learning at the command line: train a model, test one, and say what came of it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salus.cli_out import Args, put_json, say, site_of
from salus.cli_out import actor as actor_of
from salus.core.errors import UserError
from salus.core.files import put

if TYPE_CHECKING:
    from salus.spine.judge import Judged


def train(args: Args) -> int:
    """Learn a task from a place, and write the artefact."""
    from salus.spine.learn import train as learn

    done = learn(
        args.task,
        args.on,
        args.out,
        actor=actor_of(args),
        basis=args.basis,
        part=args.part,
        seed=args.seed,
        seeds=args.seeds,
        reweigh=args.reweigh,
        mitigate=args.mitigate,
        store=_store(args),
        told=_teller(args),
    )
    told = done.summary
    if args.json:
        return put_json(told)
    auroc = told["out_of_fold"]["auroc"]
    say(f"{told['task']}: learnt from {told['n']:,} cases, {told['events']:,} with the outcome, in "
        f"{told['cpu_seconds']:g} CPU seconds.")  # fmt: skip
    say(f"Held out, one fold after the other: AUROC {auroc['value']:.3f} "
        f"({auroc['low']:.3f} to {auroc['high']:.3f}).")  # fmt: skip
    at = told["threshold"]["value"]
    _say_mitigated(told)
    say(f"{told['terms']} terms and {told['pairs']} pairs to read; it flags from {at:.3f} on.")
    for note in told["notes"]:
        say(f"  {note}")
    say(f"{told['artefact']}: test it with 'salus test {told['artefact']} --on PLACE'.")
    return 0


def test(args: Args) -> int:
    """Judge a model on a place, write its report, and what it said of each case where that is asked for."""
    from salus.delivery.evidence import summary, write
    from salus.spine.judge import judge

    _refuse_no_file(args.predictions)
    how = {"actor": actor_of(args), "basis": args.basis, "part": args.part, "seed": args.seed,
           "store": _store(args)}  # fmt: skip
    done = judge(args.model, args.on, told=_teller(args), **how)
    folder = Path(args.report or f"evidence-{done.evidence['model']}")
    page, _ = write(done.evidence, folder)
    if args.predictions:
        _write_predictions(Path(args.predictions), done)
    if args.json:
        return put_json({**done.evidence, "report": str(page)})
    for line in summary(done.evidence):
        say(line)
    say(f"The whole report: {page}")
    return 0


def recalibrate(args: Args) -> int:
    """Set a learnt model's risks right by a place's own cases, and write the new artefact."""
    from salus.spine.recalibrate import recalibrate as set_right

    how = {"actor": actor_of(args), "basis": args.basis, "part": args.part, "seed": args.seed,
           "store": _store(args), "by": args.by, "mitigate": args.mitigate}  # fmt: skip
    told = set_right(args.model, args.on, args.out, told=_teller(args), **how).summary
    if args.json:
        return put_json(told)
    say(f"{told['task']}: {told['n']:,} cases, {told['events']:,} with the outcome. {told['how']}.")
    for name, words in _CALIBRATION:
        before, after = (told[when][name] for when in ("before", "after"))
        say(f"  {words:22} {_ends(before)}, and {_ends(after)} on people held out")
    for note in told["notes"]:
        say(f"  {note}")
    _say_mitigated(told)
    by = f" within each group by {args.by}" if args.by else ""
    say(f"The ranking{by} is as it was, and so is the threshold: {told['threshold']['value']:.3f}.")
    say(f"{told['artefact']}: take it with 'salus models adopt {told['artefact']} --archive DIR'.")
    return 0


# What is told before and after, and how it is called.
_CALIBRATION = (("slope", "slope (1 is right)"), ("intercept", "intercept (0 is right)"), ("ece", "ECE"),
                ("observed_expected", "observed by expected"))  # fmt: skip


def _say_mitigated(told: dict[str, Any]) -> None:
    """Say what a mitigation that was switched on does, and which groups have nothing of their own."""
    from salus.delivery.evidence_groups import switched

    for row in told["mitigation"]:
        for line in switched(row):
            say(f"  {line}")
    own = told["apart"] or {"groups": [], "kept": []}
    for one in own["groups"]:
        say(f"  {one['group']}: {one['how']}; it flags from {one['threshold']:.3f} on")
    if own["kept"]:
        say(f"  As for all people, since too few are known: {', '.join(own['kept'])}.")


def _ends(found: dict[str, float]) -> str:
    return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def adopt(args: Args) -> int:
    """Let a model answer in an archive by what was trained, or by what ships again."""
    from salus.spine.adopt import adopt as take
    from salus.spine.adopt import restore

    done = (restore if args.shipped else take)(site_of(args), args.what, by=args.by, because=args.because)
    if args.json:
        keys = ("name", "version", "asks", "status", "note", "digest", "artefact", "adopted")
        return put_json({key: getattr(done, key) for key in keys})
    say(f"{done.name} {done.version} {done.adopted or 'answers by what ships again'}.")
    say(f"It is {done.status} here{': ' + done.note if done.note else ''}.")
    say(f"To make it live: salus models approve {done.name} --archive {args.archive} --by WHO --because WHY")
    return 0


def _store(args: Args) -> str | None:
    named: str | None = args.store or os.environ.get("SALUS_STORE")
    return named


def _teller(args: Args) -> Callable[[str], object]:
    """Say what is being done on standard error, where somebody watches."""
    quiet = args.json or not sys.stderr.isatty()
    return lambda text: None if quiet else print(f"{text} ...", file=sys.stderr)  # noqa: T201


def _refuse_no_file(named: str | None) -> None:
    """Refuse a place that no file can be written to before anything is judged."""
    if named and (Path(named).is_dir() or not Path(named).absolute().parent.is_dir()):
        raise UserError(f"'{named}' cannot be a file for predictions: name one in a folder that is there.")


def _write_predictions(path: Path, done: Judged) -> None:
    from salus.learning.predictions import written

    if done.probabilities is None:
        raise UserError(f"{done.evidence['model']} says points and no probability: leave out --predictions.")
    put(path, written(done.ids, done.probabilities, done.abstained).encode())


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise argparse.ArgumentTypeError(f"'{text}' is no seed: write a whole number from 0")
    return int(text)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 100):
        raise argparse.ArgumentTypeError(f"'{text}' is no count: write a number from 1 to 99")
    return int(text)


def words(add: Callable[..., Any], verbs: Any) -> None:
    """Add the verbs' words to the parser."""
    parser = add("train", help="learn a task from a published set or an archive")
    parser.add_argument("task", metavar="TASK", help="what to learn, e.g. icu-mortality")
    parser.add_argument("--out", required=True, metavar="DIR", help="the folder for what is learnt")
    seeds = "learn it so many times, each with the next seed, to see whether that matters (default 1)"
    parser.add_argument("--seeds", type=_count, default=1, metavar="N", help=seeds)
    even = "draw the cases so that this (sex, age, race ...) and the outcome are independent"
    parser.add_argument("--reweigh", default="", metavar="BY", help=even)
    own = "switch on recalibration:BY, threshold:BY or both:BY, so that each group has its own"
    parser.add_argument("--mitigate", default="", metavar="HOW:BY", help=own)
    _place(parser)
    parser.set_defaults(run=verbs["train"])
    parser = add("recalibrate", help="set a learnt model's risks right by your own cases")
    what = "a name from 'salus models' (as it ships), or what 'train' wrote"
    parser.add_argument("model", metavar="MODEL", help=what)
    parser.add_argument("--out", required=True, metavar="DIR", help="the folder for the new artefact")
    group = "switch a mitigation on: give each group by this (sex, age, race ...) its own"
    parser.add_argument("--by", default="", metavar="GROUP", help=group)
    own = "what each group gets of its own: recalibration (default), threshold, or both"
    parser.add_argument("--mitigate", default="", metavar="HOW", help=own)
    _place(parser)
    parser.set_defaults(run=verbs["recalibrate"])
    parser = add("test", help="judge a model on people whose outcome is known")
    parser.add_argument("model", metavar="MODEL", help="a name from 'salus models', or what 'train' wrote")
    what = "write what was said of every case, as CSV: id,probability,abstained"
    parser.add_argument("--predictions", metavar="FILE", help=what)
    where = "the folder for report.html and report.json (default: evidence-MODEL)"
    parser.add_argument("--report", metavar="DIR", help=where)
    _place(parser)
    parser.set_defaults(run=verbs["test"])


def _place(parser: Any) -> None:
    place = "a folder that holds a published set, or an archive"
    parser.add_argument("--on", required=True, metavar="PLACE", help=place)
    part = "one part of a set (a, b); train or test: four fifths of all people, or the rest"
    parser.add_argument("--part", default="", metavar="NAME", help=part)
    parser.add_argument("--seed", type=_seed, default=1, metavar="N", help="of all that is drawn (default 1)")
    basis = "on which basis your own records are opened for it, and who answers for that"
    parser.add_argument("--basis", default="", metavar="WHY", help=basis)
    store = "the state of an archive elsewhere: postgresql://…"
    parser.add_argument("--store", metavar="URL", help=store)
    parser.add_argument("--actor", metavar="WHO", help="on whose behalf (default: your login name)")
    parser.add_argument("--json", action="store_true", help="JSON for machines")
