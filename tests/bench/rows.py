"""The rows of the table: each makes its work, measures kiln and what it is measured against, and says whether it is reached."""
import json
import os
import random
import shutil
import statistics
import time

import peers
from channels import make_channel
from clones import Clones
from environments import environments
from measure import Row, at_least_speed, at_most, faster, in_turn, seconds, settle, settled, shell, timed


def make_context(workshop, files, dockerfile):
    """`files` files of 4 KiB that do not compress, in folders of 100."""
    folder = f"{workshop.work}/context-{files}"
    if not os.path.exists(folder):
        noise = random.Random(files)
        for i in range(files):
            if i % 100 == 0:
                os.makedirs(f"{folder}/d{i // 100:04}")
            with open(f"{folder}/d{i // 100:04}/f{i}", "wb") as file:
                file.write(noise.randbytes(4096))
        os.sync()
        time.sleep(2.1)  # past the time in which a file's stamps are not trusted
    with open(f"{folder}/Dockerfile", "w") as file:
        file.write(dockerfile)
    return folder


COPY_ALL = "FROM base:1\nCOPY . /srv/\n"


def rebuild(workshop):
    table = []
    for files in (10_000, 20_000):
        context = make_context(workshop, files, COPY_ALL)
        builders = [workshop.kiln, *workshop.peers]
        for builder in builders:
            builder.build(context, "warm:1")
            builder.build(context, "warm:1")
        time.sleep(2.1)
        workshop.kiln.build(context, "warm:1")
        walk = shell(f"find {context} -newermt 2100-01-01")
        ours, bare, *others = in_turn([*(lambda b=b: b.build(context, "warm:1") for b in builders[:1]), walk,
                                       *(lambda b=b: b.build(context, "warm:1") for b in builders[1:])], 9)
        table.append(at_most(f"rebuild, nothing changed, {files} files, beside a walk with lstat", ours, "find", bare, 2))
        if others:
            table.append(faster(f"rebuild, nothing changed, {files} files", ours, dict(zip([p.name for p in workshop.peers], others)), 10))
    return table


def cold(workshop):
    table = []
    for files in (10_000, 20_000):
        context = make_context(workshop, files, COPY_ALL)
        builders = [workshop.kiln, *workshop.peers]
        for builder in builders:
            builder.build(context, "warm:1")
        ours, *others = in_turn([lambda b=b: b.no_cache(context, "cold:1") for b in builders], 5)
        if others:
            table.append(faster(f"cold, {files} files, image compressed in the store", ours, dict(zip([p.name for p in workshop.peers], others)), 5))
    return table


def runs(workshop):
    table = []
    for steps in (10, 20):
        context = f"{workshop.work}/runs-{steps}"
        os.makedirs(context, exist_ok=True)
        with open(f"{context}/Dockerfile", "w") as file:
            file.write("FROM base:1\n" + "".join(f"RUN true # {i}\n" for i in range(steps)))
        with open(f"{context}/Bare", "w") as file:
            file.write("FROM base:1\n")
        builders = [workshop.kiln, *workshop.peers]
        for builder in builders:
            builder.no_cache(context, "runs:1")
        ours, bare, *others = in_turn([lambda: workshop.kiln.no_cache(context, "runs:1"),
                                       lambda: workshop.kiln.no_cache(context, "bare:1", dockerfile=f"{context}/Bare"),
                                       *(lambda b=b: b.no_cache(context, "runs:1") for b in workshop.peers)], 5)
        if others:
            table.append(faster(f"{steps} steps of RUN true, cold", ours, dict(zip([p.name for p in workshop.peers], others)), 8))
        each = (ours - bare) / steps
        table.append(Row(f"one step of them ({steps})", seconds(each), "the command itself: under 1 ms", "", "under 8 ms", each < 0.009))
    return table


