r"""The evidence lower bound, by Jensen and without, and the ways to write it.

$$ \log p_\theta(x) = \mathrm{ELBO}(x) + \mathrm{KL}(q_\phi(z \mid x) \,\|\, p_\theta(z \mid x)),
   \qquad \mathrm{ELBO}(x) = \mathbb E_{q_\phi(z \mid x)}\Big[\log
   \frac{p_\theta(x, z)}{q_\phi(z \mid x)}\Big] $$

Kingma & Welling 2014; 2019, section 2.
"""

from sympy import Integer, Lambda, Symbol, log

from vae_course.derivations.engine import (
    Derivation,
    Step,
    WrongForm,
    at_least,
    at_most,
    proved,
)
from vae_course.derivations.model import (
    EVIDENCE,
    JOINT,
    POSTERIOR,
    evidence,
    joint,
    likelihood,
    posterior,
    prior,
    q,
    x,
    z,
)
from vae_course.derivations.notation import KL, Excess, Expectation, SumOver, add, density, times

over_q = q(z, x)
elbo = density("elbo", "ELBO", real=True)
ELBO = {elbo: Lambda(x, Expectation(log(joint(x, z) / q(z, x)), q(z, x)))}
IS_POSTERIOR = {q: Lambda((z, x), posterior(z, x))}  # when a bound is an equality
jensen_gap = Expectation(Excess(posterior(z, x) / over_q), over_q)
log_ratio = log(joint(x, z) / over_q)

elbo_by_jensen = Derivation(
    name="elbo_by_jensen",
    title="The evidence lower bound, by Jensen's inequality",
    left=r"\log p_\theta(x)",
    definitions=JOINT | EVIDENCE | POSTERIOR,
    states={z: 3},
    source="Kingma & Welling 2014",
    steps=[
        Step(
            log(SumOver(joint(x, z), z)),
            "The evidence sums the joint over every latent that could explain $x$. For a "
            "continuous $z$ it is an integral.",
        ),
        Step(
            log(Expectation(joint(x, z) / over_q, over_q)),
            "Multiply and divide by any $q$ that is positive: the sum becomes an expectation.",
            proved,
        ),
        Step(
            Expectation(log_ratio, over_q),
            "Jensen: the logarithm is concave, so that the mean of the logarithm is at most the "
            "logarithm of the mean.",
            at_most(jensen_gap, IS_POSTERIOR),
        ),
        Step(
            add(Expectation(log(likelihood(x, z)), over_q), -KL(over_q, prior(z))),
            "The joint is $p_\\theta(x \\mid z)\\, p(z)$. The prior and $q$ make the KL term.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            2,
            Expectation(log_ratio, over_q),
            "the logarithm of a mean taken for the mean of the logarithm, with equality",
            proved,
        ),
        WrongForm(
            2,
            Expectation(log_ratio, over_q),
            "Jensen the wrong way round: an upper bound",
            at_least(jensen_gap, IS_POSTERIOR),
        ),
        WrongForm(
            2,
            Expectation(log_ratio, over_q),
            "said to be tight when q is the prior",
            at_most(jensen_gap, {q: Lambda((z, x), prior(z))}),
        ),
        WrongForm(2, Expectation(log(joint(x, z)), over_q), "the entropy of q is dropped"),
        WrongForm(
            3,
            add(Expectation(log(likelihood(x, z)), over_q), -KL(over_q, posterior(z, x))),
            "the KL term to the posterior in place of the prior",
        ),
        WrongForm(
            3,
            add(-Expectation(log(likelihood(x, z)), over_q), -KL(over_q, prior(z))),
            "the reconstruction term with the sign of a loss (E60)",
        ),
    ],
)

two_ratios = times(joint(x, z) / over_q, over_q / posterior(z, x))

elbo_without_jensen = Derivation(
    name="elbo_without_jensen",
    title="The evidence lower bound in six steps, without an inequality",
    left=r"\log p_\theta(x)",
    definitions=EVIDENCE | POSTERIOR | ELBO,
    states={z: 3},
    source="Kingma & Welling 2019",
    steps=[
        Step(log(evidence(x)), "What we want to know."),
        Step(
            times(log(evidence(x)), SumOver(over_q, z)),
            "Multiply by one: $q$ sums to one over $z$.",
            proved,
        ),
        Step(
            Expectation(log(evidence(x)), over_q),
            "Bring $\\log p_\\theta(x)$ into the sum. It may go there because it is constant in "
            "$z$. That $x$ and $z$ depend on each other does not matter.",
            proved,
        ),
        Step(
            Expectation(log(joint(x, z) / posterior(z, x)), over_q),
            "Bayes' rule: the evidence is the joint over the posterior, whichever $z$ is taken.",
            proved,
        ),
        Step(
            Expectation(log(two_ratios), over_q),
            "Multiply and divide by $q$.",
            proved,
        ),
        Step(
            add(
                Expectation(log_ratio, over_q),
                Expectation(log(over_q / posterior(z, x)), over_q),
            ),
            "The logarithm of a product is a sum, and so is its expectation.",
            proved,
        ),
        Step(
            add(elbo(x), KL(over_q, posterior(z, x))),
            "The first term can be computed. The second cannot, but it is never negative.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            3,
            Expectation(log(joint(x, z) / prior(z)), over_q),
            "x and z taken to be independent, so that the posterior is the prior (E98)",
        ),
        WrongForm(
            6,
            add(elbo(x), -KL(over_q, posterior(z, x))),
            "the gap subtracted: an upper bound",
        ),
        WrongForm(
            6,
            add(elbo(x), KL(posterior(z, x), over_q)),
            "the gap with its two densities exchanged (E63)",
        ),
        WrongForm(
            6,
            add(elbo(x), KL(over_q, prior(z))),
            "the gap to the prior in place of the posterior",
        ),
    ],
)

