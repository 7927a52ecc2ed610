"""What every verb does with its output: words that steer no terminal, JSON, progress; and on whose behalf."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salus.core.errors import UserError

if TYPE_CHECKING:
    from salus.core.consent import Actor
    from salus.spine import Site

Args = argparse.Namespace


def say(text: str = "") -> None:
    """Print `text`; what a record holds must not steer the terminal."""
    sys.stdout.write("".join(one if one.isprintable() or one == "\n" else " " for one in text) + "\n")


def put_json(value: Any) -> int:
    """Print `value` as JSON; return 0."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")
    return 0


def actor(args: Args) -> Actor:
    """Return on whose behalf the verb runs."""
    from salus.core.consent import Actor

    return Actor(
        getattr(args, "actor", None)
        or f"cli:{os.environ.get('USER') or os.environ.get('LOGNAME') or 'local'}"
    )


def progress(args: Args) -> Callable[..., Iterable[Any]]:
    """Return a progress bar on standard error, silent where nobody watches."""
    from tqdm import tqdm

    quiet = args.json or not sys.stderr.isatty()
    return lambda things=None, **how: tqdm(things, disable=quiet, leave=False, **how)


def heads_of(args: Args) -> Path | None:
    """Return the file of signed heads that the verb names; None: the archive's own."""
    named = getattr(args, "heads", None) or os.environ.get("SALUS_HEADS")
    return Path(named) if named else None


def site_of(args: Args, *, must_exist: bool = True, **how: bool) -> Site:
    """Open the site that the verb names; raises UserError where there is none."""
    from salus.spine import open_site

    path = Path(args.archive)
    if must_exist and not path.is_dir():
        raise UserError(f"No archive in '{path}'. Make one with 'salus read PLACE --archive {path}'.")
    store = args.store or os.environ.get("SALUS_STORE")
    site = open_site(path, store, create=not must_exist, heads=heads_of(args), **how)
    # What a verb writes has a head of it published when the verb ends.
    args.opened = None if how else site
    return site
