"""Writes the figures into docs/performance.md, between two marks, and draws docs/peers.svg.

Rows that were not measured keep the table that they have; the plot is of what the tables say.
"""

import os
import re
import statistics
import subprocess

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs")
BEGIN, END = "<!-- peers: begin -->\n", "<!-- peers: end -->\n"
MIB = 1 << 20

TITLES = {
    "big": "First pull, 1 GiB in 200 files",
    "small": "First pull, 20,000 files of 5 to 15 kB",
    "second": "Second pull after 5 % of the files of the 1 GiB tree were replaced",
    "two": "First pull of the 1 GiB tree from one holder and from two",
    "link": "First pull, 256 MiB over a link with 20 ms round trip",
    "loss": "First pull, 16 MiB over a link with 20 ms round trip and 1 % loss",
    "huge": "First pull, 10 GiB in 400 files",
}


class Results:
    """All runs by row and contestant, in the order in which they were measured."""

    def __init__(self):
        self.rows, self.sizes = {}, {}

    def add(self, row, name, run):
        self.rows.setdefault(row, {}).setdefault(name, []).append(run)

    def sized(self, row, size):
        self.sizes[row] = size


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def ratio(first, runs):
    """The median of the ratios of each round: both ran next to each other."""
    return statistics.median(run["seconds"] / one["seconds"] for one, run in zip(first, runs))


def table(results, row):
    contestants, size = results.rows[row], results.sizes.get(row, 0)
    first = next(iter(contestants.values()))
    lines = [
        f"### {TITLES[row]}\n",
        "| | runs | seconds, median (least to most) | and on disk | MB/s | time against eos "
        "| processor, here + server | memory, here + server |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, runs in contestants.items():
        seconds = [run["seconds"] for run in runs]
        lines.append(
            f"| {name.replace('|', chr(92) + '|')} | {len(runs)} | {median(runs, 'seconds'):.2f} ({min(seconds):.2f} to {max(seconds):.2f}) "
            f"| {median(runs, 'synced'):.2f} | {size / 1e6 / median(runs, 'seconds'):.0f} "
            f"| {ratio(first, runs):.2f} "
            f"| {median(runs, 'client_cpu'):.2f} + {median(runs, 'server_cpu'):.2f} s "
            f"| {median(runs, 'client_bytes') / MIB:.0f} + {median(runs, 'server_bytes') / MIB:.0f} MiB |"
        )
    if row == "second":
        wire = statistics.median(run["received"] / run["changed"] for run in next(iter(contestants.values())))
        lines.append(f"\nBytes on the wire per changed byte: {wire:.3f}.")
    return "\n".join(lines) + "\n"


def speeds(table):
    """Of each contestant in a table, the MB of files per second."""
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in table.splitlines() if line.startswith("| ")]
    return {cells[0].strip().replace("\\|", "|"): cells[4].strip() for cells in rows[1:]}


def plot(tables):
    rows = {TITLES[row]: speeds(tables[TITLES[row]]) for row in ("big", "small", "link", "loss") if TITLES[row] in tables}
    if not rows:
        return
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    lines = [
        f'"{title.removeprefix("First pull, ")}" ' + " ".join(row.get(name, "0") for name in names)
        for title, row in rows.items()
    ]
    columns = ", ".join(
        f"$data using {number + 2}:xtic(1) title \"{name}\"" for number, name in enumerate(names)
    )
    script = (
        "set terminal svg size 1100,520 font 'sans,12' background 'white'\n"
        f"set output '{os.path.join(DOCS, 'peers.svg')}'\n"
        "set style data histograms\nset style fill solid 0.8\nset logscale y\nset yrange [1:*]\n"
        "set ylabel 'MB of files per second'\nset key outside right top\nset grid y\n"
        "$data << E\n" + "\n".join(lines) + "\nE\nplot " + columns + "\n"
    )
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def sections(text):
    """The tables of a text by their titles."""
    parts = [part.strip("\n") + "\n" for part in text.split("### ") if part.strip()]
    return {part.split("\n", 1)[0]: "### " + part for part in parts}


def write(results):
    path = os.path.join(DOCS, "performance.md")
    with open(path, encoding="utf-8") as file:
        before, rest = file.read().split(BEGIN)
    kept, after = rest.split(END)
    tables = sections(kept) | {TITLES[row]: table(results, row) for row in results.rows}
    print("\n".join(table(results, row) for row in TITLES if row in results.rows))
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + BEGIN + "\n".join(tables[title] for title in TITLES.values() if title in tables) + END + after)
    plot(tables)
