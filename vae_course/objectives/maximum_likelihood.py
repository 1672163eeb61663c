r"""Maximum likelihood: where log p(x) can be computed, no bound is needed.

$$ \frac1B \sum_{b=1}^B \log p_\theta(x_b) $$

Its negative is the cross-entropy of the data and the model: the entropy of the data, which no model
can change, plus KL(data ‖ model).
"""

from dataclasses import dataclass

from torch import Tensor

from vae_course.checks import require_weight


@dataclass(frozen=True)
class LogLikelihood:
    """log p(x) of each example, `(B,)` in nats."""

    log_prob: Tensor

    @property
    def value(self) -> Tensor:
        """What is maximised, `(B,)`."""
        return self.log_prob

    @property
    def terms(self) -> dict[str, Tensor]:
        """What a training run records, by name."""
        return {"log_prob": self.log_prob}


def log_likelihood(model, x: Tensor, beta: float | Tensor = 1.0) -> LogLikelihood:
    """log p(x) of `(B, *event_shape)` under a flow or anything else that has `log_prob`.

    There is no rate to weigh: `beta` is there because `fit` passes one, and changes nothing.
    """
    require_weight("beta", beta)
    return LogLikelihood(model.log_prob(x))
