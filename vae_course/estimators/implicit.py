r"""Implicit reparameterisation: the derivative of a sample, without a formula for the sample.

Suppose that z was drawn from q_φ somehow, and F(z; φ) is its distribution function. Move φ a little
and let z follow, so that it keeps its rank: F(z(φ); φ) = u does not change. Differentiate that:

$$ \frac{\partial F}{\partial z} \frac{\partial z}{\partial \phi}
   + \frac{\partial F}{\partial \phi} = 0
   \quad\Longrightarrow\quad
   \frac{\partial z}{\partial \phi}
   = - \frac{\partial F(z; \phi) / \partial \phi}{q_\phi(z)} $$

F has to be differentiated, never inverted.

Source: Figurnov, Mohamed & Mnih 2018, "Implicit Reparameterization Gradients".
"""

from torch import Tensor


def implicit_sample(z: Tensor, cdf: Tensor, density: Tensor) -> Tensor:
    """z with the gradient -(∂F/∂φ)/q(z), for a univariate z: three tensors of one shape.

    `z`: draws, detached. `cdf`: F(z; φ), which autograd can differentiate in φ. `density`: q(z).
    First derivatives only: the gradient of this gradient is not that of the sample.
    """
    return z - (cdf - cdf.detach()) / density.detach()
