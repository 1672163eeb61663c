"""The recipe of PosteriorFlows: its layers are those of Planar, and more of them are no worse."""

import torch

from recipes.posterior_flows import elbo, first_values, grid, layers_of, rounded, train, transform
from vae_course.flows import Planar
from vae_course.random import seeded
from vae_course.widgets.posterior_flows import posterior_model


def test_layers_are_those_of_planar():
    with seeded(0):
        p = first_values(layers=3, starts=4, before=None)
    w, u, b = layers_of(p)
    for k in range(3):
        layer = Planar(2)
        with torch.no_grad():
            for parameter, values in ((layer.w, p["w"]), (layer.u, p["u"]), (layer.b, p["b"])):
                parameter.copy_(values[1, k])
            moved = layer.parameters_at()
        for ours, theirs in zip((w, u, b), moved, strict=False):
            torch.testing.assert_close(ours[1, k], theirs)


def test_log_det_is_that_of_autograd():
    with seeded(1):
        p = first_values(layers=4, starts=2, before=None)
        p = {name: value.double() for name, value in p.items()}
        epsilon = torch.randn(5, 2, dtype=torch.float64)
    _, log_det = transform(p, epsilon)
    for i, one in enumerate(epsilon):
        jacobian = torch.autograd.functional.jacobian(lambda e: transform(p, e[None])[0][:, 0], one)
        torch.testing.assert_close(log_det[:, i], torch.linalg.slogdet(jacobian)[1])


def test_new_layers_do_nothing_at_first_and_training_raises_the_elbo():
    model, x = posterior_model("banana")
    points, weights = grid(0.2, 6.0, x)
    with seeded(2):
        p = {name: value.double() for name, value in first_values(2, 3, None).items()}
        before = {name: value[1] for name, value in p.items()}
        more = first_values(4, 3, {name: value.float() for name, value in before.items()})
        more = {name: value.double() for name, value in more.items()}
    start = elbo(more, model, x, points, weights)
    torch.testing.assert_close(
        start[-1], elbo(p, model, x, points, weights)[1], atol=1e-5, rtol=1e-5
    )
    with seeded(3):
        trained = train(model, x, more, steps=30)
    assert (elbo(trained, model, x, points, weights) > start).all()
    kept = rounded(trained, 3)
    assert len(kept["layers"]) == 4 and all(len(layer) == 5 for layer in kept["layers"])
