"""All derivations of the course."""

from vae_course.derivations import gaussian_kl
from vae_course.derivations.engine import Derivation

ALL = [
    gaussian_kl.kl_from_standard_normal,
    gaussian_kl.kl_diagonal,
    gaussian_kl.kl_between_gaussians,
]


def all() -> list[Derivation]:
    """Every derivation, in the order of the book."""
    return list(ALL)


def get(name: str) -> Derivation:
    """The derivation of that name; `ValueError` lists the names."""
    found = {derivation.name: derivation for derivation in ALL}
    if name not in found:
        raise ValueError(f"name is {name!r}, needs to be one of {', '.join(found)}")
    return found[name]
