"""The quick way to read a time says what the slow one says, for every text and not only for times."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from salus.core.errors import EvidenceError
from salus.record import fhir_time
from tests.conftest import IN_SOAK

pieces = st.sampled_from(
    [
        "2024",
        "-02",
        "-03",
        "-W05-3",
        "T04",
        "T24",
        ":05",
        ":06",
        ":60",
        "Z",
        "+05:30",
        "-14:59",
        "+15:00",
        ".5",
        ".1234567",
        "0001",
        "9999",
        "-12-31",
        "T23:59:59",
        "",
        " ",
        "\N{FULLWIDTH DIGIT ZERO}",
        ",1",
    ]
)
shapes = st.datetimes().map(lambda at: at.isoformat()) | st.datetimes(timezones=st.timezones()).map(
    lambda at: at.isoformat()
)


@settings(max_examples=20_000 if IN_SOAK else 1_500)
@given(st.lists(pieces, max_size=7).map("".join) | shapes | st.text(max_size=26))
@example("2024-W05-3T04:05:06Z")
@example("2024-02-03T040506.1Z")
@example("2024-02-03T24:00:00Z")
@example("2024-02-03T04:05:06,1+05")
@example("2024-02-03T04:05:60Z")
def test_the_quick_way_is_the_slow_way(text: str) -> None:
    try:
        slow = fhir_time._slow(text)
    except EvidenceError:
        slow = None
    try:
        assert fhir_time.when(text) == slow
    except EvidenceError:
        assert slow is None