def first_run(workshop):
    """The first of the rows, and it deletes nothing: for minutes ext4 is slow to make files after many were deleted."""
    context = f"{workshop.work}/first"
    os.makedirs(context, exist_ok=True)
    with open(f"{context}/Dockerfile", "w") as file:
        file.write("FROM base:1\nRUN true\n")
    mine, theirs = [], []
    for i in range(3):
        fresh = peers.Kiln(os.path.dirname(os.path.dirname(workshop.kiln.client)), f"{workshop.work}/fresh-{i}")
        os.makedirs(f"{workshop.work}/fresh-{i}")
        fresh.start()
        fresh("load", "-i", workshop.base_tar, "-t", "base:1")
        fresh("info")
        settle()
        mine.append(timed(lambda: fresh.build(context, "first:1")))
        fresh.stop()
        os.makedirs(f"{workshop.work}/untar-{i}")
        settle()
        theirs.append(timed(shell(f"tar -C {workshop.work}/untar-{i} -xf {workshop.base_tar}")))
    return [at_most("first RUN on a fresh base", statistics.median(mine), "tar -x", statistics.median(theirs), 1.3)]


def one_file(workshop):
    table = []
    for times in (3, 6):
        context = f"{workshop.work}/big-{times}"
        os.makedirs(context)
        with open(f"{context}/big", "wb") as out:
            for _ in range(times):
                with open(workshop.base_tar, "rb") as base:
                    shutil.copyfileobj(base, out, 1 << 20)
        with open(f"{context}/Dockerfile", "w") as file:
            file.write("FROM scratch\nCOPY big /big\n")
        size = f"{os.path.getsize(context + '/big') / (1 << 30):.2f} GiB"
        zstd = shell(f"zstd -3 -T2 -q -f {context}/big -o {workshop.work}/big.zst")
        zstd()
        workshop.kiln.daemon.reset_peak()
        firsts = []
        for _ in range(3):
            with open(f"{context}/big", "ab") as out:
                out.write(b"other bytes\n")
            settle()
            firsts.append(timed(lambda: workshop.kiln.build(context, "big:1")))
        first = statistics.median(firsts)
        peak = workshop.kiln.daemon.memory_mib("VmHWM")
        time.sleep(2.1)
        workshop.kiln.build(context, "big:1")
        known, alone = in_turn([lambda: workshop.kiln.no_cache(context, "big:1"), zstd], 3)
        table.append(at_least_speed(f"COPY of one file of {size}, first time", first, "zstd -3 -T2", alone, 0.55))
        table.append(at_least_speed(f"COPY of one file of {size}, content known", known, "zstd -3 -T2", alone, 0.8))
        table.append(Row(f"resident memory during it ({size})", f"{peak:.0f} MiB", "", "", "at most 120 MiB", peak <= 120))
        shutil.rmtree(context)
    return table


def conda(workshop):
    maker = os.path.join(workshop.source, "..", "shared", "conda", "make-lock")
    packages, lock = f"{workshop.work}/packages", f"{workshop.work}/env.lock"
    os.makedirs(packages)
    if os.path.exists(maker):
        text = peers.run(["python3", maker, "runnable"]).stdout
    else:
        text = peers.run([f"{workshop.source}/tests/support/pack-conda", packages]).stdout
    with open(lock, "w") as file:
        file.write(text)
    files = [line.split("#")[0][len("file://"):] for line in text.splitlines() if line.startswith("file://")]
    context = f"{workshop.work}/conda"
    os.makedirs(context)
    with open(f"{context}/Dockerfile", "w") as file:
        file.write("FROM base:1\nCOPY --link --from=env / /\n")
    option = ["--build-context", f"env=conda:{lock}"]
    workshop.kiln.build(context, "conda:1", *option)
    payloads = " ".join(f"'{name}'" for name in files)
    through = (f"for p in {payloads}; do case $p in *.conda) bsdtar -xOf $p 'pkg-*' | zstd -dcq;; *) bzip2 -dc $p;; esac; done"
               f" | zstd -3 -T2 -q -c >/dev/null")
    ours, other = in_turn([lambda: workshop.kiln.build(context, "conda:1", "--no-cache", *option), shell(through)], 5)
    table = [at_most(f"{len(files)} conda packages, cold", ours, "decompress, zstd -3 -T2", other, 1.3)]
    smaller = f"{workshop.work}/smaller.lock"
    lines = text.splitlines()
    with open(smaller, "w") as file:
        file.write("\n".join(lines[:-1]) + "\n")
    workshop.kiln.build(context, "conda:2", "--build-context", f"env=conda:{smaller}")
    warm = statistics.median(timed(lambda: workshop.kiln.build(context, "conda:1", *option)) for _ in range(5))
    table.append(Row("the same, warm", seconds(warm), "", "", "under 100 ms", warm < 0.1))
    return table


