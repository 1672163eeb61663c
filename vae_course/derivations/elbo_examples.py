r"""The evidence lower bound of one Gaussian model in full, and of a minibatch."""

from itertools import combinations

from sympy import (
    FiniteSet,
    IndexedBase,
    Integral,
    Lambda,
    Rational,
    Sum,
    Symbol,
    binomial,
    log,
    oo,
    pi,
    sqrt,
)

from vae_course.derivations.elbo import elbo
from vae_course.derivations.engine import (
    Derivation,
    Step,
    WrongForm,
    at_least,
    integrated,
    proved,
)
from vae_course.derivations.model import likelihood, posterior, prior, q, x, z
from vae_course.derivations.notation import (
    KL,
    Excess,
    Expectation,
    Member,
    Normal,
    SumOver,
    add,
    density,
    times,
)

half = Rational(1, 2)
mu, sigma = Symbol("mu", real=True), Symbol("sigma", positive=True)
over_q = q(z, x)

elbo_of_a_gaussian_model = Derivation(
    name="elbo_of_a_gaussian_model",
    title="A model in which everything can be integrated",
    left=r"\mathrm{ELBO}(x)",
    definitions={
        prior: Lambda(z, Normal(z, 0, 1)),
        likelihood: Lambda((x, z), Normal(x, z, 1)),
        q: Lambda((z, x), Normal(z, mu, sigma**2)),
        posterior: Lambda((z, x), Normal(z, x / 2, half)),
    },
    steps=[
        Step(
            add(Expectation(log(likelihood(x, z)), over_q), -KL(over_q, prior(z))),
            "The bound, for a latent that is standard normal and an $x$ that is $z$ plus noise.",
        ),
        Step(
            add(
                times(-half, log(2 * pi)),
                times(-half, add(add(x, -mu) ** 2, sigma**2)),
                times(-half, add(mu**2, sigma**2, -1, -log(sigma**2))),
            ),
            "The mean square of $x - z$ is $(x - \\mu)^2 + \\sigma^2$. The KL divergence is known.",
            integrated,
        ),
        Step(
            add(
                times(-half, log(4 * pi)),
                -(x**2) / 4,
                -(add(mu, -x / 2) ** 2),
                times(-half, add(2 * sigma**2, -1, -log(2 * sigma**2))),
            ),
            "Complete the square in $\\mu$: the best one lies half way between the prior's mean "
            "and $x$. Collect $\\sigma$ in the same way.",
            proved,
        ),
        Step(
            add(log(Normal(x, 0, 2)), -KL(over_q, posterior(z, x))),
            "The first two terms are the log-density of $x$, which is Gaussian with variance "
            "$1 + 1$. The others are the KL divergence from the true posterior.",
            integrated,
        ),
        Step(
            log(Normal(x, 0, 2)),
            "Leave out the divergence, and the evidence remains: an upper bound.",
            at_least(
                add(add(mu, -x / 2) ** 2, times(half, Excess(2 * sigma**2))),
                {mu: x / 2, sigma: 1 / sqrt(2)},
            ),
        ),
        Step(
            log(Integral(times(likelihood(x, z), prior(z)), (z, -oo, oo))),
            "It is the evidence.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(
            1,
            add(
                times(-half, log(2 * pi)),
                -(add(x, -mu) ** 2) / 2,
                times(-half, add(mu**2, sigma**2, -1, -log(sigma**2))),
            ),
            "the likelihood at the posterior mean in place of its expectation (E60)",
        ),
        WrongForm(
            1,
            add(
                times(-half, add(add(x, -mu) ** 2, sigma**2)),
                times(-half, add(mu**2, sigma**2, -1, -log(sigma**2))),
            ),
            "the squared error alone: the normaliser is dropped (E45)",
        ),
        WrongForm(
            4,
            log(Normal(x, 0, 2)),
            "said to be tight when q is the prior",
            at_least(
                add(add(mu, -x / 2) ** 2, times(half, Excess(2 * sigma**2))),
                {mu: 0 * x, sigma: 1 + 0 * x},
            ),
        ),
    ],
)

# A minibatch --------------------------------------------------------------------------------

N, B = (Symbol(name, integer=True, positive=True) for name in ("N", "B"))
n, S = Symbol("n", integer=True, positive=True), Symbol("S")
xs = IndexedBase("x", real=True)
uniform = density("uniform", "u", under="S")
of_example = elbo(xs[n])

elbo_of_a_minibatch = Derivation(
    name="elbo_of_a_minibatch",
    title="A minibatch estimates the bound of the data set without bias",
    left=r"\mathbb{E}[\text{estimate}]",
    definitions={uniform: Lambda(S, 1 / binomial(N, B))},
    instance={N: 4, B: 2},
    states={S: tuple(FiniteSet(*some) for some in combinations(range(1, 5), 2))},
    source="Kingma & Welling 2014",
    steps=[
        Step(
            Expectation(times(N / B, SumOver(of_example, n, S)), uniform(S)),
            "The sum over a minibatch $S$, scaled up from its $B$ examples to all $N$. Every set "
            "of $B$ examples is equally likely.",
        ),
        Step(
            Expectation(times(N / B, Sum(times(Member(n, S), of_example), (n, 1, N))), uniform(S)),
            "Sum over all examples; those outside the minibatch count zero.",
            proved,
        ),
        Step(
            times(N / B, Sum(times(Expectation(Member(n, S), uniform(S)), of_example), (n, 1, N))),
            "Only membership is random. The expectation of a sum is the sum of expectations.",
            proved,
        ),
        Step(
            times(N / B, Sum(times(B / N, of_example), (n, 1, N))),
            "Each example is in a fraction $B/N$ of all minibatches.",
            proved,
        ),
        Step(
            Sum(of_example, (n, 1, N)),
            "The two factors cancel: what is left is the bound of the whole data set.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            0,
            Expectation(SumOver(of_example, n, S), uniform(S)),
            "the factor N/B is forgotten: the bound of B examples against a prior for N",
        ),
        WrongForm(
            4,
            Sum(of_example, (n, 1, N)) / N,
            "the mean over the data where the sum is meant (E56)",
        ),
        WrongForm(
            3,
            times(N / B, Sum(times(1 / N, of_example), (n, 1, N))),
            "the chance to be in the minibatch taken for 1/N",
        ),
    ],
    equivalent={
        "step 2: upper limit N shifted": "an example that is in no minibatch counts zero",
        "step 3: upper limit N shifted": "an example that is in no minibatch counts zero",
    },
)
