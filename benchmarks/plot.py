"""Draws the results of benchmarks/engine.py: `python benchmarks/plot.py FIGURES.json docs/performance.png`."""

import json
import math
import statistics
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

SPEEDS = {
    "1 stream": "tokens/s, 1 streams",
    "4 streams": "tokens/s, 4 streams",
    "16 streams": "tokens/s, 16 streams",
    "16 streams of\n1,500 tokens": "tokens/s, 16 streams of 1,500 tokens",
}
TURN = "first token ms, turn {}"
COLOURS = ("#d1242f", "#6e7781", "#0969da", "#9a6700")


def main() -> None:
    """Draw."""
    figures, picture = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2])
    plot, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), constrained_layout=True)
    width = 0.8 / len(figures)
    shown = {label: name for label, name in SPEEDS.items() if any(name in found for found in figures.values())}
    for number, (server, found) in enumerate(figures.items()):
        speeds = [statistics.median(found[name]) if name in found else math.nan for name in shown.values()]
        places = [place + (number - (len(figures) - 1) / 2) * width for place in range(len(speeds))]
        bars = left.bar(places, speeds, width, label=server, color=COLOURS[number % len(COLOURS)])
        left.bar_label(bars, fmt="%.0f", fontsize=7)
        turns = [turn for turn in range(1, 100) if TURN.format(turn) in found]
        firsts = [statistics.median(found[TURN.format(turn)]) for turn in turns]
        right.plot(turns, firsts, marker="o", label=server, color=COLOURS[number % len(COLOURS)])
    left.set_xticks(range(len(shown)), list(shown))
    left.set_title("Tokens per second, all streams together")
    right.set_title("Time to the first token of each turn, ms")
    right.set_xlabel("turn of a growing conversation")
    right.set_yscale("log")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    plot.savefig(picture, dpi=110)


if __name__ == "__main__":
    main()
