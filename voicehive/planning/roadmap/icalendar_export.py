# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
"""A roadmap as a calendar that other programs read: RFC 5545, by the `icalendar` library."""

from datetime import UTC, datetime, timedelta

from icalendar import Calendar, Event

from voicehive.planning.roadmap.result import ScheduledInitiative, StrategicRoadmap

_PRODUCT = "-//VoiceHive//Supervisor//EN"


def icalendar_of(roadmap: StrategicRoadmap, name: str, made: datetime) -> bytes:
    """Write one all-day event for each initiative, in UTF-8.

    The end (DTEND) is the first day after (RFC 5545, section 3.6.1); what takes no time is an event of one day. A UID
    stays the same for the same plan's name and initiative, so that a calendar that reads the file again moves its
    events.

    Args:
        roadmap: what is written.
        name: the plan's, also in the UIDs.
        made: when, with a time zone.

    Raises:
        ValueError: `made` has no time zone.
    """
    if made.tzinfo is None:
        raise ValueError("made: has no time zone; give one, UTC for instance")
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("name", name)
    for item in roadmap.items:
        calendar.add_component(_event(item, name, made.astimezone(UTC)))
    return calendar.to_ical()


def _event(item: ScheduledInitiative, name: str, made: datetime) -> Event:
    event = Event()
    event.add("uid", f"{item.initiative}@{name}.voicehive")
    event.add("dtstamp", made)
    event.add("summary", item.name)
    event.add("dtstart", item.starts_on)
    event.add("dtend", max(item.ends_before, item.starts_on + timedelta(days=1)))
    event.add("transp", "TRANSPARENT")
    lines = [f"cost {item.cost:g}", f"mean value {item.mean_value:g}", f"float {item.total_float} periods"]
    if item.waits_for:
        lines.append(f"waits for {', '.join(item.waits_for)}")
    event.add("description", "\n".join(lines))
    event.add("categories", ["critical"] if item.critical else ["initiative"])
    return event
