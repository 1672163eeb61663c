"""Normalising flows: invertible maps with known Jacobians, and the densities they make.

A transform maps noise to data by `forward` and data to noise by `inverse`. A `Flow` is a base and
a list of transforms, and gives a `torch.distributions.Distribution`.
"""

from vae_course.lazy import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "transform": ["Transform", "Inverse", "Composition"],
        "flow": ["Flow", "FlowDistribution"],
        "linear": ["ElementwiseAffine", "Permutation", "LULinear"],
        "normalisation": ["ActNorm", "BatchNorm"],
        "planar_radial": ["Planar", "Radial"],
        "planar_stack": ["PlanarLayers", "PlanarStack"],
        "elementwise": ["Additive", "Affine", "RationalQuadraticSpline"],
        "masks": ["degrees", "autoregressive_masks", "check_autoregressive", "dependence"],
        "made": ["MADE"],
        "autoregressive": ["Autoregressive"],
        "coupling": ["Coupling"],
        "constructors": ["MAF", "IAF", "RealNVP", "PlanarFlow", "NeuralSplineFlow"],
        "reshaping": ["Squeeze", "Flatten"],
        "convolution": ["InvertibleConv1x1"],
        "image_coupling": ["ImageCoupling", "checkerboard", "channel_half"],
        "multiscale": ["MultiScale", "FactorOut"],
        "glow_constructors": ["Glow", "MultiscaleRealNVP"],
        "dequantisation": [
            "Logit",
            "bits_per_dimension",
            "dequantise",
            "dequantised_log_likelihood",
            "quantise",
        ],
        "variational_dequantisation": ["DequantisedFlow", "LogitLogistic", "VariationalNoise"],
    },
)
