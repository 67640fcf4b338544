"""plot.py FOLDER - the pictures of FOLDER/results.json: time and memory against the table's size and the history's length, both axes logarithmic."""
import json
import os
import statistics
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "rewind", "svg.fonttype": "none", "font.size": 10, "axes.grid": True, "grid.alpha": 0.3})
import matplotlib.pyplot as plt

folder = sys.argv[1]
outcomes = {o["key"]: o for o in json.load(open(os.path.join(folder, "results.json")))["outcomes"]}


def lines(stage, along, of):
    """Of a stage's groups that have a place along the axis: contestant -> [(place, lowest, median, highest)]."""
    found = {}
    for group in outcomes.get(stage, {"groups": []})["groups"] or []:
        if not group.get(along):
            continue
        for series in group["series"]:
            values = [r[of] for r in series["rounds"] or []]
            if values and (stage != "diff" or "1.2 %" in group["title"]):
                found.setdefault(series["name"], []).append((group[along], min(values), statistics.median(values), max(values)))
    return found


def draw(name, stage, along, of, x, y):
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for contestant, points in lines(stage, along, of).items():
        points.sort()
        places = [p[0] for p in points]
        own = contestant == "rewind"
        (line,) = axes.plot(places, [p[2] for p in points], marker="o", label=contestant, linewidth=2.5 if own else 1.2, color="#c1272d" if own else None)
        axes.fill_between(places, [p[1] for p in points], [p[3] for p in points], alpha=0.15, color=line.get_color())
    axes.set(xscale="log", yscale="log", xlabel=x, ylabel=y)
    if of == "peak_mib":
        axes.set_ylim(bottom=10, top=max(100, axes.get_ylim()[1]))
    if axes.lines:
        axes.legend(frameon=False)
    figure.savefig(os.path.join(folder, name + ".svg"), metadata={"Date": None})
    plt.close(figure)


for stage, along, x in (("diff", "rows", "rows"), ("restore", "rows", "rows"), ("fold", "length", "snapshots")):
    draw(stage + "-time", stage, along, "wall_s", x, "seconds")
    draw(stage + "-memory", stage, along, "peak_mib", x, "peak memory, MiB")
