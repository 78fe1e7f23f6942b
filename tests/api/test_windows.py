"""Calling hours, minute by minute through a whole year, against the wall clocks of Python's zoneinfo."""

import datetime
import time
import zoneinfo

import pytest

YEAR = 2026
UTC = datetime.timezone.utc
FIRST = int(datetime.datetime(YEAR, 1, 1, tzinfo=UTC).timestamp())
LAST = int(datetime.datetime(YEAR + 1, 1, 1, tzinfo=UTC).timestamp())
AHEAD = 9 * 1440  # minutes behind the year's end that the last openings may lie in

CASES = [
    # A zone with daylight saving; a Saturday's hours are no hours.
    (["America/New_York"], "09:00", "20:00", [1, 2, 3, 4, 5]),
    # A number that may lie in either of two zones (+1 208), hours that the clocks jump over.
    (["America/Boise", "America/Los_Angeles"], "02:30", "21:00", [1, 2, 3, 4, 5, 6, 7]),
    # Two halves of the world whose clocks change on different days; half an hour of jump.
    (["Europe/London", "Australia/Lord_Howe"], "06:00", "22:30", [1, 2, 3, 4, 6, 7]),
]


def minutes(text):
    hours, rest = text.split(":")
    return int(hours) * 60 + int(rest)


def inside(zone, first, last, days):
    """A bytearray: for each minute from FIRST on, whether the wall clock there is inside."""
    tz, count = zoneinfo.ZoneInfo(zone), (LAST - FIRST) // 60 + AHEAD
    found = bytearray(count)
    offset = None
    for i in range(count):
        at = FIRST + i * 60
        if offset is None or i % 15 == 0:  # offsets change on quarters of an hour
            offset = int(datetime.datetime.fromtimestamp(at, tz).utcoffset().total_seconds())
        day, second = divmod(at + offset, 86400)
        found[i] = first <= second // 60 < last and (day + 3) % 7 + 1 in days
    return found


@pytest.mark.parametrize("zones, begin, end, days", CASES, ids=lambda x: str(x)[:40])
def test_every_minute_of_a_year(stack, zones, begin, end, days):
    walls = [inside(zone, minutes(begin), minutes(end), days) for zone in zones]
    wanted, opens = [0] * len(walls[0]), None
    for i in reversed(range(len(walls[0]))):
        if all(wall[i] for wall in walls):
            opens = FIRST + i * 60
        wanted[i] = opens
    rows = stack.sql(
        "SELECT extract(epoch FROM fn.window_opens(%s, %s, %s, %s::smallint[],"
        " to_timestamp(m)))::bigint AS opens"
        " FROM generate_series(%s::bigint, %s::bigint, 60) m ORDER BY m",
        zones, begin, end, days, FIRST, LAST - 60)
    assert len(rows) == (LAST - FIRST) // 60
    wrong = [(i, row[0], wanted[i]) for i, row in enumerate(rows) if row[0] != wanted[i]]
    assert not wrong, [tuple(time.strftime("%F %T", time.gmtime(t)) for t in
                             (FIRST + i * 60, got, want)) for i, got, want in wrong[:5]]
