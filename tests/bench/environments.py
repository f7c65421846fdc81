"""The rows about environments: what is known costs next to nothing, however much of it there is."""
import hashlib
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request

import peers
from measure import Row, seconds, settle, timed

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from support.channel import make_package, repodata  # noqa: E402

VERSIONS = 10_000
MANY = 200


def under(work, ours, limit):
    return Row(work, seconds(ours), "", "", f"under {seconds(limit)}", ours < limit)


class Registry:
    """Debian's docker-registry on a port of its own."""

    def __init__(self, work):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.name = f"127.0.0.1:{probe.getsockname()[1]}"
        with open(f"{work}/registry.yml", "w") as file:
            file.write(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {work}/registry}}}}\n"
                       f"http: {{addr: '{self.name}'}}\nlog: {{level: error, accesslog: {{disabled: true}}}}\n")
        self.process = subprocess.Popen(["docker-registry", "serve", f"{work}/registry.yml"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            try:
                urllib.request.urlopen(f"http://{self.name}/v2/")
                return
            except OSError:
                time.sleep(0.01)

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Bench:
    """Daemons with a base and a channel of a few small packages."""

    def __init__(self, workshop):
        self.workshop, self.work = workshop, f"{workshop.work}/environments"
        os.makedirs(f"{self.work}/channel/linux-64")
        os.makedirs(f"{self.work}/channel/noarch")
        records = {}
        for i in range(10):
            name = f"tool{i}"
            packed = make_package(name, [], {f"share/{name}": name * 1000})
            with open(f"{self.work}/channel/linux-64/{name}-1.0-0.conda", "wb") as file:
                file.write(packed)
            records[f"{name}-1.0-0.conda"] = {
                "name": name, "version": "1.0", "build": "0", "build_number": 0, "depends": [], "subdir": "linux-64",
                "sha256": hashlib.sha256(packed).hexdigest(), "size": len(packed)}
        for subdir, packages in (("linux-64", records), ("noarch", {})):
            with open(f"{self.work}/channel/{subdir}/repodata.json", "wb") as file:
                file.write(repodata(*packages.items(), subdir=subdir))
        self.daemons = []

    def daemon(self, name, config=""):
        folder = f"{self.work}/{name}"
        os.makedirs(folder)
        with open(f"{folder}/kilnd.toml", "w") as file:
            file.write(config)
        kiln = peers.Kiln(os.path.dirname(os.path.dirname(self.workshop.kiln.client)), folder)
        kiln.start("--config", f"{folder}/kilnd.toml")
        self.daemons.append(kiln)
        kiln("load", "-i", self.workshop.base_tar, "-t", "base:1")
        return kiln

    def definition(self, name, number, base="base:1"):
        """A file of an environment that differs from the others by its packages."""
        wanted = ", ".join(f"tool{i}" for i in range(10) if number >> i & 1) or "tool0"
        path = f"{self.work}/{name}.yml"
        with open(path, "w") as file:
            file.write(f"name: {name}\nimage: {base}\nconda_file:\n  channels: ['{self.work}/channel', nodefaults]\n"
                       f"  dependencies: [{wanted}]\n")
        return path

    def close(self):
        for each in self.daemons:
            each.stop()


def known(bench):
    kiln = bench.daemon("known")
    kiln("env", "create", "-f", bench.definition("train", 1), "--build")
    build = statistics.median(timed(lambda: kiln("env", "build", "train")) for _ in range(15))
    tag = iter(range(1000))
    copy = statistics.median(timed(lambda: kiln("env", "copy", "train", f"copy{next(tag)}")) for _ in range(15))
    return [under("env build of a known hash", build, 0.01), under("env copy", copy, 0.01)]


def in_registry(bench):
    registry = Registry(bench.work)
    try:
        config = f'[workspaces.default]\nregistry = "{registry.name}/team"\n'
        one, two = bench.daemon("one", config), bench.daemon("two", config)
        times = []
        for number in range(1, 10):
            definition = bench.definition(f"shared{number}", number)
            one("env", "create", "-f", definition, "--build")
            two("env", "create", "-f", definition)
            times.append(timed(lambda: two("env", "build", f"shared{number}")))
        return [under("env build, known in the registry only", statistics.median(times), 0.03)]
    finally:
        registry.stop()


def refresh(bench):
    kiln = bench.daemon("refresh")
    for number in range(MANY):
        kiln("env", "create", "-f", bench.definition(f"env{number}", number + 1), "--build")
    patch = f"{bench.work}/patch"
    os.makedirs(patch)
    with open(f"{patch}/Dockerfile", "w") as file:
        file.write("FROM base:1\nCOPY Dockerfile /patched\n")
    kiln.build(patch, "base:1")
    settle()
    took = timed(lambda: kiln("env", "refresh", "--all"))
    moved = json.loads(kiln("env", "list", "--format", "json").stdout)["environments"]
    assert len(moved) == MANY and all(each["version"] == "2" for each in moved), moved[:1]
    return [under(f"env refresh of {MANY} on a moved base, no push", took, 2)]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("kilnd")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def lists(bench):
    """Versions of one name, each of another definition than the one before."""
    kiln = bench.daemon("lists")
    connection = UnixConnection(kiln.socket)
    for number in range(VERSIONS):
        text = f"name: train\nimage: base:1\nprefix: /opt/env{number}\nconda_file: {{dependencies: [tool0]}}\n"
        body = json.dumps({
            "workspace": "default", "definition": {"name": "train.yml", "text": text}, "conda_file": None, "lock": None,
            "dockerfile": None, "ignore": None, "context": None, "anonymous": False, "curated_from": ""})
        connection.request("POST", "/v1/environments", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        told = answer.read()
        assert answer.status < 300, told

    def silent(*words):
        """Without the time that it takes us to read megabytes of text."""
        command = [kiln.client, "env", *words]
        return timed(lambda: subprocess.run(command, env=kiln.env, stdout=subprocess.DEVNULL, check=True))

    history = statistics.median(silent("history", "train") for _ in range(9))
    listed = statistics.median(silent("list", "--name", "train") for _ in range(9))
    as_json = statistics.median(silent("history", "train", "--format", "json") for _ in range(9))
    named = statistics.median(silent("list") for _ in range(9))
    return [under(f"env history of {VERSIONS} versions", history, 0.05),
            under(f"env list --name of {VERSIONS} versions", listed, 0.05),
            under(f"env history of {VERSIONS} versions as JSON", as_json, 0.05),
            under(f"env list where one has {VERSIONS} versions", named, 0.05)]


def environments(workshop):
    bench = Bench(workshop)
    try:
        return known(bench) + in_registry(bench) + refresh(bench) + lists(bench)
    finally:
        bench.close()
