r"""Rate, distortion and information: what the two terms of the bound measure, in the mean.

$$ R = \mathbb E\,\mathrm{KL}\big(q_\phi(z \mid x) \,\|\, p(z)\big)
     = I_q(x; z) + \mathrm{KL}\big(q_\phi(z) \,\|\, p(z)\big), \qquad
   H - D \le I_q(x; z) \le R, \qquad \frac{dD}{dR} = -\beta $$

Alemi, Poole, Fischer, Dillon, Saurous & Murphy 2018; the bound with a decoder is in Barber &
Agakov 2003. Proved for finitely many x and z, and any probabilities.
"""

from sympy import Function, Lambda, Rational, Symbol, log

from vae_course.derivations.engine import (
    Derivation,
    Step,
    WrongForm,
    at_least,
    at_most,
    proved,
)
from vae_course.derivations.model import posterior, prior, q, x, z
from vae_course.derivations.notation import (
    KL,
    Excess,
    Expectation,
    Gradient,
    SumOver,
    add,
    density,
    prime,
    times,
)

data = density("data", "p_data", over=x, total=1)  # p_data(x)
decoder = density("decoder", "p_theta", given=True, over=x, total=1)  # p_θ(x | z)
joint = density("joint", "p_theta")  # p_θ(x, z)
evidence = density("evidence", "p_theta")  # p_θ(x)
pairs = density("pairs", "q_phi")  # q_φ(x, z): an example and its code
aggregate = density("aggregate", "q_phi")  # q_φ(z)
backward = density("backward", "q_phi", given=True)  # q_φ(x | z): which example had this code

PAIRS = {pairs: Lambda((x, z), data(x) * q(z, x))}
AGGREGATE = {aggregate: Lambda(z, SumOver(pairs(x, z), x))}
BACKWARD = {backward: Lambda((x, z), pairs(x, z) / aggregate(z))}
JOINT = {joint: Lambda((x, z), decoder(x, z) * prior(z))}
EVIDENCE = {evidence: Lambda(x, SumOver(joint(x, z), z))}
POSTERIOR = {posterior: Lambda((z, x), joint(x, z) / evidence(x))}
TWO_OF_EACH = {x: 2, z: 2}


def over_pairs(integrand) -> Expectation:
    """The mean over examples and their codes."""
    return Expectation(integrand, pairs(x, z), x, z)


D, R, H, I_q = (Symbol(name, real=True) for name in ("D", "R", "H", "I_q"))
DISTORTION = {D: -over_pairs(log(decoder(x, z)))}
RATE = {R: Expectation(KL(q(z, x), prior(z)), data(x))}
ENTROPY = {H: -Expectation(log(data(x)), data(x))}
INFORMATION = {I_q: over_pairs(log(q(z, x) / aggregate(z)))}

prior_gap = Expectation(Excess(prior(z) / aggregate(z)), aggregate(z))
decoder_gap = over_pairs(Excess(decoder(x, z) / backward(x, z)))
posterior_gap = over_pairs(Excess(posterior(z, x) / q(z, x)))
BEST_PRIOR = {prior: Lambda(z, aggregate(z))}
BEST_DECODER = {decoder: Lambda((x, z), backward(x, z))}

