"""Images to learn from: three data sets that need no network, and two that are downloaded.

`load("glyphs", count=10_000)` returns a `Dataset`: `.images`, `.labels`, `.factors`, `.source`.
"""

from vae_course.lazy import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "catalogue": ["load", "names"],
        "dataset": ["Dataset"],
        "binarisation": ["binarise", "fixed_binarise"],
        "toy_densities": ["ToyDensity", "toy"],
    },
)