D, R = Symbol("D", real=True), Symbol("R", real=True)

elbo_three_forms = Derivation(
    name="elbo_three_forms",
    title="One bound, written in three ways",
    left=r"\mathrm{ELBO}(x)",
    definitions=JOINT
    | EVIDENCE
    | POSTERIOR
    | {
        D: -Expectation(log(likelihood(x, z)), over_q),
        R: KL(over_q, prior(z)),
    },
    states={z: 3},
    source="Kingma & Welling 2014",
    steps=[
        Step(Expectation(log_ratio, over_q), "The definition."),
        Step(
            add(Expectation(log(joint(x, z)), over_q), -Expectation(log(over_q), over_q)),
            "First form: how well $q$'s samples explain $x$ together with the prior, plus the "
            "entropy of $q$. The entropy keeps $q$ from shrinking to one point.",
            proved,
        ),
        Step(
            Expectation(add(log(likelihood(x, z)), log(prior(z)), -log(over_q)), over_q),
            "Three logarithms: of the decoder, of the prior, of the encoder. Each can be computed "
            "at a sample of $z$.",
            proved,
        ),
        Step(
            add(Expectation(log(likelihood(x, z)), over_q), -KL(over_q, prior(z))),
            "The last two make a KL divergence.",
            proved,
        ),
        Step(
            add(-D, -R),
            "Second form: minus the distortion, minus the rate. Both are costs.",
            proved,
        ),
        Step(
            add(log(evidence(x)), -KL(over_q, posterior(z, x))),
            "Third form: the joint is also $p_\\theta(z \\mid x)\\, p_\\theta(x)$. What is "
            "missing is the divergence of $q$ from the true posterior.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(1, Expectation(log(joint(x, z)), over_q), "the entropy of q is dropped"),
        WrongForm(4, add(D, -R), "a log-likelihood taken for a loss: the sign of D (E60)"),
        WrongForm(4, add(-D, R), "the rate rewarded in place of charged"),
        WrongForm(
            3,
            add(Expectation(log(likelihood(x, z)), prior(z)), -KL(over_q, prior(z))),
            "latents from the prior, not from the encoder",
        ),
        WrongForm(
            3,
            add(log(Expectation(likelihood(x, z), over_q)), -KL(over_q, prior(z))),
            "the logarithm of the mean likelihood",
        ),
        WrongForm(
            5,
            add(log(evidence(x)), -KL(over_q, prior(z))),
            "the prior in place of the posterior",
        ),
    ],
)

elbo_gap = Derivation(
    name="elbo_gap",
    title="The gap of the bound is a KL divergence",
    left=r"\text{gap}",
    definitions=EVIDENCE | POSTERIOR | ELBO,
    states={z: 3},
    source="Kingma & Welling 2019",
    steps=[
        Step(add(log(evidence(x)), -elbo(x)), "What the bound leaves out."),
        Step(
            add(log(evidence(x)), Expectation(log(over_q / joint(x, z)), over_q)),
            "Put in the definition. Minus the logarithm turns the ratio over.",
            proved,
        ),
        Step(
            Expectation(log(over_q / (joint(x, z) / evidence(x))), over_q),
            "$\\log p_\\theta(x)$ is constant in $z$, so that it may go inside.",
            proved,
        ),
        Step(
            KL(over_q, posterior(z, x)),
            "The joint over the evidence is the posterior.",
            proved,
        ),
        Step(
            Integer(0),
            "Gibbs' inequality. The gap closes when $q$ is the true posterior: that takes a "
            "family that contains it, and an encoder that finds it for this $x$.",
            at_most(jensen_gap, IS_POSTERIOR),
        ),
    ],
    wrong_forms=[
        WrongForm(
            3,
            KL(posterior(z, x), over_q),
            "the two densities exchanged (E63)",
        ),
        WrongForm(
            4,
            Integer(0),
            "said to close for any constant q, whatever the model (E46)",
            at_most(jensen_gap, {q: Lambda((z, x), 1 / Integer(3))}),
        ),
        WrongForm(
            2,
            Expectation(log(over_q / joint(x, z)), over_q),
            "the evidence is dropped",
        ),
    ],
)
