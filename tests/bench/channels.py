"""A channel as large as the large ones: families of builds that fit each other, and hundreds of thousands of others."""
import hashlib
import json
import os
import random


def record(name, version, build, number, depends):
    dist = f"{name}-{version}-{build}"
    return f"{dist}.conda", {
        "build": build, "build_number": number, "depends": depends, "license": "BSD-3-Clause",
        "md5": hashlib.md5(dist.encode()).hexdigest(), "name": name, "sha256": hashlib.sha256(dist.encode()).hexdigest(),
        "size": 10_000 + number, "subdir": "linux-64", "timestamp": 1_600_000_000_000 + number, "version": version}


def pythons():
    return [(3, minor) for minor in range(8, 14)]


def science(records):
    """python, numpy, pandas, scikit-learn and what they stand on: for each python, as real channels have them."""
    for name in ("libgcc", "libstdcxx", "libzlib", "openssl", "ncurses", "readline", "tk", "xz", "bzip2", "libffi",
                 "libsqlite", "libopenblas", "libblas", "liblapack", "tzdata", "six", "pytz", "joblib", "threadpoolctl"):
        for number in range(60):
            records.append(record(name, f"1.{number}.0", f"h{number:07x}_0", number, ["libgcc >=1.0"] if name != "libgcc" else []))
    below = ["libgcc >=1.5", "libzlib >=1.2,<2.0a0", "openssl >=1.3,<2.0a0", "ncurses >=1.4", "readline >=1.8,<2.0a0",
             "tk >=1.6", "xz >=1.5", "bzip2 >=1.0,<2.0a0", "libffi >=1.4,<2", "libsqlite >=1.40", "tzdata"]
    for major, minor in pythons():
        for patch in range(18):
            records.append(record("python", f"{major}.{minor}.{patch}", f"h{patch:07x}_0_cpython", patch, below))
        pin = f"python >={major}.{minor},<{major}.{minor + 1}.0a0"
        tag = f"py{major}{minor}"
        for release in range(17, 28):
            for patch in range(5):
                records.append(record("numpy", f"1.{release}.{patch}", f"{tag}h{release:05x}_{patch}", patch,
                                      [pin, "libblas >=1.9,<2.0a0", "liblapack >=1.9,<2.0a0", "libstdcxx >=1.5"]))
        for release in range(10, 24):
            for patch in range(4):
                records.append(record("pandas", f"2.{release}.{patch}", f"{tag}h{release:05x}_{patch}", patch,
                                      [pin, f"numpy >=1.{17 + release % 9},<2.0a0", "pytz >=1.1", "six"]))
                records.append(record("scipy", f"1.{release}.{patch}", f"{tag}h{release:05x}_{patch}", patch,
                                      [pin, f"numpy >=1.{17 + release % 9},<1.28", "libopenblas >=1.2", "libblas"]))
                records.append(record("scikit-learn", f"1.{release}.{patch}", f"{tag}h{release:05x}_{patch}", patch,
                                      [pin, "numpy >=1.19", "scipy", "joblib >=1.1", "threadpoolctl >=1.2"]))


def make_channel(directory, count):
    """A channel directory with `count` records; the same bytes every time."""
    path = os.path.join(directory, "linux-64", "repodata.json")
    if not os.path.exists(path):
        noise, records = random.Random(count), []
        science(records)
        for i in range(count - len(records)):
            number, family = i % 40, i // 40
            near = [f"package-{noise.randrange(count // 40)} >=1.{noise.randrange(30)}" for _ in range(4)]
            records.append(record(f"package-{family}", f"1.{number}.0", f"py310h{i:07x}_0", number, ["python >=3.8", *near]))
        for subdir, packages in (("noarch", {}), ("linux-64", dict(records))):
            os.makedirs(os.path.join(directory, subdir), exist_ok=True)
            with open(os.path.join(directory, subdir, "repodata.json"), "w", encoding="ascii") as file:
                json.dump({"info": {"subdir": subdir}, "packages": {}, "packages.conda": packages}, file)
        os.sync()
    return directory
