"""What a lock names is fetched once, and goes on where it ended, whoever began it."""
import glob
import hashlib
import os
import random
import threading
import time
import unittest

from support.channel import ChannelServer
from support.conda import CondaTest, package

PATH = "/noarch/large-1.0-0.tar.bz2"
HALF = 1 << 20


class FetchTest(CondaTest):
    def setUp(self):
        super().setUp()
        noise = random.Random(1).randbytes(HALF).hex()  # two MiB that bzip2 halves
        self.whole = package("large", {"share/noise": (noise + noise[::-1], 0o644)})
        self.assertGreater(len(self.whole), HALF * 1.5)
        self.write("channel" + PATH, self.whole)
        self.server = ChannelServer(self.path("channel"))
        self.addCleanup(self.server.close)
        self.go_on = threading.Event()
        self.addCleanup(self.go_on.set)
        self.kilnd = self.daemon()

    def lock(self, anchor=None):
        anchor = anchor or "sha256:" + hashlib.sha256(self.whole).hexdigest()
        return self.write("env.lock", f"@EXPLICIT\n{self.server.url}{PATH}#{anchor}\n")

    def parts(self):
        return glob.glob(os.path.join(self.kilnd.root, "kiln/partial/*"))

    def begin(self, lock):
        """A client whose package has come to the half of it."""
        self.server.held[PATH] = (HALF, self.go_on)
        client = self.kilnd.begin("conda", "fetch", lock)
        self.addCleanup(client.communicate)
        self.addCleanup(client.kill)
        self.eventually(lambda: sum(map(os.path.getsize, self.parts())) == HALF)
        return client

    def eventually(self, holds):
        for _ in range(600):
            if holds():
                return
            time.sleep(0.02)
        self.fail("nothing came of it")

    def fetch(self, lock):
        self.good(self.kilnd.kiln("conda", "fetch", lock))
        self.assertEqual(self.parts(), [])
        self.good(self.kilnd.kiln("verify"))

    def test_goes_on_after_kilnd_crashed(self):
        lock = self.lock()
        self.begin(lock)
        self.kilnd.kill()
        self.kilnd.start()

        self.fetch(lock)

        self.assertEqual(self.server.requests, [f"200 {PATH}", f"206 {PATH}"])

    def test_goes_on_after_its_client_was_killed(self):
        lock = self.lock(hashlib.md5(self.whole).hexdigest())
        self.begin(lock).kill()
        builds = lambda: self.kilnd.kiln("builds", "--format", "json").json["builds"]
        self.eventually(lambda: all(each["status"] != "running" for each in builds()))

        self.fetch(lock)

        self.assertEqual(self.server.requests, [f"200 {PATH}", f"206 {PATH}"])

    def test_begins_anew_where_the_part_is_of_other_bytes(self):
        lock = self.lock()
        for found in (b"x" * HALF, b"x" * len(self.whole), b"x" * (len(self.whole) + 1)):
            with self.subTest(len(found)):
                self.go_on.clear()
                self.begin(lock)
                self.kilnd.kill()
                part, = self.parts()
                with open(part, "wb") as file:
                    file.write(found)
                self.kilnd.start()

                self.fetch(lock)

                self.assertEqual(self.server.requests[-1], f"200 {PATH}")
                self.kilnd.stop()
                self.kilnd = self.daemon(name=f"after-{len(found)}")

    def test_of_several_clients_one_fetches(self):
        lock = self.lock()
        clients = [self.begin(lock)]
        clients += [self.kilnd.begin("conda", "fetch", lock) for _ in range(2)]
        time.sleep(0.2)
        self.go_on.set()

        for client in clients:
            _, said = client.communicate(timeout=60)
            self.assertEqual(client.returncode, 0, said)
        self.assertEqual(self.server.requests, [f"200 {PATH}"])

    def test_another_client_goes_on_when_the_first_is_killed(self):
        lock = self.lock()
        first = self.begin(lock)
        second = self.kilnd.begin("conda", "fetch", lock)
        time.sleep(0.2)
        first.kill()

        _, said = second.communicate(timeout=60)

        self.assertEqual(second.returncode, 0, said)
        self.assertEqual(self.server.requests, [f"200 {PATH}", f"206 {PATH}"])

    def test_what_nobody_fetches_any_more_is_collected(self):
        self.begin(self.lock())
        self.kilnd.kill()
        self.kilnd.start()
        self.assertEqual(len(self.parts()), 1)

        freed = self.good(self.kilnd.kiln("gc", "--format", "json")).json["freed_bytes"]

        self.assertEqual(freed, HALF)
        self.assertEqual(self.parts(), [])


if __name__ == "__main__":
    unittest.main()
