"""Training: one loop that can be read in one sitting, and what it needs."""

from vae_course.lazy import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "loop": ["evaluate", "fit"],
        "adversarial": ["fit_adversarial"],
        "family": ["evaluate_family", "fit_family"],
        "history": ["History"],
        "guard": ["NonFiniteLoss"],
        "schedules": ["cyclical", "linear", "sigmoid"],
        "checkpoint": ["load_checkpoint", "save_checkpoint"],
        "batches": ["Batches"],
    },
)
