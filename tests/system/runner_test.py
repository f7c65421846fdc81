"""The CI runner's case: a client in another container, with nothing shared but the mounted socket."""
import os
import re
import shutil
import subprocess
import unittest

from support import base_image
from support.case import SystemTest
from support.daemon import KILN, PATIENCE

INSIDE = """set -e
mkdir -p {room}/run {room}/proc {room}/tmp {room}/job/context
touch {room}/run/kilnd.sock
mount --bind {room} {room}
mount --bind {socket} {room}/run/kilnd.sock
mount -t proc proc {room}/proc
cd {room}
mkdir old
pivot_root . old
exec chroot . /bin/sh -c 'umount -l /old && rmdir /old && exec /bin/sh /job/script'
"""


class RunnerTest(SystemTest):
    def room(self):
        """A root file system with a shell, the client and its libraries."""
        self.need("unshare", "pivot_root")
        room = self.path("room")
        os.makedirs(room)
        subprocess.run(["tar", "-xf", "-", "-C", room], input=base_image.busybox_tar(), check=True)
        shutil.copy(KILN, os.path.join(room, "bin/kiln"))
        for library in re.findall(r"(/\S+) \(0x", self.run_tool("ldd", KILN)):
            os.makedirs(room + os.path.dirname(library), exist_ok=True)
            shutil.copy(library, room + library)
        return room

    def inside(self, daemon, room, script):
        self.write(os.path.join(room, "job/script"), script)
        outer = INSIDE.format(room=room, socket=daemon.socket)
        words = ["unshare", "--map-root-user", "--mount", "--pid", "--fork", "--ipc", "--uts", "--net", "sh", "-c", outer]
        return subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/job"})

    def test_it_builds_runs_and_gets_its_archive(self):
        daemon = self.daemon_with_base()
        room = self.room()
        self.write(os.path.join(room, "job/context/a"), "from the runner\n")
        self.write(os.path.join(room, "job/context/Dockerfile"), "FROM base:1\nCOPY a /a\nRUN cat /a > /b\n")

        done = self.inside(daemon, room, """set -e
export KILN_HOST=unix:///run/kilnd.sock
ls /var 2>/dev/null && exit 9
kiln build -q -t runner:1 /job/context
kiln save runner:1 -o /job/out.tar
kiln run runner:1 -- cat /b
""")

        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        digest, said = done.stdout.splitlines()
        self.assertEqual(said, "from the runner")
        self.assertIn("runner:1", self.names(daemon))
        other = self.daemon(name="other")
        self.good(other.kiln("load", "-i", os.path.join(room, "job/out.tar")))
        self.assertEqual(other.kiln("inspect", "runner:1").json["digest"], digest)

    def test_what_a_runner_may_not_do_it_cannot_do_through_the_daemon(self):
        daemon = self.daemon_with_base()
        room = self.room()

        done = self.inside(daemon, room, f"""
export KILN_HOST=unix:///run/kilnd.sock
cd /job/context
printf 'FROM base:1\\nCOPY {daemon.root}/index.json /stolen\\n' > Dockerfile
kiln build . && exit 9
kiln load -i {daemon.root}/index.json -t stolen:1 && exit 9
kiln run base:1 -- cat {daemon.root}/index.json && exit 9
exit 0
""")

        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.names(daemon), ["base:1"])


if __name__ == "__main__":
    unittest.main()