def environment(workshop):
    """An environment of 250 packages in a store of its own, which has never seen them."""
    maker = os.path.join(workshop.source, "..", "shared", "conda", "make-lock")
    if not os.path.exists(maker):
        print("# no packages to clone")
        return []
    files = [line.split("#")[0][len("file://"):] for line in peers.run(["python3", maker, "runnable"]).stdout.splitlines()
             if line.startswith("file://")]
    clones = Clones(files, f"{workshop.work}/clones")
    context, own = f"{workshop.work}/environment", f"{workshop.work}/environment-store"
    os.makedirs(context)
    os.makedirs(own)
    with open(f"{context}/Dockerfile", "w") as file:
        file.write("FROM env\n")
    kiln = kiln_in(workshop, own)
    kiln.start()
    try:
        return environment_rows(workshop, clones, kiln, context)
    finally:
        kiln.stop()
        for each in (clones.directory, context, own):
            shutil.rmtree(each)


def kiln_in(workshop, directory):
    return peers.Kiln(os.path.dirname(os.path.dirname(workshop.kiln.client)), directory)


def first_build(workshop, clones, context):
    """All clones, built by a kilnd that has seen nothing."""
    own = f"{workshop.work}/first-store"
    os.makedirs(own)
    kiln = kiln_in(workshop, own)
    kiln.start()
    try:
        option = f"env=conda:{clones.lock(clones.lines.values())}"
        return settled(lambda: kiln.build(context, "all:1", "--build-context", option))
    finally:
        kiln.stop()
        shutil.rmtree(own)


def environment_rows(workshop, clones, kiln, context):
    def build(tag, lines, *options):
        option = f"env=conda:{clones.lock(lines)}"
        return timed(lambda: kiln.build(context, tag, "--build-context", option, *options))

    def layers(tag):
        return [layer["diff_id"] for layer in json.loads(kiln("layers", tag, "--format", "json").stdout)["layers"]]

    everything = list(clones.lines.values())
    settle()
    build("all:1", everything)
    peak = kiln.daemon.memory_mib("VmHWM")
    tar = f"{clones.directory}/all.tar"
    kiln("save", "all:1", "-o", tar, "--format", "docker")
    size = f"{len(everything)} packages, {os.path.getsize(tar) / 1e9:.1f} GB"
    compress = shell(f"zstd -3 -T2 -q -f {tar} -o {tar}.zst")
    rounds = [(first_build(workshop, clones, context), settled(compress), build("all:1", everything, "--no-cache"))
              for _ in range(3)]
    first, zstd, again = map(statistics.median, zip(*rounds))
    table = [at_least_speed(f"{size}, cold, packages not yet in the store", first, "zstd -3 -T2", zstd, 0.7),
             at_least_speed(f"{size}, cold, packages in the store", again, "zstd -3 -T2", zstd, 0.7),
             Row("resident memory during it", f"{peak:.0f} MiB", "", "", "under 400 MB", peak < 400e6 / (1 << 20))]
    os.remove(tar)
    os.remove(f"{tar}.zst")
    known = layers("all:1")
    times, new = [], []
    for seed, name in enumerate(("six-00", "requests-01", "sqlite-02", "xz-03", "yaml-00"), 1):
        lines = clones.changed([name], seed).values()
        settle()
        times.append(build("one:1", lines))
        new.append(len(set(layers("one:1")) - set(known)) - 1)
    table.append(Row("one of them changed", seconds(statistics.median(times)), "", "", "under 150 ms", statistics.median(times) < 0.15))
    table.append(Row("layers made for it, beside conda-meta", str(max(new)), "", "", "1", new == [1] * len(new)))
    tenth = sorted(clones.lines)[::10]
    rounds = []
    for seed in (10, 12, 14):
        others = clones.changed(tenth, seed).values()
        alone = clones.changed(tenth, seed + 1)
        settle()
        most = build("most:1", others)
        settle()
        rounds.append((most, build("part:1", [alone[name] for name in tenth])))
    most, part = map(statistics.median, zip(*rounds))
    table.append(at_most("a second environment, nine tenths in common", most, "the tenth alone", part, 1.2))
    return table


