"""Reads the event files of a run's folder with TensorBoard's own reader: see README.md.

    python3 events.py FOLDER

A line for each curve: its points as steps and values. Points that a killed process left and that a later one redid are
the reader's to drop.
"""

import sys

import tensorboard
from tensorboard.backend.event_processing import event_accumulator


def main(folder):
    print(f"tensorboard {tensorboard.__version__}")
    reader = event_accumulator.EventAccumulator(folder)
    reader.Reload()
    for tag in sorted(reader.Tags()["scalars"]):
        points = [f"{event.step}: {event.value:.5g}" for event in reader.Scalars(tag)]
        # Speeds differ from run to run.
        print(f"{tag:24}", f"{len(points)} points" if tag.startswith("speed/") else ", ".join(points))


main(*sys.argv[1:])
