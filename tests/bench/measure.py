"""How a row is measured and told."""
import dataclasses
import os
import statistics
import subprocess
import time


@dataclasses.dataclass
class Row:
    work: str
    ours: str
    against: str
    ratio: str
    goal: str
    reached: bool


def timed(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def in_turn(actions, runs):
    """Medians of each action, run one after the other so that a drift of the machine hits all alike."""
    samples = [[] for _ in actions]
    for _ in range(runs):
        for place, action in enumerate(actions):
            samples[place].append(timed(action))
    return [statistics.median(each) for each in samples]


def seconds(value):
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.2f} s"


def shell(command):
    return lambda: subprocess.run(["sh", "-c", command], check=True, stdout=subprocess.DEVNULL)


def faster(work, ours, others, factor):
    """others: {name: seconds}; kiln must be `factor` times faster than the fastest."""
    name, best = min(others.items(), key=lambda item: item[1])
    told = ", ".join(f"{peer} {seconds(value)}" for peer, value in others.items())
    return Row(work, seconds(ours), told, f"{best / ours:.1f}x", f"{factor:g} times {name}", best / ours >= factor)


def at_most(work, ours, name, other, factor):
    return Row(work, seconds(ours), f"{name} {seconds(other)}", f"{ours / other:.2f}", f"at most {factor:g}", ours / other <= factor)


def at_least_speed(work, ours, name, other, share):
    return Row(work, seconds(ours), f"{name} {seconds(other)}", f"{other / ours:.2f}", f"at least {share:g} of its speed", other / ours >= share)


def settle():
    """What was written before is no longer on its way to the disk while something else is measured."""
    os.sync()
    time.sleep(0.2)


def settled(action):
    """Timed, after that."""
    settle()
    return timed(action)
