"""Live widgets: in JupyterLab, VS Code and Colab, and on the published page without a kernel."""

from vae_course.lazy import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "at_work": ["VAEAtWork"],
        "base": ["CourseWidget", "enable", "export_network"],
        "beta_slider": ["BetaSlider"],
        "bound_tightness": ["BoundTightness"],
        "collapse_spectrum": ["CollapseSpectrum"],
        "flow_warp": ["FlowWarp"],
        "glow_sampler": ["GlowSampler"],
        "gradient_estimators": ["GradientEstimators"],
        "kl_directions": ["KLDirections"],
        "masked_network": ["MaskedNetwork"],
        "posterior_fit": ["PosteriorFit"],
        "posterior_flows": ["PosteriorFlows"],
        "traversal": ["LatentTraversal"],
        "traversal_pair": ["TraversalPair"],
    },
)
