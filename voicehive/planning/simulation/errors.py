"""What can go wrong in a simulation, by name. A malformed scenario is a pydantic `ValidationError` instead."""

from voicehive.planning.errors import PlanningError


class InvalidSimulation(PlanningError):
    """Goals, expected values or sizes that cannot be simulated as given; the message names which."""