def lock(workshop):
    """python + numpy + pandas + scikit-learn over 500,000 records: a file that kilnd never saw, then the same again."""
    channel = make_channel(f"{workshop.cache}/channel-500k", 500_000)
    specs, out = f"{workshop.work}/specs.txt", f"{workshop.work}/env.lock"
    with open(specs, "w") as file:
        file.write("python\nnumpy\npandas\nscikit-learn\n")
    repodata = f"{channel}/linux-64/repodata.json"
    words = ["conda", "lock", specs, "-c", channel, "-o", out]
    firsts = []
    for number in range(3):
        with open(repodata, "a") as file:
            file.write(" " * (number + 1))  # other bytes: nothing that is remembered helps
        os.sync()
        time.sleep(2.1)  # past the time in which a file's stamps are not trusted
        firsts.append(timed(lambda: workshop.kiln(*words)))
    again = statistics.median(timed(lambda: workshop.kiln(*words)) for _ in range(5))
    first, size = statistics.median(firsts), os.path.getsize(repodata) >> 20
    return [Row(f"lock over 500,000 records ({size} MiB), cold", seconds(first), "", "", "under 1.5 s", first < 1.5),
            Row("the same, cached", seconds(again), "", "", "under 200 ms", again < 0.2)]


def base_import(workshop):
    tag = iter(range(1000))
    actions = [lambda: workshop.kiln("load", "-i", workshop.base_tar, "-t", f"import:{next(tag)}"),
               shell(f"zstd -3 -T2 -q -c {workshop.base_tar} >/dev/null")]
    dockers = [peer for peer in workshop.peers if peer.name == "dockerd"]
    for docker in dockers:
        actions.append(lambda: peers.run([docker.client, "import", workshop.base_tar, "imported:1"], env=docker.env))
    ours, zstd, *others = in_turn(actions, 5)
    table = [at_least_speed("import of the base", ours, "zstd -3 -T2", zstd, 0.6)]
    if others:
        table.append(faster("import of the base", ours, {"docker import": others[0]}, 2))
    return table


def idle(workshop):
    """A daemon of its own, with a store of 1,000 images."""
    folder = f"{workshop.work}/idle"
    context = f"{folder}/context"
    os.makedirs(context)
    with open(f"{context}/Dockerfile", "w") as file:
        file.write("FROM scratch\nCOPY Dockerfile /\n")
    kiln = peers.Kiln(os.path.dirname(os.path.dirname(workshop.kiln.client)), folder)
    kiln.start()
    for i in range(1000):
        kiln.build(context, f"image-{i}:1", "--label", f"n={i}")
    kiln.stop()
    times = []
    for _ in range(5):
        kiln.start()
        times.append(kiln.daemon.ready_seconds)
        kiln("version")
        time.sleep(0.5)
        memory = kiln.daemon.memory_mib("VmRSS")
        kiln.stop()
    ready = statistics.median(times)
    return [Row("ready after start, store of 1,000 images", seconds(ready), "", "", "100 ms", ready <= 0.1),
            Row("resident memory, idle", f"{memory:.1f} MiB", "", "", "at most 15 MiB", memory <= 15)]


ALL = {"first-run": first_run, "rebuild": rebuild, "cold": cold, "runs": runs, "one-file": one_file, "conda": conda,
       "environment": environment, "environments": environments, "lock": lock,
       "base-import": base_import, "idle": idle}
