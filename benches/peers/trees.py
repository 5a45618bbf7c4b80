"""The trees that are moved: half of their bytes random, half lines of measurements that compress well."""

import os
import random
import sys

CHUNK = 1 << 20


def metrics(chance, size):
    lines, length = [], 0
    moment = 1_700_000_000
    while length < size:
        moment += chance.randrange(1, 20)
        line = (
            f"{moment},host-{chance.randrange(200):03},disk.{chance.choice(['read', 'write'])},"
            f"{chance.random() * 1000:.3f},{chance.randrange(1 << 20)}\n"
        )
        lines.append(line)
        length += len(line)
    return "".join(lines).encode()[:size]


def content(chance, number, size, sample):
    if number % 2:
        return chance.randbytes(size)
    at = chance.randrange(max(1, len(sample) - size)) if size < len(sample) else 0
    block = sample[at : at + size]
    while len(block) < size:
        block += sample[: size - len(block)]
    return block


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def big(top, chance, total=1 << 30, files=200, folders=10):
    sample = metrics(chance, 16 << 20)
    for number in range(files):
        folder = os.path.join(top, f"set-{number % folders:02}")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, f"segment-{number:04}.dat"), "wb") as file:
            left = total // files
            while left:
                size = min(CHUNK, left)
                file.write(content(chance, number, size, sample))
                left -= size


def small(top, chance, files=20_000, folders=1024):
    sample = metrics(chance, 4 << 20)
    for number in range(files):
        folder = os.path.join(top, f"{number % folders:04}")
        os.makedirs(folder, exist_ok=True)
        size = chance.randrange(5_000, 15_000)
        write(os.path.join(folder, f"object-{number:05}"), content(chance, number, size, sample))


def change(top, chance, share=0.05):
    """Replaces the content of a share of the files, each by a new file of the same name."""
    paths = sorted(os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names)
    changed = 0
    for path in chance.sample(paths, int(len(paths) * share)):
        size = os.path.getsize(path)
        write(path + ".new", chance.randbytes(size))
        os.rename(path + ".new", path)
        changed += size
    return changed


def size_of(top):
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(top) for name in names)


def generator():
    return random.Random(20)


if __name__ == "__main__":
    kind, top = sys.argv[1:]
    {"big": big, "small": small}[kind](top, generator())
