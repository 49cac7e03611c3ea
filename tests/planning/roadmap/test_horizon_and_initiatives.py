from datetime import date, timedelta

import numpy as np
import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from voicehive.planning.distributions import Constant, Normal
from voicehive.planning.horizon import Horizon
from voicehive.planning.initiatives import Initiative, Prerequisite

DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))
STEPS = {"week": relativedelta(weeks=1), "month": relativedelta(months=1), "quarter": relativedelta(months=3)}


@given(DAYS, st.sampled_from(sorted(STEPS)), st.integers(0, 200))
def test_periods_begin_when_dateutil_says(start: date, period: str, number: int):
    horizon = Horizon.model_validate({"start": start, "periods": 200, "period": period})
    assert horizon.date_of(number) == start + STEPS[period] * number


@given(DAYS, st.sampled_from(sorted(STEPS)), st.integers(-2_000, 4_000))
def test_every_day_lies_in_the_period_it_is_said_to(start: date, period: str, offset: int):
    horizon = Horizon.model_validate({"start": start, "periods": 10, "period": period})
    day = start + timedelta(days=offset)
    number = horizon.period_of(day)
    assert horizon.date_of(number) <= day < horizon.date_of(number + 1)


def test_a_horizon_beyond_the_calendar_is_refused():
    with pytest.raises(ValidationError, match="beyond the year 9999"):
        Horizon(start=date(9990, 1, 1), periods=500)


def test_it_lasts_as_long_as_the_effort_takes_its_people_but_at_least_its_duration():
    both = Initiative(
        id="a",
        duration=Constant(value=2.0),
        effort=Normal(mean=12.0, sd=4.0),
        people={"dev": 2.0, "ops": 1.0},
    )
    # The normal's quantiles at 0.1, 0.5 and 0.9 are 12 -+ 1.2816 x 4; by three people 2.291, 4 and 5.709.
    assert both.durations(np.array([0.001, 0.5, 0.9])) == pytest.approx([2.0, 4.0, 5.7087], abs=1e-3)
    assert [both.planned_duration(p) for p in (0.001, 0.5, 0.9)] == [2, 4, 6]


def test_an_initiative_survives_json():
    one = Initiative(id="a", duration=Normal(mean=3.0, sd=1.0), prerequisites=(Prerequisite(initiative="b", lag=1),))
    assert Initiative.model_validate_json(one.model_dump_json()) == one
