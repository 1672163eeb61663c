r"""The gradient of the importance-weighted bound, and how to take the score out of it.

$$ \nabla \log \frac1K \sum_k w_k = \sum_k \tilde w_k \nabla \log w_k,
   \quad \tilde w_k = \frac{w_k}{\sum_j w_j}, \qquad
   \nabla_\phi \mathcal L_K = E_\varepsilon\Big[\sum_k \tilde w_k^2\,
   \frac{\partial \log w_k}{\partial z_k} \nabla_\phi z_k\Big] $$

Burda, Grosse & Salakhutdinov 2016; Tucker, Lawson, Gu & Maddison 2019.
"""

from sympy import Function, IndexedBase, Lambda, Sum, Symbol, exp, log

from vae_course.derivations.elbo_gradients import f, joint, model, q, x
from vae_course.derivations.engine import Derivation, Step, WrongForm, integrated, proved
from vae_course.derivations.gradients import (
    TURNED,
    a_1,
    a_2,
    encoder,
    epsilon,
    noise,
    p,
    phi,
    reparameterised,
    z,
)
from vae_course.derivations.notation import Expectation, Gradient, add, prime, times

j, k, K = (Symbol(name, integer=True, positive=True) for name in "jkK")
theta = Symbol("theta", real=True)
ws, normalised = IndexedBase("w", real=True), IndexedBase("wtilde", real=True)
values, slopes = IndexedBase("a", positive=True), IndexedBase("b", real=True)
every = (k, 1, K)

iwae_gradient = Derivation(
    name="iwae_gradient",
    title="The gradient of the bound weighs each sample by its normalised weight",
    left=r"\nabla_\theta \log \frac{1}{K} \sum_{k=1}^K w_k",
    definitions={normalised: Lambda(k, ws[k] / Sum(ws[j], (j, 1, K)))},
    instance={K: 3, ws: Lambda(k, values[k] + slopes[k] * theta)},
    equivalent={
        "step 1: constant -1 in 1/K changed to -2": "a constant factor has no gradient in the log"
    },
    source="Burda et al. 2016",
    steps=[
        Step(
            Gradient(log(times(1 / K, Sum(ws[k], every))), theta),
            "The weights depend on the parameters. Only their values and slopes can matter.",
        ),
        Step(
            times(1 / Sum(ws[k], every), Sum(Gradient(ws[k], theta), every)),
            "The derivative of a logarithm; $1/K$ cancels.",
            proved,
        ),
        Step(
            times(1 / Sum(ws[k], every), Sum(times(ws[k], Gradient(log(ws[k]), theta)), every)),
            "The same rule backwards, for each weight.",
            proved,
        ),
        Step(
            Sum(times(normalised[k], Gradient(log(ws[k]), theta)), every),
            "Each weight over the sum of them: the normalised weights, which sum to one.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            3,
            times(1 / K, Sum(Gradient(log(ws[k]), theta), every)),
            "every sample counts the same: that is the ELBO's gradient",
        ),
        WrongForm(
            3,
            Sum(times(ws[k], Gradient(log(ws[k]), theta)), every),
            "the weights are not normalised",
        ),
    ],
)

# Doubly reparameterised ----------------------------------------------------------------------

ANY_MODEL = "the identity holds for any p(x, z)"
G = Function("G", real=True)
z_epsilon, ell = Symbol("z_epsilon", real=True), Symbol("ell", real=True)
b_1, b_2 = Symbol("b_1", real=True), Symbol("b_2", real=True)
slope = times(prime(f)(z_epsilon), Gradient(z_epsilon, phi))

doubly_reparameterised = Derivation(
    name="doubly_reparameterised",
    title="The encoder's gradient of the bound, without the score",
    left=r"\nabla_\phi\, \mathbb{E}_{q_\phi(z \mid x)}[G(f(z))]",
    definitions={q: model[q], f: model[f], **noise, z_epsilon: reparameterised},
    instance={
        **encoder,
        G: Lambda(ell, b_1 * ell + b_2 * ell**2),
        joint: Lambda((x, z), exp(a_1 * z + a_2 * z**2)),
    },
    equivalent={
        "definition of f(z): sign of log(p(x, z)) flipped": ANY_MODEL,
        "definition of f(z): term log(p(x, z)) dropped": ANY_MODEL,
        "definition of z_ε: sign of σ ε flipped": TURNED["sign of σ ε flipped"],
    },
    source="Tucker et al. 2019",
    steps=[
        Step(
            Gradient(Expectation(G(f(z)), q(z, x)), phi),
            "One of the $K$ samples, with the log-weight $f = \\log w$. The others are held "
            "fixed: the bound is some smooth function $G$ of this log-weight.",
        ),
        Step(
            add(
                Expectation(times(prime(G)(f(z_epsilon)), slope), p(epsilon)),
                -Expectation(times(prime(G)(f(z)), Gradient(log(q(z, x)), phi)), q(z, x)),
            ),
            "$\\phi$ moves the sample, and it changes $f$ where the sample is, in "
            "$-\\log q_\\phi$.",
            integrated,
        ),
        Step(
            add(
                Expectation(times(prime(G)(f(z_epsilon)), slope), p(epsilon)),
                -Expectation(times(prime(prime(G))(f(z_epsilon)), slope), p(epsilon)),
            ),
            "The second term is a score-function gradient, of $G'(f(z))$. Reparameterise it "
            "as well.",
            integrated,
        ),
        Step(
            Expectation(
                times(
                    add(prime(G)(f(z_epsilon)), -prime(prime(G))(f(z_epsilon))),
                    slope,
                ),
                p(epsilon),
            ),
            "No score is left. For the bound, $G' - G''$ is the square of the normalised weight.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(
            3,
            Expectation(times(prime(G)(f(z_epsilon)), slope), p(epsilon)),
            "the score is dropped and the weight kept: biased, unless K = 1",
        ),
        WrongForm(
            2,
            Expectation(times(prime(G)(f(z_epsilon)), slope), p(epsilon))
            + Expectation(times(prime(prime(G))(f(z_epsilon)), slope), p(epsilon)),
            "the sign of the second term is turned",
        ),
    ],
)

c = Symbol("c", positive=True)
share = Function("wtilde", real=True)

doubly_reparameterised_weight = Derivation(
    name="doubly_reparameterised_weight",
    title="The weight of a sample in that gradient",
    left=r"G'(\ell) - G''(\ell)",
    definitions={
        G: Lambda(ell, log(times(1 / K, add(exp(ell), c)))),
        share: Lambda(ell, exp(ell) / add(exp(ell), c)),
    },
    source="Tucker et al. 2019",
    equivalent={
        "definition of G(ell): constant -1 in 1/K changed to -2": "a constant in G has no slope",
    },
    steps=[
        Step(
            add(prime(G)(ell), -prime(prime(G))(ell)),
            "$\\ell$ is the log-weight of one sample, and $c$ the sum of the other weights.",
        ),
        Step(
            add(share(ell), -prime(share)(ell)),
            "The slope of $G$ is the normalised weight of the sample.",
            proved,
        ),
        Step(
            add(share(ell), -times(share(ell), add(1, -share(ell)))),
            "As for any logistic function, its slope is itself times one minus itself.",
            proved,
        ),
        Step(share(ell) ** 2, "What is left is the square, which is smaller.", proved),
    ],
    wrong_forms=[
        WrongForm(3, share(ell), "the normalised weight itself, as in the decoder's gradient"),
        WrongForm(3, times(share(ell), add(1, -share(ell))), "the slope of the normalised weight"),
    ],
)
