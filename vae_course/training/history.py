"""What a training run recorded: columns of numbers, one row for each time it was logged."""


class History:
    """Columns by name: `history["loss"]` or `history.loss` is a list beside `history.step`.

    A column that starts late, or has no value in a row, holds `None` there. `fit` fills:

    - `step`: number of updates done; `seconds`: training time until then
    - `loss`, and the terms of the objective (`distortion`, `rate`, `elbo`), in nats, and
      `grad_norm` before clipping: means over the steps since the row before
    - `beta`: the weight at that step
    - `validation_distortion` and so on, where validation data were given
    - whatever the monitors return
    """

    def __init__(self, columns: dict[str, list] | None = None):
        self.columns = {name: list(values) for name, values in (columns or {}).items()}

    def append(self, **row) -> None:
        """Add one row."""
        length = len(self)
        for name in row:
            self.columns.setdefault(name, [None] * length)
        for name, values in self.columns.items():
            values.append(row.get(name))

    def to_dict(self) -> dict[str, list]:
        """The columns as plain lists, ready for JSON; `History.from_dict` reads them back."""
        return {name: list(values) for name, values in self.columns.items()}

    @classmethod
    def from_dict(cls, columns: dict[str, list]) -> "History":
        return cls(columns)

    @property
    def last(self) -> dict:
        """The last row, by name."""
        return {name: values[-1] for name, values in self.columns.items()}

    def __getitem__(self, name: str) -> list:
        if name not in self.columns:
            raise KeyError(f"history has no column {name!r}; it has {', '.join(self.columns)}")
        return self.columns[name]

    def __getattr__(self, name: str) -> list:
        columns = self.__dict__.get("columns", {})  # empty while an instance is being unpickled
        if name not in columns:
            raise AttributeError(f"history has no column {name!r}; it has {', '.join(columns)}")
        return columns[name]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def __repr__(self) -> str:
        return f"History({len(self)} rows of {', '.join(self.columns)})"
