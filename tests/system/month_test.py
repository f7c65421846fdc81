"""A month of a team: many environments, bases that are patched, a channel that moves, daemons that are killed."""
import collections
import concurrent.futures
import json
import os
import queue
import random
import threading

from env_test import EnvironmentTest
from support import base_image
from support.registry import RegistryCase

ENVIRONMENTS = int(os.environ.get("KILN_MONTH_ENVIRONMENTS", "200"))
CLIENTS, BASES, TOOLS, BATCH = 8, 5, 12, 10
KILLS = 3  # in each busy week
CONFIG = "application/vnd.oci.image.config.v1+json"


class MonthTest(EnvironmentTest, RegistryCase):
    def setUp(self):
        super().setUp()
        self.random = random.Random(int(os.environ.get("KILN_MONTH_SEED", "4")))
        self.host = self.registry(password=False)
        config = self.write("kilnd.toml", f'[workspaces.default]\nregistry = "{self.host}/team"\n')
        self.kilnd.stop()
        self.team = [self.daemon(name, arguments=["--config", config]) for name in ("one", "two")]
        self.up = {daemon: threading.Event() for daemon in self.team}
        for event in self.up.values():
            event.set()
        self.seen = {}  # (daemon, name, version) -> hash, from the moment it was first told
        self.lock = threading.Lock()

    # --- the world

    def patch_bases(self, week):
        for number in range(BASES):
            tar = base_image.tar([base_image.directory("etc"), base_image.file("etc/base", f"{number} {week}\n")])
            for daemon in self.team:
                self.load(daemon, tar, f"base:{number}")

    def move_channel(self, week):
        self.channel(*(f"tool-{number} {week}.{number}" for number in range(TOOLS)))

    def definition(self, number):
        """Of four one is a Docker build, of the rest every second pair says the same under another name."""
        kind = number // 2 % 50
        if number % 4 == 3:
            return f"build: {{path: docker-{kind % 5}}}\n"
        tools = [f"tool-{kind % TOOLS}", f"tool-{(kind * 5 + 1) % TOOLS}"]
        return (f"image: base:{kind % BASES}\nconda_file:\n  channels: ['{self.path('channel')}', nodefaults]\n"
                f"  dependencies: {json.dumps(tools)}\n")

    def write_definitions(self):
        for number in range(5):
            self.write(f"docker-{number}/Dockerfile", f"FROM base:{number}\nCOPY app /app\n")
            self.write(f"docker-{number}/app", f"app {number}\n")
        for number in range(ENVIRONMENTS):
            self.define(f"name: e{number}\n" + self.definition(number), f"e{number}.yml")

    def home(self, number):
        return self.team[number % 3 % 2]

    # --- work, interrupted

    def persist(self, daemon, *words):
        """A client that tries again for as long as daemons die below it."""
        for _ in range(20):
            self.up[daemon].wait()
            answer = daemon.kiln(*words)
            if answer.code == 0:
                return answer
            with self.lock:
                self.assertTrue(self.killed or answer.code == 7, f"nobody was killed: {answer}")
        raise AssertionError(f"it never came to an end: {answer}")

    def week(self, work, items, kills=KILLS):
        """All items by so many clients; meanwhile daemons are killed between one end and the next."""
        done = queue.SimpleQueue()
        kills = set(self.random.sample(range(len(items)), min(kills, len(items))))
        self.killed = bool(kills)

        def run(item):
            try:
                return work(item)
            finally:
                done.put(item)

        items = self.random.sample(items, len(items))
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
            running = [clients.submit(run, item) for item in items]
            for count in range(len(items)):
                done.get()
                if count in kills:
                    self.kill(self.random.choice(self.team))
            for each in running:
                each.result()

    def kill(self, daemon):
        # By this thread: a daemon dies with the thread that started it.
        self.up[daemon].clear()
        daemon.kill()
        daemon.start()
        self.up[daemon].set()

    def create(self, number):
        self.persist(self.home(number), "env", "create", "-f", self.path(f"e{number}.yml"), "--build")

    def refresh(self, numbers):
        self.persist(self.home(numbers[0]), "env", "refresh", *(f"e{number}" for number in numbers))

    def batches(self):
        """Those of one daemon, some at a time."""
        homes = [[number for number in range(ENVIRONMENTS) if self.home(number) is daemon] for daemon in self.team]
        return [home[start:start + BATCH] for home in homes for start in range(0, len(home), BATCH)]

    def push(self, version):
        """Whoever was killed on the way from a version to its image in the registry has left that to others."""
        daemon, name, number = version
        self.persist(daemon, "env", "build", f"{name}:{number}", "--push", "--pull")

    # --- what must hold

    def versions(self):
        """Every version of every environment; each is what it was when it was first seen."""
        found = {}
        for daemon in self.team:
            status, listed = daemon.api("GET", "/v1/environments?workspace=default")
            self.assertEqual(status, 200, listed)
            for latest in listed["environments"]:
                history = daemon.api("GET", f"/v1/environments/{latest['name']}?workspace=default")[1]["versions"]
                for row in history:
                    found[daemon, row["name"], row["version"]] = row
        for key, row in found.items():
            self.assertEqual(self.seen.setdefault(key, row["hash"]), row["hash"], key)
        self.assertEqual(set(self.seen), set(found))
        return found

    def locked(self, daemon, name, version):
        status, answer = daemon.api("GET", f"/v1/environments/{name}/{version}/exports/explicit?workspace=default")
        if status == 400 and "has no conda packages" in answer["detail"]:
            return []
        self.assertEqual(status, 200, answer)
        return sorted(line.split("/")[-1] for line in answer["text"].splitlines() if ".conda" in line)

    def one_image_a_hash(self, versions):
        images = collections.defaultdict(set)
        for (daemon, name, version), row in versions.items():
            shown = daemon.api("GET", f"/v1/environments/{name}/{version}?workspace=default")[1]
            self.assertLessEqual(len(shown["images"]), 1, f"{name}:{version} was built again")
            images[row["hash"]].update(image["image"] for image in shown["images"])
        for digest, built in images.items():
            self.assertEqual(len(built), 1, f"{digest} is {built}")

    def registry_blobs(self):
        root = self.path("registry/docker/registry/v2/blobs/sha256")
        return {f"sha256:{name}": os.path.join(root, start, name, "data")
                for start in os.listdir(root) for name in os.listdir(os.path.join(root, start))}

    def left_over(self, versions):
        """Versions without an image here or in the registry, in a fixed order."""
        repositories = self.path("registry/docker/registry/v2/repositories/team/kiln")
        left = []
        for (daemon, name, version), row in sorted(versions.items(), key=lambda each: each[0][1:]):
            tag = f"env_{row['hash'].removeprefix('sha256:')[:32]}/_manifests/tags/latest"
            if row["image"] is None or not os.path.exists(os.path.join(repositories, tag)):
                left.append((daemon, name, version))
        return left

    def each_layer_once(self):
        blobs, dresses, images = self.registry_blobs(), collections.defaultdict(set), 0
        for path in blobs.values():
            with open(path, "rb") as file:
                content = file.read(1 << 20)
            if not content.startswith(b"{") or b'"layers"' not in content:
                continue
            manifest = json.loads(content)
            if manifest["config"].get("mediaType") != CONFIG:
                continue
            images += 1
            with open(blobs[manifest["config"]["digest"]], "rb") as file:
                config = json.load(file)
            for diff_id, layer in zip(config["rootfs"]["diff_ids"], manifest["layers"], strict=True):
                self.assertIn(layer["digest"], blobs)
                dresses[diff_id].add(layer["digest"])
        for diff_id, digests in dresses.items():
            self.assertEqual(len(digests), 1, diff_id)
        return images

    def test_a_month(self):
        self.write_definitions()
        self.patch_bases(0)
        self.move_channel(1)
        everyone = list(range(ENVIRONMENTS))

        self.week(self.create, everyone)
        first = self.versions()
        self.assertEqual(len(first), ENVIRONMENTS)
        for week in (1, 2):
            self.patch_bases(week)
            self.move_channel(week + 1)
            self.week(self.refresh, self.batches())
            # Who defines the same again gets what the refresh made, whatever the channel has now.
            self.week(self.create, self.random.sample(everyone, 2 * CLIENTS), kills=1)
            versions = self.versions()
            self.assertEqual(len(versions), (week + 1) * ENVIRONMENTS)

        self.week(self.push, self.left_over(versions), kills=0)
        for daemon, name, version in first:
            self.assertEqual(self.locked(daemon, name, version), self.locked(daemon, name, "3"), name)
        self.one_image_a_hash(versions)
        self.assertEqual(len({row["hash"] for row in versions.values()}), self.each_layer_once())
        for daemon in self.team:
            self.clean(daemon)


if __name__ == "__main__":
    import unittest
    unittest.main()
