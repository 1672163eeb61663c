r"""Layers that bring data to mean zero and variance one on their way to the noise.

$$ y_c = x_c\, e^{s_c} + t_c, \qquad \log|\det J| = (\text{positions}) \cdot \sum_c s_c $$

ActNorm chooses s and t from the first batch that it sees and learns them from there. BatchNorm
takes them from every batch.

Source: Kingma & Dhariwal 2018 (ActNorm); Dinh, Sohl-Dickstein & Bengio 2017 and Papamakarios,
Pavlakou & Murray 2017 (batch normalisation in a flow).
"""

import torch
from torch import Tensor, nn

from vae_course.checks import require, require_count
from vae_course.flows.transform import Transform


class ActNorm(Transform):
    """Scale and shift of each feature, or of each channel of an image (`event_dims=3`).

    The first call in training sets them so that what this call returns has mean 0 and variance 1,
    in either direction. The flag `initialised` lies on the device and is never read by the host.
    Later calls are an affine map, and a state that is loaded stays as it is.
    """

    def __init__(self, features: int, event_dims: int = 1):
        super().__init__()
        require_count("features", features)
        require(event_dims in (1, 3), f"event_dims is {event_dims!r}, needs 1 or 3")
        self.event_dims = event_dims
        shape = (features, 1, 1) if event_dims == 3 else (features,)
        self.log_scale = nn.Parameter(torch.zeros(shape))
        self.shift = nn.Parameter(torch.zeros(shape))
        self.register_buffer("initialised", torch.zeros((), dtype=torch.bool))
        # Whether a first call may still come. The host knows this much without asking the device.
        self.waiting = True

    def log_det(self, x: Tensor) -> Tensor:
        positions = x.shape[-1] * x.shape[-2] if self.event_dims == 3 else 1
        return (positions * self.log_scale.sum()).expand(x.shape[: -self.event_dims])

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if self.training and self.waiting:
            mean, log_std = self.moments(x)
            self.initialise(-log_std, -mean * torch.exp(-log_std))
        return torch.addcmul(self.shift, x, self.log_scale.exp()), self.log_det(x)

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if self.training and self.waiting:
            mean, log_std = self.moments(y)
            self.initialise(log_std, mean)
        return (y - self.shift) * torch.exp(-self.log_scale), -self.log_det(y)

    @torch.no_grad()
    def moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation of each feature; the smallest variance is 1e-6."""
        channel = x.dim() - self.event_dims
        others = [axis for axis in range(x.dim()) if axis != channel]
        variance, mean = torch.var_mean(x, others, correction=0)
        shape = self.shift.shape
        return mean.reshape(shape), 0.5 * variance.clamp_min(1e-6).log().reshape(shape)

    @torch.no_grad()
    def initialise(self, log_scale: Tensor, shift: Tensor) -> None:
        """Take these, unless the flag says that a state with its own has been loaded."""
        self.log_scale.copy_(torch.where(self.initialised, self.log_scale, log_scale))
        self.shift.copy_(torch.where(self.initialised, self.shift, shift))
        self.initialised.fill_(True)
        self.waiting = False

    def _load_from_state_dict(self, *args, **kwargs):
        super()._load_from_state_dict(*args, **kwargs)
        self.waiting = True  # the loaded flag decides, at the next call


class BatchNorm(Transform):
    r"""From data to noise: $x = (y - m) e^{\gamma} / \sqrt{v + \epsilon} + \beta$.

    In training m and v are the mean and the variance of the batch, and the log-determinant takes
    them as given; running averages follow. In evaluation m and v are those averages. The direction
    from noise to data always uses the averages: a sample has no batch of data to be compared with.
    """

    def __init__(self, features: int, momentum: float = 0.1, epsilon: float = 1e-5):
        super().__init__()
        require_count("features", features)
        require(0 < momentum <= 1, f"momentum is {momentum}, needs a number in (0, 1]")
        self.momentum, self.epsilon = momentum, epsilon
        self.gamma = nn.Parameter(torch.zeros(features))
        self.beta = nn.Parameter(torch.zeros(features))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("variance", torch.ones(features))

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        log_scale = 0.5 * (self.variance + self.epsilon).log() - self.gamma
        y = (x - self.beta) * log_scale.exp() + self.mean
        return y, log_scale.sum().expand(x.shape[:-1])

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        mean, variance = self.mean, self.variance
        if self.training:
            batch_axes = list(range(y.dim() - 1))
            variance, mean = torch.var_mean(y, batch_axes, correction=0)
            with torch.no_grad():
                self.mean.lerp_(mean, self.momentum)
                self.variance.lerp_(variance, self.momentum)
        log_scale = self.gamma - 0.5 * (variance + self.epsilon).log()
        x = (y - mean) * log_scale.exp() + self.beta
        return x, log_scale.sum().expand(y.shape[:-1])
