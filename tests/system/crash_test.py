"""kill -9 at any moment: what was named is whole, what was not can be collected, and work goes on."""
import os
import random
import subprocess
import threading
import time
import unittest

from support import base_image
from support.case import SystemTest
from support.daemon import have

ROUNDS = int(os.environ.get("KILN_CRASH_ROUNDS", "16"))
DOCKERFILE = b"FROM base:1\nCOPY a /a\nRUN cat /a /a > /b && echo done\nCOPY c /c\n"


class CrashTest(SystemTest):
    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("KILN_CRASH_SEED", random.randrange(1 << 32)))
        print(f"KILN_CRASH_SEED={self.seed}", flush=True)
        self.random = random.Random(self.seed)
        self.printed = {}  # digest -> name, of every command that succeeded

    def killed_during(self, daemon, *words, stdin=b"", longest=0.6):
        """Runs a client while the daemon is killed at a moment between now and `longest` seconds."""
        client = daemon.begin(*words, stdin=subprocess.PIPE)
        output = []
        talk = threading.Thread(target=lambda: output.extend(client.communicate(stdin)))
        talk.start()
        # The moment is the input of this test: there is nothing to wait for.
        time.sleep(self.random.uniform(0, longest))
        daemon.kill()
        talk.join()
        return client.returncode, output[0].decode().split()

    def whole(self, daemon):
        """Every digest that was printed is there, and everything there is what it says."""
        self.clean(daemon)
        for digest, name in self.printed.items():
            record = self.good(daemon.kiln("inspect", name or digest)).json
            self.assertEqual(record["digest"], digest, name)
            if name and have("skopeo"):
                self.run_tool("skopeo", "inspect", "--raw", f"oci:{daemon.root}:{name}")

    def test_builds_loads_and_collections_survive_kills_at_any_moment(self):
        daemon = self.daemon_with_base()
        base = base_image.busybox_tar()
        context = self.context({"a": os.urandom(400_000)})
        for number in range(ROUNDS):
            self.write(os.path.join(context, "c"), os.urandom(200_000))
            kind = self.random.choice(["load", "build", "build", "gc", "rmi"])
            name = f"n:{number}"
            if kind == "load":
                code, words = self.killed_during(daemon, "load", "-i", "-", "-t", name, stdin=base)
                digest = words[-1] if words else None
            elif kind == "build":
                code, words = self.killed_during(
                    daemon, "build", "-t", name, "-f", "-", context, stdin=DOCKERFILE, longest=1.2)
                digest = words[0] if words else None
            elif kind == "gc":
                code, words = self.killed_during(daemon, "gc", "--keep-size", "0", longest=0.2)
                digest = None
            else:
                victim = self.random.choice([*self.printed.values(), "nobody:1"])
                code, words = self.killed_during(daemon, "rmi", victim, longest=0.1)
                digest = None
                self.printed = {key: value for key, value in self.printed.items() if value != victim}
            if code == 0 and digest:
                self.printed = {key: value for key, value in self.printed.items() if key != digest}
                self.printed[digest] = name
            with self.subTest(number=number, kind=kind, code=code):
                daemon.start()
                self.whole(daemon)
        last = self.good(daemon.kiln("build", "-t", "last:1", "-f", "-", context, stdin=DOCKERFILE)).line
        self.printed[last] = "last:1"
        for name in self.names(daemon):
            if name != "last:1":
                self.good(daemon.kiln("rmi", name))
        self.good(daemon.kiln("gc", "--keep-size", "0"))
        self.printed = {last: "last:1"}
        self.whole(daemon)
        usage = self.good(daemon.kiln("df", "--format", "json")).json
        self.assertEqual(usage["images"]["count"], 1, usage)
        self.assertEqual(usage["reclaimable_bytes"], 0, usage)
        self.assertLess(self.bytes_in_blobs(daemon), usage["images"]["size_bytes"] + 10_000)

    def bytes_in_blobs(self, daemon):
        folder = os.path.join(daemon.root, "blobs", "sha256")
        return sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder))

    def test_a_daemon_killed_during_a_run_leaves_no_process(self):
        daemon = self.daemon_with_base()
        mark = str(self.random.randrange(10**6, 10**7))
        client = daemon.begin("run", "base:1", "--", "/bin/sh", "-c", f"echo on; sleep {mark}")
        self.assertEqual(client.stdout.readline(), b"on\n")

        daemon.kill()
        client.communicate()

        deadline = time.monotonic() + 20
        while self.sleepers(mark) and time.monotonic() < deadline:
            pass
        self.assertEqual(self.sleepers(mark), [])
        daemon.start()
        self.whole(daemon)
        self.good(daemon.kiln("run", "base:1", "--", "/bin/true"))

    def sleepers(self, mark):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if words[:1] == [b"sleep"] and mark.encode() in words:
                found.append(pid)
        return found


if __name__ == "__main__":
    unittest.main()
