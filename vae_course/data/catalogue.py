"""One call for every data set."""

import inspect

from vae_course.checks import require
from vae_course.data.dataset import Dataset

_SPLITS = ("train", "test")


def names() -> tuple[str, ...]:
    """The data sets that `load` knows."""
    return tuple(_loaders())


def load(name: str, split: str = "train", **options) -> Dataset:
    """Load a data set by name. `split` is "train" or "test".

    digits         scikit-learn's 1,797 real digits, 8×8. No options.
    glyphs         28×28 characters drawn from fonts, with known factors.
                   Options: count, seed, characters, fonts.
    sprites        32×32 or 64×64 shapes from a grid of five known, independent factors.
                   Options: size, count, seed.
    mnist          28×28 handwritten digits, 60,000 and 10,000 (LeCun et al. 1998).
    fashion_mnist  28×28 pictures of clothes, 60,000 and 10,000 (Xiao et al. 2017).
                   Options of both: folder, mirrors. Without a folder, the files are looked for
                   where VAE_COURSE_DATA points, then in the cache, then downloaded.

    Raises `ValueError` for an unknown name, split or option and for a file that is not what it
    should be, `ConnectionError` when no mirror gives the file. Never touches the global random
    state.
    """
    loaders = _loaders()
    require(name in loaders, f"unknown data set {name!r}; known are: {', '.join(loaders)}")
    require(split in _SPLITS, f"unknown split {split!r}; known are: {', '.join(_SPLITS)}")
    loader = loaders[name]()
    known = [option for option in inspect.signature(loader).parameters if option != "split"]
    for option in options:
        require(
            option in known,
            f"{name} has no option {option!r}; it takes: {', '.join(known) or 'none'}",
        )
    return loader(split, **options)


def _loaders() -> dict:
    """Name -> a function that imports the loader: scikit-learn and matplotlib only when needed."""

    def digits():
        from vae_course.data.digits import load_digits

        return load_digits

    def glyphs():
        from vae_course.data.glyphs import load_glyphs

        return load_glyphs

    def sprites():
        from vae_course.data.sprites import load_sprites

        return load_sprites

    def mnist():
        from vae_course.data.mnist import load_mnist

        return load_mnist

    def fashion_mnist():
        from vae_course.data.mnist import load_fashion_mnist

        return load_fashion_mnist

    return {
        "digits": digits,
        "glyphs": glyphs,
        "sprites": sprites,
        "mnist": mnist,
        "fashion_mnist": fashion_mnist,
    }
