"""Turns the figures of gateway.sh into the Markdown tables of the README: medians of the rounds, and how far they spread."""

import statistics
import sys
from collections import defaultdict
from pathlib import Path

NAMES = {
    "direct": "upstream, direct",
    "nginx": "nginx, plain proxy",
    "portkey": "Portkey",
    "litellm": "LiteLLM, 1 worker",
    "ours-miss": "**dsline**, miss",
    "ours-near": "**dsline**, hit in process",
    "ours-redis": "**dsline**, hit from Redis",
    "ours-merged": "**dsline**, merged",
}


def read(file):
    """Contender, measure and round to value; the two direct measurements of a round are one contender's."""
    figures = defaultdict(lambda: defaultdict(dict))
    for line in Path(file).read_text().splitlines():
        round_, name, measure, value = line.split("\t")
        figures[name][measure][float(round_)] = float(value)
    return figures


def number(value):
    if abs(value) >= 10_000:
        return f"{value / 1000:.1f}k"
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.1f}"


def told(values):
    """The median, and the extremes if there are several."""
    values = list(values)
    if not values:
        return "–"
    middle = number(statistics.median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({number(min(values))}–{number(max(values))})"


def added(figures, name, measure):
    """What a contender adds to the direct answer of its own round (the mean of before and after), per round."""
    direct = figures["direct"][measure]
    for round_, value in figures[name][measure].items():
        base = [direct[at] for at in (round_, round_ + 0.5) if at in direct]
        if base:
            yield value - statistics.mean(base)


def row(*cells):
    print("| " + " | ".join(cells) + " |")


def speeds(figures, names):
    row("contender", "requests/s, 16 conn.", "requests/s, 256 conn.", "× nginx (16 / 256)", "CPU µs per request", "upstream calls per request", "not 200")
    row(*["---"] * 7)
    for name in names:
        of = figures[name]
        ratios = []
        for measure in ("rps_16", "rps_256"):
            both = set(of[measure]) & set(figures["nginx"][measure])
            ratios.append(statistics.median(of[measure][at] / figures["nginx"][measure][at] for at in both) if both else None)
        bad = sum(sum(of[measure].values()) for measure in ("bad_16", "bad_256", "bad"))
        row(
            NAMES[name],
            told(of["rps_16"].values()),
            told(of["rps_256"].values()),
            " / ".join("–" if ratio is None else f"{ratio:.2f}" for ratio in ratios),
            told(of["cpu_16"].values()),
            f"{statistics.median(of['asked_16'].values()):.3f}" if of["asked_16"] else "–",
            f"{bad:.0f}",
        )


def waits(figures, names):
    row("contender", "at requests/s", "p50 µs", "p99 µs", "added p50 µs", "added p99 µs", "first token p50 µs", "added to it µs")
    row(*["---"] * 8)
    for name in names:
        of = figures[name]
        row(
            NAMES[name],
            told(of["rate"].values()),
            told(of["p50"].values()),
            told(of["p99"].values()),
            "0" if name == "direct" else told(added(figures, name, "p50")),
            "0" if name == "direct" else told(added(figures, name, "p99")),
            told(of["first_p50"].values()),
            "0" if name == "direct" else told(added(figures, name, "first_p50")),
        )


def weights(figures, names):
    row("contender", "MB idle", "MB with open streams", "streams open")
    row(*["---"] * 4)
    for name in names:
        of = figures[name]
        if of["rss_idle"] and name != "direct":
            idle = [kb / 1024 for kb in of["rss_idle"].values()]
            full = [kb / 1024 for kb in of["rss_streams"].values()]
            row(NAMES[name], told(idle), told(full), told(of["streams"].values()))


def main(file):
    figures = read(file)
    names = [name for name in NAMES if figures[name]["rps_16"]]
    for table in (speeds, waits, weights):
        table(figures, names)
        print()
    loads = [load for name in names for load in figures[name]["load1"].values()]
    print(f"Load average while measuring: {min(loads):.1f}–{max(loads):.1f}. Rounds: {len(figures['direct']['rps_16']) // 2}.")
    for size in figures["ours-miss"]["binary"].values():
        print(f"The gateway's binary: {size / 1024 / 1024:.1f} MiB.")


if __name__ == "__main__":
    main(sys.argv[1])