elbo_rate_distortion = Derivation(
    name="elbo_rate_distortion",
    title="In the mean over the data, the bound is minus distortion, minus rate",
    left=r"\mathbb{E}_{p_{data}(x)}[\mathrm{ELBO}(x)]",
    definitions=PAIRS | JOINT | EVIDENCE | POSTERIOR | DISTORTION | RATE,
    states=TWO_OF_EACH,
    source="Alemi et al. 2018",
    steps=[
        Step(
            Expectation(Expectation(log(joint(x, z) / q(z, x)), q(z, x)), data(x)),
            "The bound of one example, and its mean over the data.",
        ),
        Step(
            over_pairs(add(log(decoder(x, z)), log(prior(z)), -log(q(z, x)))),
            "Draw an example, then a code for it: that is one draw of the pair. The logarithm of "
            "the ratio has three parts.",
            proved,
        ),
        Step(
            add(over_pairs(log(decoder(x, z))), -Expectation(KL(q(z, x), prior(z)), data(x))),
            "The prior and the encoder make a KL divergence for each example.",
            proved,
        ),
        Step(
            add(-D, -R),
            "Distortion is what the decoder pays for the example when it is told the code, rate "
            "what the code costs against the prior. Both are in nats.",
            proved,
        ),
        Step(
            add(
                Expectation(log(evidence(x)), data(x)),
                -Expectation(KL(q(z, x), posterior(z, x)), data(x)),
            ),
            "The joint is also $p_\\theta(z \\mid x)\\, p_\\theta(x)$. The price for an encoder "
            "that is not the posterior is a KL divergence.",
            proved,
        ),
        Step(
            Expectation(log(evidence(x)), data(x)),
            "Leave it out: $D + R$ is at least what the model pays for the data itself.",
            at_least(posterior_gap, {q: Lambda((z, x), posterior(z, x))}),
        ),
    ],
    wrong_forms=[
        WrongForm(3, add(D, -R), "a log-likelihood taken for a loss: the sign of D (E60)"),
        WrongForm(3, add(-D, R), "the rate rewarded, not charged"),
        WrongForm(
            2,
            add(over_pairs(log(decoder(x, z))), -KL(q(z, x), prior(z))),
            "the KL divergence of one example in place of the mean over the data (E07)",
        ),
        WrongForm(
            5,
            Expectation(log(evidence(x)), data(x)),
            "said to be tight when the encoder is the prior",
            at_least(posterior_gap, {q: Lambda((z, x), prior(z))}),
        ),
    ],
)

rate_above_information = Derivation(
    name="rate_above_information",
    title="The rate is at least the information that the codes carry",
    left="R",
    definitions=PAIRS | AGGREGATE | INFORMATION,
    states=TWO_OF_EACH,
    source="Hoffman & Johnson 2016; Alemi et al. 2018",
    steps=[
        Step(
            Expectation(KL(q(z, x), prior(z)), data(x)),
            "How far the codes of one example are from the prior, in the mean over the data.",
        ),
        Step(
            over_pairs(log(times(q(z, x) / aggregate(z), aggregate(z) / prior(z)))),
            "Multiply and divide by the aggregate posterior $q_\\phi(z)$: the codes of all "
            "examples together.",
            proved,
        ),
        Step(
            add(
                over_pairs(log(q(z, x) / aggregate(z))),
                Expectation(log(aggregate(z) / prior(z)), aggregate(z)),
            ),
            "The logarithm of a product is a sum. The second part does not ask which example the "
            "code came from.",
            proved,
        ),
        Step(
            add(I_q, KL(aggregate(z), prior(z))),
            "The first part is the mutual information of example and code. The second is paid "
            "for codes that, all together, do not look like the prior; it carries nothing.",
            proved,
        ),
        Step(
            I_q,
            "The divergence is never negative. It is zero for the best prior, which is the "
            "aggregate posterior itself.",
            at_most(prior_gap, BEST_PRIOR),
        ),
    ],
    wrong_forms=[
        WrongForm(4, I_q, "the rate taken for the mutual information, with equality (E07)", proved),
        WrongForm(
            4, I_q, "the rate taken for a lower bound (E07)", at_least(prior_gap, BEST_PRIOR)
        ),
        WrongForm(0, KL(q(z, x), prior(z)), "the divergence of one example, without a mean (E07)"),
        WrongForm(
            3,
            add(I_q, KL(prior(z), aggregate(z))),
            "the gap with its two densities exchanged (E63)",
        ),
        WrongForm(
            4,
            I_q,
            "said to be equal for a uniform prior, whatever the codes",
            at_most(prior_gap, {prior: Lambda(z, Rational(1, 2) + 0 * z)}),
        ),
    ],
)

