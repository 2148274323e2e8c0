"""What every figure must do."""

from __future__ import annotations

import matplotlib.pyplot as plt


def draws_and_leaves_settings_alone(draw) -> None:
    """`draw()` gives a figure that renders, and the reader's matplotlib settings are as before."""
    plt.get_backend()  # chosen late otherwise, and that is a setting too
    before = plt.rcParams.copy()
    figure = draw()
    figure.canvas.draw()
    assert figure.axes and dict(plt.rcParams) == dict(before)
    plt.close("all")
