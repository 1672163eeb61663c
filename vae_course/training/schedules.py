"""Weights that change during training: functions of the number of updates done.

`fit(..., beta=partial(cyclical, period=1000))` asks for the weight before each update. A schedule
changes the way. What is optimal at the end is what is optimal at the final weight.
"""

from math import tanh

from vae_course.checks import require


def linear(step: int, warmup: int, final: float = 1.0) -> float:
    r"""KL warm-up: β rises from 0 at step 0 to `final` at step `warmup`, and stays there.

    $$ \beta_t = \beta \min(1, t / T) $$

    While β is small the rate is cheap, so the encoder learns to use the latents before it has to
    pay for them. Source: Bowman et al. 2016, section 3.1; Sønderby et al. 2016, section 2.3.
    """
    return final if step >= warmup else final * step / warmup


def sigmoid(step: int, middle: float, width: float, final: float = 1.0) -> float:
    r"""A smooth warm-up: half of `final` at step `middle`.

    $$ \beta_t = \frac{\beta}{1 + e^{-(t - t_0)/w}} $$

    `width` w, in steps, is often called a rate, but a larger one is slower: from a quarter to three
    quarters of `final` it takes 2.2 w. The weight does not start at 0: β₀ = β / (1 + exp(t₀ / w)).
    Source: Bowman et al. 2016, section 3.1.
    """
    require(width > 0, f"width is {width}, needs a number of steps above 0")
    return final * 0.5 * (1 + tanh((step - middle) / (2 * width)))  # never overflows


def cyclical(step: int, period: int, rising: float = 0.5, final: float = 1.0) -> float:
    r"""A linear warm-up that starts again every `period` steps.

    $$ \beta_t = \beta \min\big(1,\, u_t / r\big), \qquad u_t = (t \bmod P) / P $$

    `rising` r is the part of a period in which β rises; it stays at `final` for the rest.
    Source: Fu et al. 2019, "Cyclical annealing schedule".
    """
    require(period > 0, f"period is {period}, needs a number of steps above 0")
    require(0 < rising <= 1, f"rising is {rising}, needs a number above 0 and at most 1")
    return linear(step % period, rising * period, final)
