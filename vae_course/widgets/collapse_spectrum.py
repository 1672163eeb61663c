r"""Collapse on a spectrum: which latents of a linear VAE are used, and what σ² and β have to do with it.

$$ h = \beta \sigma^2, \qquad \mathrm{KL}_i = \max\big(0,\, \tfrac12 \log \tfrac{\lambda_i}{h}\big), \qquad
   \delta_i = \min(\lambda_i, h) $$

The best linear VAE gives each of its d latents to one principal direction of the data, the strongest
first. A latent is used iff the variance λ_i of its direction is above the line h; a direction
without a latent keeps δ_i = λ_i. So σ² and β decide together who is active. Apart they decide the
distortion and the ELBO, which at β = 1 is best for a σ² equal to the mean of the variances that got
no latent: then all d are active.

Source: Tipping & Bishop 1999, "Probabilistic principal component analysis"; Lucas, Tucker, Grosse &
Norouzi 2019, "Don't blame the ELBO!".
"""  # noqa: E501

from math import log

import torch
import traitlets
from torch import Tensor

from vae_course.checks import require, require_count, require_tensor
from vae_course.widgets.base import CourseWidget

MOST_EIGENVALUES = 4096
MOST_LATENTS = 32


class CollapseSpectrum(CourseWidget):
    """The eigenvalues of some data, the line βσ² across them, and what the best linear VAE does.

    eigenvalues: of the data's covariance, `(n,)`, n from 2 to 4096, all of them, in any order.
        Default: those of the 8 × 8 digits.
    latent_dim: d, how many latents the linear VAE has, 1 to 32 and less than n.
    sigma: of the decoder, in the units of the data. beta: the weight of the rate, 0.1 to 100.
    name: what the data are called.

    `log_var` (log σ²), `log_beta` and `latent_dim` follow the page, and can be set, in a notebook.

    Raises:
        ValueError: an argument outside its range.
    """

    scripts = (
        "charts.js",
        "choices.js",
        "spectrum.js",
        "spectrum_charts.js",
        "collapse_spectrum.js",
    )
    styles = ("charts.css", "collapse_spectrum.css")

    name = traitlets.Unicode().tag(sync=True)
    eigenvalues = traitlets.List(traitlets.Float()).tag(sync=True)  # the largest first
    latent_dim = traitlets.Int().tag(sync=True)
    log_var = traitlets.Float().tag(sync=True)
    log_beta = traitlets.Float().tag(sync=True)
    hold = traitlets.Bool().tag(sync=True)  # do the sliders keep βσ² as it is?

    def __init__(
        self,
        eigenvalues: Tensor | None = None,
        latent_dim: int = 16,
        sigma: float = 0.5**0.5,
        beta: float = 1.0,
        name: str = "data",
        **kwargs,
    ):
        if eigenvalues is None:
            eigenvalues, name = digits_spectrum(), "digits"
        require_tensor("eigenvalues", eigenvalues, dimensions=1)
        n = len(eigenvalues)
        require(
            2 <= n <= MOST_EIGENVALUES,
            f"eigenvalues has {n} numbers, needs 2 to {MOST_EIGENVALUES}",
        )
        require(
            bool(torch.isfinite(eigenvalues).all() and (eigenvalues >= 0).all())
            and bool((eigenvalues > 0).any()),
            "eigenvalues has none above 0, or some below 0, needs variances",
        )
        require_count("latent_dim", latent_dim)
        most = min(MOST_LATENTS, n - 1)
        require(latent_dim <= most, f"latent_dim is {latent_dim}, needs to be at most {most}")
        require(1e-6 <= sigma <= 1e3, f"sigma is {sigma}, needs to be 1e-6 to 1e3")
        require(0.1 <= beta <= 100, f"beta is {beta}, needs to be 0.1 to 100")
        ordered = eigenvalues.detach().cpu().double().sort(descending=True).values
        super().__init__(
            description=f"which latents of a linear VAE are used, on the spectrum of {name}",
            name=name,
            eigenvalues=[float(f"{value:.6g}") for value in ordered.tolist()],
            latent_dim=latent_dim,
            log_var=2 * log(sigma),
            log_beta=log(beta),
            hold=False,
            **kwargs,
        )


def digits_spectrum() -> Tensor:
    """Eigenvalues of the covariance of the 8 × 8 digits, `(64,)`, pixels in [0, 1]."""
    from vae_course.data import load

    x = load("digits").images.flatten(1).double()
    return torch.linalg.eigvalsh(torch.cov(x.T, correction=0)).clamp(min=0).flip(0)
