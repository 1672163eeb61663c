"""Weights that change during training."""


def linear(step: int, warmup: int, final: float = 1.0) -> float:
    r"""KL warm-up: β rises from 0 at step 0 to `final` at step `warmup`, and stays there.

    $$ \beta_t = \beta \min(1, t / T) $$

    While β is small the rate is cheap, so the encoder learns to use the latents before it has to
    pay for them. Source: Bowman et al. 2016, section 3.1; Sønderby et al. 2016, section 2.3.
    """
    return final if step >= warmup else final * step / warmup
