"""What a metric, or a driver, may be called."""

from typing import Annotated, TypeAlias

from pydantic import Field

MetricName: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]*$", max_length=100)]
