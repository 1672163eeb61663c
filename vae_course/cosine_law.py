r"""How far from its centre a von Mises–Fisher draw lies: the law of one number y.

On the unit sphere of d-vectors, the density $\propto e^{\kappa\, \mu^\top z}$ depends on z only by
the cosine $t = \mu^\top z$. We write $t = \tanh y$, with y any real number. Then

$$ q(y) = \frac{e^{-\kappa\, g(y)}}{m(\kappa)}\, u(y), \qquad
   u(y) = \frac{\Gamma(d/2)}{\sqrt\pi\, \Gamma((d-1)/2)}\, \cosh^{-(d-1)} y, \qquad
   g(y) = 1 - \tanh y, \qquad
   m(\kappa) = \int e^{-\kappa\, g(y)}\, u(y)\, dy $$

where u is the law of y on the uniform sphere and g the *gap* between the cosine and 1. In these
terms nothing overflows and nothing cancels: κ = 0, κ = 10⁵, d = 2 and d = 500 are all the same
easy integral. With the Bessel function, m(κ) = Γ(d/2) (2/κ)^ν I_ν(κ) e^{-κ} and ν = d/2 - 1.

q has its mode at $y_0 = \tfrac12 \operatorname{asinh}(2\kappa/(d-1))$. Proposing $y = \varepsilon
+ y_0$, with ε from u, is the algorithm of Wood 1994: what he writes in the cosine is a shift in y.

Sources: Wood 1994, "Simulation of the von Mises Fisher distribution"; Davidson et al. 2018,
"Hyperspherical Variational Auto-Encoders"; Naesseth et al. 2017, "Reparameterization Gradients
through Acceptance-Rejection Sampling Algorithms".
"""

import math

import torch
from torch import Tensor
from torch.distributions import Gamma

NODES = 128  # 1e-13 for every d and κ; 64 would give 1e-8
REACH = 4.8  # sinh(4.8) = 61 widths of the mode: the slowest tail, d = 2, is below 1e-18 there
PROPOSALS = 24  # each is accepted with probability 0.65 or more: all fail once in 10^11 draws


def gap(y: Tensor) -> Tensor:
    """1 - tanh y, with all its digits where the cosine is close to one."""
    return 2 * torch.sigmoid(-2 * y)


def log_cosh(y: Tensor) -> Tensor:
    return y.abs() + torch.log1p((-2 * y.abs()).exp()) - math.log(2)


def mode(concentration: Tensor, dimension: int) -> Tensor:
    """Where the density of y is largest."""
    return torch.asinh(2 * concentration / (dimension - 1)) / 2


def width(y: Tensor, concentration: Tensor, dimension: int) -> Tensor:
    """One standard deviation of the Gaussian that fits the density of y at its mode."""
    t = y.tanh()
    return y.cosh() / (dimension - 1 + 2 * concentration * t).sqrt()


def log_mean_and_gap(concentration: Tensor, dimension: int) -> tuple[Tensor, Tensor]:
    """log m(κ) and the mean of g(y), of which the first's derivative is minus the second.

    The trapezium rule, in s with y = y_0 + width · sinh s: it converges exponentially. Where the
    nodes lie depends on κ, the integral does not, so they pass no gradient on.
    """
    kappa = concentration[..., None]
    with torch.no_grad():
        centre = mode(kappa, dimension)
        s = torch.linspace(-REACH, REACH, NODES, dtype=kappa.dtype, device=kappa.device)
        scale = width(centre, kappa, dimension)
        y = centre + scale * s.sinh()
        log_weight = (scale * s.cosh() * (s[1] - s[0])).log() - (dimension - 1) * log_cosh(y)
        g = gap(y)
    log_terms = log_weight - kappa * g
    log_u = math.lgamma(dimension / 2) - math.lgamma((dimension - 1) / 2) - math.log(math.pi) / 2
    return log_terms.logsumexp(-1) + log_u, (log_terms.softmax(-1) * g).sum(-1)


def log_ratio(y: Tensor, concentration: Tensor, dimension: int) -> Tensor:
    r"""$\log q(y)/r(y) + \log m(\kappa)$, with r the law of the proposals. Largest at y = y_0."""
    proposed = log_cosh(y - mode(concentration, dimension))
    return -concentration * gap(y) - (dimension - 1) * (log_cosh(y) - proposed)


@torch.no_grad()
def draw_noise(concentration: Tensor, dimension: int, shape) -> Tensor:
    """ε of the first accepted of 24 proposals, of `shape`: without waiting for the device.

    If all 24 are refused, the first is taken: it happens to one draw in 10^11.
    """
    half = concentration.new_full((), (dimension - 1) / 2)
    up, down = Gamma(half, 1.0, validate_args=False).sample((2, PROPOSALS, *shape))
    noise = (up.log() - down.log()) / 2
    centre = mode(concentration, dimension)
    height = log_ratio(noise + centre, concentration, dimension)
    top = log_ratio(centre, concentration, dimension)
    accepted = torch.rand_like(height).log() <= height - top
    first = accepted.to(torch.uint8).argmax(0, keepdim=True)
    return noise.gather(0, first)[0]


@torch.no_grad()
def sample_gradient(y: Tensor, concentration: Tensor, dimension: int) -> Tensor:
    r"""$\partial y / \partial \kappa = -(\partial F / \partial \kappa) / q(y)$: y keeps its rank.

    With $\bar g$ the mean of g, the score of κ is $\bar g - g$, and

    $$ -\frac{1}{q(y)} \frac{\partial}{\partial \kappa} \int_{-\infty}^y q(s)\, ds
       = \int_{-\infty}^y \frac{q(s)}{q(y)} \big(g(s) - \bar g\big)\, ds
       = \int_y^{\infty} \frac{q(s)}{q(y)} \big(\bar g - g(s)\big)\, ds $$

    We integrate on the side on which q falls. Source: Figurnov, Mohamed & Mnih 2018.
    """
    y, kappa = torch.broadcast_tensors(y, concentration)
    centre = mode(kappa, dimension)
    spread = width(centre, kappa, dimension)
    sign = torch.where(y < centre, -1.0, 1.0).to(y.dtype)
    _, mean_gap = log_mean_and_gap(kappa, dimension)
    # The distance from y at which q begins to fall, and the one at which nothing is left of it.
    steepness = (dimension - 1) * y.tanh() - kappa * gap(y) * gap(-y)
    near = (steepness.square() + spread.reciprocal().square()).rsqrt()
    far = 40 / (dimension - 1) + 9 * spread
    # Trapezium rule in x, distance = near · exp(x - e^{-x}): nodes at all scales between the two.
    x = torch.linspace(0, 1, NODES, dtype=y.dtype, device=y.device)
    x = -3.8 + (far / near).log()[..., None] * x + 3.8 * x
    distance = near[..., None] * (x - (-x).exp()).exp()
    weight = distance * (1 + (-x).exp()) * (x[..., 1:2] - x[..., :1])
    s = y[..., None] + sign[..., None] * distance
    drop = kappa[..., None] * (gap(s) - gap(y)[..., None])
    drop = drop + (dimension - 1) * (log_cosh(s) - log_cosh(y)[..., None])
    score = mean_gap[..., None] - gap(s)
    return sign * (weight * (-drop).exp() * score).sum(-1)
