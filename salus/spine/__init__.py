"""The one path that every door uses, one file a verb: read, consult, review; with the ward, the models
and the audit that stand beside it.

Only spine verbs append to the ledger, in the same transaction as what they record.
"""

from salus.spine.audit import verify
from salus.spine.consult import consult
from salus.spine.models import ModelStatus, approve, models
from salus.spine.read import read
from salus.spine.review import review
from salus.spine.shape import as_json, from_json
from salus.spine.site import Site, holds_site, open_site
from salus.spine.ward import WardRow, ward

__all__ = [
    "ModelStatus",
    "Site",
    "WardRow",
    "approve",
    "as_json",
    "consult",
    "from_json",
    "holds_site",
    "models",
    "open_site",
    "read",
    "review",
    "verify",
    "ward",
]
