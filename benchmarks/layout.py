"""The scan in several memory layouts: forward and backward of one convolution, B=128, L=500, 12
filters, both strands.

    python benchmarks/layout.py            # one thread, processor time: other programs do not count
    python benchmarks/layout.py --device cuda

All forms give the same activations. Each round runs every form once; medians, and each against the
library's form.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time

import torch
import torch.nn.functional as tf

B, L, C, W = 128, 500, 24, 12


def plain(x, filters):
    """The library's: conv1d over (B, 4, L)."""
    return tf.conv1d(x, filters)


def channels_last(x, filters):
    """conv2d over (B, 4, 1, L) with bases innermost."""
    image = x[:, :, None].contiguous(memory_format=torch.channels_last)
    return tf.conv2d(image, filters[:, :, None].contiguous(memory_format=torch.channels_last))[
        :, :, 0
    ]


def blocked(x, filters):
    """Windows laid out as a (B, T, 4W) matrix, one matrix product."""
    windows = x.unfold(2, W, 1).permute(0, 2, 1, 3).reshape(len(x), -1, 4 * W)
    return (windows @ filters.flatten(1).T).mT


def gathered(x, filters):
    """No product at all: each base picks a column of each filter, W sums of (B, T, C)."""
    codes, starts = x.argmax(1), x.shape[2] - W + 1
    return sum(filters[:, :, w].T[codes[:, w : w + starts]] for w in range(W)).mT


def main() -> None:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--rounds", type=int, default=15)
    ask.add_argument("--threads", type=int, default=1)
    ask.add_argument("--device", default="cpu")
    a = ask.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    x = tf.one_hot(torch.randint(4, (B, L)), 4).mT.float().contiguous().to(a.device)
    filters = torch.randn(C, 4, W, device=a.device, requires_grad=True)
    forms, times = (plain, channels_last, blocked, gathered), {}
    for form in forms:
        torch.testing.assert_close(form(x, filters), plain(x, filters), atol=1e-3, rtol=1e-4)
    clock = time.process_time if a.device == "cpu" else time.perf_counter
    for _ in range(a.rounds + 1):
        for form in forms:
            began = clock()
            form(x, filters).square().mean().backward()
            if x.is_cuda:
                torch.cuda.synchronize()
            times.setdefault(form.__name__, []).append(clock() - began)
    first = statistics.median(times["plain"][1:])
    for name, values in times.items():
        value = statistics.median(values[1:])
        print(f"{name:14} {1000 * value:8.2f} ms   {value / first:5.2f}x the library's")
    where = (
        torch.cuda.get_device_name()
        if a.device == "cuda"
        else f"{platform.machine()}, {a.threads} threads"
    )
    print(
        f"{where}; Python {platform.python_version()}, torch {torch.__version__}; median of "
        f"{a.rounds} rounds"
    )


if __name__ == "__main__":
    main()
