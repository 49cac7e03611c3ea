"""What the operator asks of autonomy."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from voicehive.autonomy.trust.errors import OutcomesUnusable
from voicehive.autonomy.trust.outcome import Floats
from voicehive.model import Model

Level = Annotated[float, Field(gt=0.0, lt=1.0)]


class RiskPromise(Model):
    """ "Of what you do alone, at most `alpha` may turn out wrong, with certainty 1 - `delta`."

    `losses`: whether an outcome is right or wrong only (`binary`, tested exactly) or may cost anything from 0 to 1
    (`bounded`: alpha is then the mean cost allowed). It is declared, not read off the data, which would void the test.
    """

    alpha: Level = 0.05
    delta: Level = 0.05
    losses: Literal["binary", "bounded"] = "binary"

    def require(self, losses: Floats) -> None:
        """Raises OutcomesUnusable where losses (N,) are not of the kind declared."""
        if np.any((losses < 0) | (losses > 1) | np.isnan(losses)):
            raise OutcomesUnusable("loss: must lie in 0 to 1; divide each cost by the greatest one possible")
        if self.losses == "binary" and np.any((losses != 0) & (losses != 1)):
            raise OutcomesUnusable('loss: only 0 and 1 are binary; declare losses="bounded" for costs in between')
