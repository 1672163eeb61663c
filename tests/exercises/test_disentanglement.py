"""The reference solutions of the exercises on disentanglement, against exact answers."""

from math import log

import torch
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from vae_course import exercises
from vae_course.metrics import factor_information
from vae_course.metrics import mutual_information_gap as package_gap
from vae_course.objectives import log_aggregate as package_log_aggregate


def reference(id):
    return exercises.get(id).solution


def doubles(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_log_aggregate_is_the_mixture_over_all_data_divided_by_their_number():
    """A batch of all N examples: the sum is N q(z) exactly, and the estimate is q(z) / N."""
    mean, scale = doubles(7, 3), doubles(7, 3, seed=1).exp()
    z = doubles(7, 3, seed=2)
    log_q = Normal(mean, scale).log_prob(z[:, None])
    mixture = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(logits=torch.zeros(7, dtype=torch.float64)),
        torch.distributions.Independent(Normal(mean, scale), 1),
    )
    found = reference("disentanglement.log_aggregate")(log_q, 7)
    torch.testing.assert_close(found, mixture.log_prob(z) - log(7))


def test_log_aggregate_is_exact_up_to_the_batch_size_where_posteriors_do_not_overlap():
    """q(z) = q(z|x_i) / N there; the batch's own term alone counts, with 1/(N B)."""
    mean = 100 * torch.arange(5, dtype=torch.float64)[:, None]
    log_q = Normal(mean, 1.0).log_prob(mean[:, None])
    found = reference("disentanglement.log_aggregate")(log_q, 1000)
    truth = Normal(mean, 1.0).log_prob(mean)[:, 0] - log(1000)
    torch.testing.assert_close(found, truth - log(5))


def test_log_aggregate_is_the_packages():
    log_q = 3 * doubles(8, 8, 4)
    found = reference("disentanglement.log_aggregate")(log_q, 500)
    torch.testing.assert_close(found, package_log_aggregate(log_q.sum(-1), 500, "weighted"))


def test_gaussian_total_correlation_is_torchs_divergence():
    factor = doubles(4, 5, 5)
    covariance = factor @ factor.mT + 0.1 * torch.eye(5, dtype=torch.float64)
    zero = torch.zeros(4, 5, dtype=torch.float64)
    product = torch.diag_embed(covariance.diagonal(dim1=-2, dim2=-1))
    joint, apart = MultivariateNormal(zero, covariance), MultivariateNormal(zero, product)
    found = reference("disentanglement.gaussian_total_correlation")(covariance)
    torch.testing.assert_close(found, kl_divergence(joint, apart))


def test_permuted_latents_keep_their_columns_and_lose_their_correlation():
    z = doubles(4000, 1).repeat(1, 3) + 0.1 * doubles(4000, 3, seed=1)
    generator = torch.Generator().manual_seed(2)
    orders = torch.stack([torch.randperm(4000, generator=generator) for _ in range(3)], 1)
    found = reference("disentanglement.permute_dims")(z, orders)
    torch.testing.assert_close(found.sort(0).values, z.sort(0).values)
    assert all(found[i, k] == z[orders[i, k], k] for i in range(5) for k in range(3))
    assert z.T.corrcoef()[0, 1] > 0.98
    assert found.T.corrcoef().triu(1).abs().max() < 0.1


def test_mutual_information_gap_does_not_see_a_latent_that_knows_two_factors():
    """Two factors of four values, known to one latent each, or both to one: the score is the same.

    The information is counted from all pairs of values, not written down.
    """
    values = torch.cartesian_prod(torch.arange(4), torch.arange(4))
    noise = torch.zeros(16, dtype=torch.long)
    both = 4 * values[:, 0] + values[:, 1]
    entropies = torch.full((2,), log(4), dtype=torch.float64)
    for codes in ([values[:, 0], values[:, 1], noise], [both, noise, noise]):
        table = torch.stack([torch.stack([information(c, f) for f in values.T]) for c in codes])
        score = reference("disentanglement.mutual_information_gap")(table, entropies)
        assert abs(float(score) - 1.0) < 1e-12


def test_mutual_information_gap_is_the_packages():
    factors = torch.randint(4, (500, 3), generator=torch.Generator().manual_seed(1))
    factors[:4] = torch.arange(4)[:, None]  # all values are there
    codes = factors[:, [0, 1, 1]].double() + 0.3 * doubles(500, 3)
    entropies = torch.stack([information(column, column) for column in factors.T])
    table = factor_information(codes, factors)
    found = reference("disentanglement.mutual_information_gap")(table, entropies)
    assert abs(float(found) - package_gap(codes, factors)) < 1e-9


def information(code, factor):
    """Mutual information of two integer variables, counted."""
    joint = torch.zeros(int(code.max()) + 1, int(factor.max()) + 1, dtype=torch.float64)
    joint.index_put_((code, factor), torch.ones(len(code), dtype=torch.float64), accumulate=True)
    joint /= joint.sum()
    independent = joint.sum(1, keepdim=True) * joint.sum(0)
    return torch.xlogy(joint, joint / independent.clamp(min=1e-300)).sum()


def test_the_turned_model_has_the_same_evidence_rate_and_distortion():
    weight, mean, factor = doubles(6, 3), doubles(3, seed=1), doubles(3, 3, seed=2)
    covariance = factor @ factor.mT + 0.1 * torch.eye(3, dtype=torch.float64)
    rotation = torch.linalg.qr(doubles(3, 3, seed=3)).Q
    x, prior = doubles(6, seed=4), MultivariateNormal(mean.new_zeros(3), torch.eye(3).double())

    def facts(weight, mean, covariance):
        """log p(x), rate and distortion of the linear model with noise of variance 1, exactly."""
        evidence = MultivariateNormal(x.new_zeros(6), weight @ weight.T + torch.eye(6).double())
        spread = (weight @ covariance @ weight.T).trace()
        distortion = 0.5 * ((x - weight @ mean).square().sum() + spread) + 3 * log(2 * torch.pi)
        rate = kl_divergence(MultivariateNormal(mean, covariance), prior)
        return torch.stack([evidence.log_prob(x), rate, distortion])

    twin = reference("disentanglement.rotate")(weight, mean, covariance, rotation)
    torch.testing.assert_close(facts(twin[:6], twin[6], twin[7:]), facts(weight, mean, covariance))
    assert not torch.allclose(twin[:6], weight)
