r"""The names in a latent-variable model, for identities that hold whatever the densities are.

They are checked for z with finitely many values, where an expectation is a sum and each
probability is a symbol: `definitions=MODEL, states={z: 2}`. The data x stay fixed.

$$ p_\theta(x, z) = p_\theta(x \mid z)\, p(z), \quad p_\theta(x) = \sum_z p_\theta(x, z), \quad
   p_\theta(z \mid x) = p_\theta(x, z) / p_\theta(x) $$
"""

from sympy import Lambda, Symbol

from vae_course.derivations.notation import SumOver, density

x, z = Symbol("x", real=True), Symbol("z", real=True)

q = density("q", "q_phi", given=True, over=z, total=1)  # q(z, x) prints as q_φ(z | x)
prior = density("prior", "p", over=z, total=1)  # p(z)
likelihood = density("likelihood", "p_theta", given=True)  # p_θ(x | z)
joint = density("joint", "p_theta")  # p_θ(x, z)
evidence = density("evidence", "p_theta")  # p_θ(x)
posterior = density("posterior", "p_theta", given=True)  # p_θ(z | x)

JOINT = {joint: Lambda((x, z), likelihood(x, z) * prior(z))}
EVIDENCE = {evidence: Lambda(x, SumOver(joint(x, z), z))}
POSTERIOR = {posterior: Lambda((z, x), joint(x, z) / evidence(x))}
MODEL = JOINT | EVIDENCE | POSTERIOR
