"""Which recorded conditions the models of this room can place: the others must not pass for a "no" unsaid."""

from __future__ import annotations

from salus.core.seams import View
from salus.risk import _af_terms as fibrillation
from salus.risk import _terms as terms
from salus.risk._findrisc_items import FAMILY_DIABETES, HIGH_GLUCOSE, SEDENTARY
from salus.risk._inputs import walkable

_SETS = (
    *(terms.DIABETES, terms.HEART_FAILURE, terms.ATHEROSCLEROTIC_DISEASE, terms.DIALYSIS, terms.PREGNANCY),
    *(terms.KIDNEY_TRANSPLANT, terms.KIDNEY_FAILURE, terms.KIDNEY_DISEASE, terms.PREGNANCY_OVER),
    *(fibrillation.ATRIAL_FIBRILLATION, fibrillation.HYPERTENSION, fibrillation.STROKE),
    *(fibrillation.VASCULAR, fibrillation.MITRAL_STENOSIS, fibrillation.VALVE),
    *(fibrillation.ANTICOAGULATE_ANYWAY, HIGH_GLUCOSE, SEDENTARY, FAMILY_DIABETES),
)
_KNOWN = frozenset().union(*(meaning.codes for meaning in _SETS))


def unplaced(view: View) -> str:
    """Say how many conditions no list of codes here holds, or "" where there are none."""
    listed = view.timeline.where(kind="Condition", test=lambda event: event.status != "entered-in-error")
    odd = {event.source for event in listed if not walkable(event) and not event.coded(_KNOWN)}
    if not odd:
        return ""
    many = "1 condition on record is" if len(odd) == 1 else f"{len(odd)} conditions on record are"
    return f"{many} coded in ways that are not known here, and read by the words alone."
