"""All exercises, and what a learner calls in a notebook: `check`, `hint`, `solution`."""

from html import escape

from vae_course.exercises import (
    bounds,
    change_of_variables,
    collapse,
    coupling,
    disentanglement,
    elbo,
    flow_images,
    flow_posteriors,
    gradients,
    rate_distortion,
    vae,
)
from vae_course.exercises.engine import Exercise
from vae_course.exercises.result import Note, Result

ALL = [
    vae.gaussian_kl,
    vae.reparameterised_sample,
    vae.bernoulli_elbo,
    vae.interpolation,
    elbo.kl_of_discrete,
    elbo.elbo_by_enumeration,
    elbo.gap,
    elbo.minibatch_elbo,
    elbo.em_step,
    gradients.log_q,
    gradients.pathwise_elbo,
    gradients.leave_one_out,
    gradients.straight_through,
    gradients.implicit_mixture,
    bounds.importance_estimate,
    bounds.effective_sample_size,
    bounds.dreg,
    bounds.annealed,
    bounds.leapfrog,
    rate_distortion.water_filling,
    rate_distortion.linear_rates,
    rate_distortion.information_bounds,
    rate_distortion.blahut_arimoto_step,
    rate_distortion.operating_point,
    disentanglement.log_aggregate,
    disentanglement.gaussian_total_correlation,
    disentanglement.permute_dims,
    disentanglement.mutual_information_gap,
    disentanglement.rotate,
    collapse.free_bits,
    collapse.effective_beta,
    collapse.capacity,
    collapse.controller,
    collapse.cyclical,
    change_of_variables.log_normal_density,
    change_of_variables.chain_log_prob,
    change_of_variables.planar_log_det,
    change_of_variables.affine_flow,
    coupling.made_mask,
    coupling.affine_coupling,
    coupling.iaf_log_prob,
    coupling.maf_sample,
    flow_images.squeeze,
    flow_images.one_by_one_log_det,
    flow_images.bits_per_dimension,
    flow_images.actnorm_parameters,
    flow_posteriors.flow_elbo,
    flow_posteriors.mixture_log_prob,
    flow_posteriors.gaps,
    flow_posteriors.vmf_kl,
]


def all() -> list[Exercise]:
    """Every exercise, in the order of the book."""
    return list(ALL)


def get(id: str) -> Exercise:
    """The exercise with that id; `ValueError` lists the ids."""
    found = {exercise.id: exercise for exercise in ALL}
    if id not in found:
        raise ValueError(f"id is {id!r}, needs to be one of {', '.join(found)}")
    return found[id]


def check(id: str, answer) -> Result:
    """Run an answer on the exercise's cases and say what is right or wrong. Never raises for it."""
    return get(id).check(answer)


def hint(id: str, n: int | None = None) -> Note:
    """Hint number n (from 1), or the next one that was not given yet."""
    exercise = get(id)
    total = len(exercise.hints)
    if n is None:
        n = min(exercise.hinted[0] + 1, total)
        exercise.hinted[0] = n
    if not 1 <= n <= total:
        raise ValueError(f"n is {n}, needs to be 1 to {total}: {id} has {total} hints")
    more = f'`solution("{id}")` is what is left.' if n == total else ""
    return Note(f"Hint {n} of {total}. {exercise.hints[n - 1]} {more}".strip())


def solution(id: str) -> Note:
    """The reference solution: folded in a notebook, plain in a terminal."""
    source = get(id).reference.strip()
    return Note(
        source,
        "<details><summary>Solution</summary>"
        f'<pre><code class="language-python">{escape(source)}</code></pre></details>',
    )