barber_agakov = Derivation(
    name="barber_agakov",
    title="The information is at least entropy minus distortion",
    left=r"I_q(x; z)",
    definitions=PAIRS | AGGREGATE | BACKWARD | DISTORTION | ENTROPY,
    states=TWO_OF_EACH,
    source="Barber & Agakov 2003",
    steps=[
        Step(
            over_pairs(log(q(z, x) / aggregate(z))),
            "How much likelier a code is once we know the example.",
        ),
        Step(
            over_pairs(log(backward(x, z) / data(x))),
            "By Bayes' rule it is also how much likelier the example is once we know the code.",
            proved,
        ),
        Step(
            add(H, over_pairs(log(backward(x, z)))),
            "The mean of $-\\log p_{data}(x)$ is the entropy of the data.",
            proved,
        ),
        Step(
            add(
                H,
                over_pairs(log(decoder(x, z))),
                Expectation(KL(backward(x, z), decoder(x, z)), aggregate(z)),
            ),
            "Put any decoder in place of $q_\\phi(x \\mid z)$, and add what the exchange costs.",
            proved,
        ),
        Step(
            add(H, -D),
            "Leave the cost out. It is zero for one decoder alone: the one that knows which "
            "examples have this code, and how often.",
            at_most(decoder_gap, BEST_DECODER),
        ),
    ],
    wrong_forms=[
        WrongForm(
            4,
            -D,
            "the entropy of the data is missing: the log-likelihood taken for the information "
            "(E08)",
            proved,
        ),
        WrongForm(
            4,
            add(H, -D),
            "said to be an upper bound",
            at_least(decoder_gap, BEST_DECODER),
        ),
        WrongForm(
            4,
            add(H, -D),
            "said to be an equality for every decoder (E08)",
            proved,
        ),
        WrongForm(2, add(-H, over_pairs(log(backward(x, z)))), "the sign of an entropy (E11)"),
    ],
)

rate_plus_distortion = Derivation(
    name="rate_plus_distortion",
    title="Rate and distortion together are at least the entropy of the data",
    left="R + D",
    definitions=PAIRS | AGGREGATE | BACKWARD | JOINT | DISTORTION | RATE | ENTROPY,
    states=TWO_OF_EACH,
    source="Alemi et al. 2018",
    steps=[
        Step(add(R, D), "Tell the code, then the example given the code."),
        Step(
            over_pairs(log(q(z, x) / joint(x, z))),
            "Three logarithms under one mean: the prior and the decoder make the joint.",
            proved,
        ),
        Step(
            add(H, KL(pairs(x, z), joint(x, z), x, z)),
            "$q_\\phi(x, z)$ is the data times the encoder. So the entropy of the data is left, "
            "and the divergence of two ways to draw a pair: encode the data, or decode the prior.",
            proved,
        ),
        Step(
            add(
                H,
                KL(aggregate(z), prior(z)),
                Expectation(KL(backward(x, z), decoder(x, z)), aggregate(z)),
            ),
            "The divergence of pairs is that of their codes, plus that of examples given the "
            "code. These are the gaps of $I_q \\le R$ and of $H - D \\le I_q$.",
            proved,
        ),
        Step(
            H,
            "Neither is negative. Both vanish when prior and decoder are those that belong to the "
            "encoder, whichever encoder that is: all of these models lie on one line.",
            at_most(add(prior_gap, decoder_gap), BEST_PRIOR | BEST_DECODER),
        ),
    ],
    wrong_forms=[
        WrongForm(4, H, "said to hold with equality: every model on one line (E09)", proved),
        WrongForm(
            4,
            H,
            "said to be tight for the best prior alone",
            at_most(add(prior_gap, decoder_gap), BEST_PRIOR),
        ),
        WrongForm(
            2, KL(pairs(x, z), joint(x, z), x, z), "the entropy of the data is missing (E08)"
        ),
        WrongForm(0, R, "the rate alone is said to be at least the entropy"),
    ],
)

H_z, H_z_given_x = Symbol("H_z", real=True), Symbol("H_z|x", real=True)

