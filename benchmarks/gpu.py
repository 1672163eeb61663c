"""Step time, utilisation and likelihoods on a GPU, wherever one is at hand.

Two numbers say how well a step uses the device. `busy`: the share of the time in which some
kernel runs; below 1 the device waits for the host. `arithmetic`: the step's multiply-adds a second
over those of a large matrix product in the same precision, measured in the same run.

The likelihood is that of as many pictures as MNIST's test set has, with the 5,000 draws each that
papers report: 50 million passes through the decoder. Its time and the largest memory it held.

A family of sixteen small models should take at most 1.5 times as long as one in plain torch.
"""

from statistics import median
from time import perf_counter

import torch

from benchmarks import contenders as by
from vae_course.likelihood import importance_sampled_log_likelihood
from vae_course.networks import multiply_adds

BATCH_SIZES = (128, 256, 512, 1024, 2048, 4096, 8192)


def gpu_results() -> dict | str:
    """What there is to measure, or a sentence where there is no GPU."""
    if not torch.cuda.is_available():
        return "no CUDA device on this machine: not measured"
    return {
        "training step": step_results(),
        "importance-sampled NLL": likelihood_results(),
        "family of 16": family_results(),
    }


def step_results(steps: int = 200) -> list[dict]:
    """One row for each batch size."""
    images = by.bits(16_384).cuda()
    peak = _matrix_product_rate()
    rows = []
    for batch_size in BATCH_SIZES:
        run = by.course_steps(images, batch_size, steps, device="cuda")
        run()
        seconds = _timed(run) / steps
        work = 3 * _forward_work() * batch_size  # the backward pass costs two forward passes
        rows.append(
            {
                "batch_size": batch_size,
                "milliseconds": round(seconds * 1e3, 4),
                "images_per_second": round(batch_size / seconds),
                "busy": round(_kernel_seconds(run) / steps / seconds, 3),
                "arithmetic": round(work / seconds / peak, 4),
            }
        )
    return rows


def likelihood_results(count: int = 10_000, samples: int = 5000) -> dict:
    """-log p of `count` pictures by importance sampling, 1,000 of them with 100 draws at a time."""
    model, images = by.course_model("cuda"), by.bits(count).cuda()

    def run(points):
        importance_sampled_log_likelihood(model, points, samples, chunk=100, batch_size=1000)

    run(images[:1000])
    torch.cuda.reset_peak_memory_stats()
    seconds = _timed(lambda: run(images))
    return {
        "images": count,
        "samples": samples,
        "seconds": round(seconds, 2),
        "peak_gibibytes": round(torch.cuda.max_memory_allocated() / 2**30, 3),
    }


def family_results(members: int = 16, steps: int = 200, rounds: int = 11) -> dict:
    """A step of sixteen models on digits, and of one in plain torch: they take turns."""
    images = by.digits().cuda()
    runs = {
        "vae_course": by.course_family_steps(images, 128, steps, members, device="cuda"),
        "plain torch": by.torch_digits_steps(images, 128, steps, device="cuda"),
    }
    for run in runs.values():
        run()
    turns = [{name: _timed(run) / steps * 1e3 for name, run in runs.items()} for _ in range(rounds)]
    milliseconds = {name: round(median(turn[name] for turn in turns), 4) for name in runs}
    ratio = median(turn["vae_course"] / turn["plain torch"] for turn in turns)
    return {"milliseconds": milliseconds, "of_plain_torch": round(ratio, 3), "target": 1.5}


def _timed(run) -> float:
    torch.cuda.synchronize()
    start = perf_counter()
    run()
    torch.cuda.synchronize()
    return perf_counter() - start


def _kernel_seconds(run) -> float:
    """Time in which kernels ran, by torch's profiler."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as profiled:
        run()
        torch.cuda.synchronize()
    return sum(event.self_device_time_total for event in profiled.key_averages()) / 1e6


def _forward_work() -> int:
    """Multiply-adds of encoder and decoder for one image."""
    model = by.course_model()
    code = torch.zeros(1, by.LATENT)
    encoder = multiply_adds(model.encoder, torch.zeros(1, 1, 28, 28))
    return encoder + multiply_adds(model.decoder, code)


def _matrix_product_rate(size: int = 8192, repeats: int = 20) -> float:
    """Multiply-adds a second of a large float32 matrix product, at torch's current setting."""
    a = torch.randn(size, size, device="cuda")

    def products():
        for _ in range(repeats):
            a @ a

    products()
    return repeats * size**3 / _timed(products)
