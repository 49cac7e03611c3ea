import csv
import io
from datetime import UTC, date, datetime

import numpy as np
import pytest

from tests.planning.roadmap.portfolios import initiative, problem
from voicehive.optimization import Objective
from voicehive.planning.distributions import Constant, Pert
from voicehive.planning.initiatives import Prerequisite
from voicehive.planning.roadmap.csv_files import read_initiatives, roadmap_csv
from voicehive.planning.roadmap.errors import InitiativesUnreadable
from voicehive.planning.roadmap.gantt import mermaid_gantt
from voicehive.planning.roadmap.planner import SearchTime, plan_roadmap
from voicehive.planning.roadmap.result import StrategicRoadmap
from voicehive.planning.roadmap.values import ValueSamples


@pytest.fixture(scope="module")
def roadmap() -> StrategicRoadmap:
    long = "faster answers; for everybody, in every language: ü" * 3
    made = problem(
        initiative("ivr", 2, required=True, name=long, cost_at_start=5.0),
        initiative("go-live", 0, ("ivr",), required=True),
        initiative("sum", 1, name="=1+1", cost_per_period=2.0),
        objectives=(Objective(name="value", direction="maximize"),),
    )
    return plan_roadmap(made, ValueSamples(np.ones((3, 3, 4)) * np.linspace(4, 1, 4)), SearchTime(recommendation=5))


def test_calendars_hold_every_initiative_on_its_days(roadmap: StrategicRoadmap):
    icalendar = pytest.importorskip("icalendar")
    from voicehive.planning.roadmap.icalendar_export import icalendar_of

    written = icalendar_of(roadmap, "year-2027", datetime(2026, 11, 25, 1, 0, tzinfo=UTC))
    events = {str(event["uid"]): event for event in icalendar.Calendar.from_ical(written).walk("VEVENT")}
    event = events["ivr@year-2027.voicehive"]
    assert (event["dtstart"].dt, event["dtend"].dt) == (date(2027, 1, 1), date(2027, 3, 1))
    assert str(event["summary"]) == "faster answers; for everybody, in every language: ü" * 3
    assert events["go-live@year-2027.voicehive"]["dtend"].dt > events["go-live@year-2027.voicehive"]["dtstart"].dt
    # RFC 5545, section 3.1: lines end in CRLF and have at most 75 octets without it.
    lines = written.split(b"\r\n")
    assert max(map(len, lines)) <= 75
    assert b"\n" not in b"".join(lines)
    assert lines[0] == b"BEGIN:VCALENDAR"
    assert lines[-2] == b"END:VCALENDAR"
    with pytest.raises(ValueError, match="time zone"):
        icalendar_of(roadmap, "year-2027", datetime(2026, 11, 25))


def test_a_roadmap_as_csv_has_a_row_for_each_initiative(roadmap: StrategicRoadmap):
    rows = {row["initiative"]: row for row in csv.DictReader(io.StringIO(roadmap_csv(roadmap)))}
    assert set(rows) == {"ivr", "go-live", "sum"}
    assert rows["ivr"]["starts_on"] == "2027-01-01"
    assert rows["ivr"]["ends_before"] == "2027-03-01"
    assert rows["go-live"]["waits_for"] == "ivr"
    assert rows["sum"]["name"] == "'=1+1"


def test_the_gantt_chart_marks_what_is_critical_and_holds_no_syntax_of_names(roadmap: StrategicRoadmap):
    chart = mermaid_gantt(roadmap, "2027: all")
    lines = chart.splitlines()
    assert lines[:3] == ["```mermaid", "gantt", "    title 2027 all"]
    bars = [line.strip() for line in lines if " :" in line and not line.startswith("    title")]
    assert len(bars) == 3
    assert all(line.count(":") == 1 for line in bars)
    assert any(line.startswith("faster answers") and ":crit, task0, 2027-01-01, 2027-03-01" in line for line in bars)
    assert any("milestone" in line and "2027-03-01, 0d" in line for line in bars)


def test_initiatives_are_read_from_a_spreadsheet():
    text = (
        "\ufeffid,name,duration,people.dev,cost_at_start,prerequisites,required,latest\r\n"
        'ivr,"Speech, not keys",1/2/4,1.5,10,,yes,\r\n'
        "bot,,3,,,ivr+1,,7\r\n"
    )
    first, second = read_initiatives(text, "plan.csv")
    assert first.name == "Speech, not keys"
    assert first.duration == Pert(low=1.0, mode=2.0, high=4.0)
    assert (first.people, first.cost_at_start, first.required, first.latest) == ({"dev": 1.5}, 10.0, True, None)
    assert second.duration == Constant(value=3.0)
    assert second.prerequisites == (Prerequisite(initiative="ivr", lag=1),)
    assert second.latest == 7


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,duration\na,1\nb,long\n", "row 3, column duration: cannot read 'long'; write a number, or low/mode/high"),
        ("id,duration,people.dev\na,1,-2\n", "row 2, column people.dev: Input should be greater than or equal to 0"),
        ("id,duration\na,4/2/1\n", "row 2, column duration: "),
        ("id,duration,latest\na,1,soon\n", "row 2, column latest: cannot read 'soon'; write a whole number"),
        ("id,duration,required\na,1,maybe\n", "row 2, column required: cannot read 'maybe'; write true or false"),
        ("id,duration,prerequisites\na,1,b+x\n", "row 2, column prerequisites: cannot read 'b+x'"),
        ("id,length\na,1\n", "row 1, column length: is no known column"),
        ("name,duration\na,1\n", "row 1: has no column id"),
        ("id,duration,duration\na,1,1\n", "row 1, column duration: is there twice"),
        ("id,duration\na,1\na,2\n", "row 3, column id: 'a' is also in row 2"),
        ("id,duration\na\n", "row 2, column id: the row has not as many cells"),
        ("id,duration\na,1,2\n", "row 2, column id: the row has not as many cells"),
        ("id,duration\na!,1\n", "row 2, column id: String should match pattern"),
        ("id,name\na,x\n", "row 2, column id: initiative 'a': duration: give duration or effort"),
        ("id,duration,latest,earliest\na,1,1,3\n", "row 2, column id: initiative 'a': latest 1 is before earliest 3"),
        ('id,duration\na,"1\n', "unexpected end of data"),
        ("id,duration\n", "holds no initiatives"),
        ("id,cost_at_start,duration\na,inf,1\n", "row 2, column cost_at_start: "),
    ],
)
def test_a_wrong_cell_is_named_by_row_and_column(text: str, words: str):
    with pytest.raises(InitiativesUnreadable) as caught:
        read_initiatives(text, "plan.csv")
    assert words in str(caught.value)
    assert str(caught.value).startswith("plan.csv")