entropy_form_of_the_rate = Derivation(
    name="entropy_form_of_the_rate",
    title="What the rate rewards: uncertain codes, where the prior expects them",
    left="R",
    definitions=PAIRS
    | AGGREGATE
    | {
        H_z: -Expectation(log(aggregate(z)), aggregate(z)),
        H_z_given_x: -over_pairs(log(q(z, x))),
    },
    states=TWO_OF_EACH,
    source="Hoffman & Johnson 2016",
    steps=[
        Step(Expectation(KL(q(z, x), prior(z)), data(x)), "The rate."),
        Step(
            over_pairs(add(log(q(z, x)), -log(prior(z)))),
            "The definition of the KL divergence.",
            proved,
        ),
        Step(
            add(-H_z_given_x, -Expectation(log(prior(z)), aggregate(z))),
            "The first is minus the entropy of the codes of one example, in the mean. The second, "
            "the cross-entropy, asks only where the codes of all examples lie under the prior.",
            proved,
        ),
        Step(
            add(
                add(H_z, -H_z_given_x),
                add(-H_z, -Expectation(log(prior(z)), aggregate(z))),
            ),
            "The entropy $H_z$ of all codes can be put in, and it cancels: the rate does not ask "
            "for a small one.",
            proved,
        ),
        Step(
            add(add(H_z, -H_z_given_x), KL(aggregate(z), prior(z))),
            "With it, the first bracket is the mutual information and the second the divergence "
            "of the aggregate posterior from the prior.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            4,
            add(add(-H_z, -H_z_given_x), KL(aggregate(z), prior(z))),
            "the entropy defined without its minus: its sign is turned (E11)",
        ),
        WrongForm(
            2,
            add(H_z, -H_z_given_x),
            "the rate said to ask for a small entropy of all codes (E12)",
        ),
        WrongForm(
            2,
            add(-H_z_given_x, -Expectation(log(aggregate(z)), aggregate(z))),
            "the entropy of the codes in place of the cross-entropy to the prior (E12)",
        ),
    ],
)

# Along the curve of minima --------------------------------------------------------------------

beta, beta_0, s = (Symbol(name, positive=True) for name in ("beta", "beta_0", "s"))
J, D_of, R_of = (Function(name, real=True) for name in ("J", "D", "R"))

lagrangian_slope = Derivation(
    name="lagrangian_slope",
    title="Along the curve of minima, distortion falls by β for each nat of rate",
    left=r"\frac{\partial}{\partial \beta} \left(D(\beta) + \beta_0 R(\beta)\right)",
    definitions={
        R_of: Lambda(s, prime(J)(s)),
        D_of: Lambda(s, add(J(s), -times(s, R_of(s)))),
    },
    source="Alemi et al. 2018",
    steps=[
        Step(
            Gradient(add(D_of(beta), times(beta_0, R_of(beta))), beta),
            "$D(s)$ and $R(s)$ belong to the model that was trained with the weight $s$. If it is "
            "judged with the weight $\\beta$, it costs $D(s) + \\beta R(s)$, a straight line in "
            "$\\beta$. No such line is below $J(\\beta)$, the lowest cost, and this one touches it "
            "at $\\beta = s$. So it is the tangent there, where $J$ is smooth: its slope $R(s)$ "
            "is $J'(s)$, and its height gives $D(s)$. We judge with a fixed weight $\\beta_0$.",
        ),
        Step(
            Gradient(add(J(beta), -times(beta, R_of(beta)), times(beta_0, R_of(beta))), beta),
            "Put in what $D$ is.",
            proved,
        ),
        Step(
            add(
                prime(J)(beta),
                -R_of(beta),
                -times(beta, Gradient(R_of(beta), beta)),
                times(beta_0, Gradient(R_of(beta), beta)),
            ),
            "The derivative of a product has two terms.",
            proved,
        ),
        Step(
            times(add(beta_0, -beta), Gradient(R_of(beta), beta)),
            "The first two cancel. Without $\\beta_0$ this says $dD = -\\beta\\, dR$: the slope of "
            "the curve is $-\\beta$. With it, the cost is stationary at $\\beta = \\beta_0$: to do "
            "best at a weight, train with that weight. Which weight to want, it does not say.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            3,
            times(add(beta_0, -1 / beta), Gradient(R_of(beta), beta)),
            "the slope 1/β: the weight of the bottleneck's other convention (E10)",
        ),
        WrongForm(
            3,
            times(add(beta_0, -1), Gradient(R_of(beta), beta)),
            "a nat of rate said to buy a nat of distortion at every β (E09)",
        ),
        WrongForm(
            2,
            add(
                prime(J)(beta),
                -times(beta, Gradient(R_of(beta), beta)),
                times(beta_0, Gradient(R_of(beta), beta)),
            ),
            "only one term of the product's derivative",
        ),
    ],
)
