"""The progress bar, in a terminal and in a notebook."""

from contextlib import contextmanager


class Silent:
    """What `progress=False` gives: nothing is printed."""

    def update(self) -> None:
        pass

    def show(self, entry: dict) -> None:
        pass


class Bar:
    """Steps done, and the numbers that were logged last."""

    def __init__(self, bar):
        self.bar = bar
        self.update = bar.update

    def show(self, entry: dict) -> None:
        shown = {"loss": "loss", "D": "distortion", "R": "rate"}
        numbers = {label: entry[name] for label, name in shown.items() if name in entry}
        self.bar.set_postfix({label: f"{value:.2f}" for label, value in numbers.items()})


@contextmanager
def progress_bar(shown: bool, start: int, steps: int):
    """`update()` after each step; `show(entry)` when numbers are logged."""
    if not shown:
        yield Silent()
        return
    from tqdm.auto import tqdm

    with tqdm(total=steps, initial=start, unit="step", dynamic_ncols=True) as bar:
        yield Bar(bar)
