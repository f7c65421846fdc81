"""kiln run: a job in an image, with what its user lends of this host."""
import json
import os
import pwd
import signal
import subprocess
import unittest

from support import base_image
from support.case import SystemTest
from support.daemon import KILN, PATIENCE

SHELL = ("--", "/bin/sh", "-c")


def mounts_of_the_host():
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return sorted(line.split(" - ")[0].split()[4] for line in file)


class RunTest(SystemTest):
    def lend(self, files=(), name="lent", mode=0o755):
        where = self.path(name)
        os.makedirs(where, exist_ok=True)
        for path, content in dict(files).items():
            self.write(os.path.join(where, path), content)
        os.chmod(where, mode)
        return where

    def run_in(self, daemon, *words, **options):
        """A shell command, the last of the words, in base:1."""
        return daemon.kiln("run", *words[:-1], "base:1", *SHELL, words[-1], **options)

    def as_user(self, daemon, user="kiln-test"):
        """What makes a client that user's, who may speak to root's daemon."""
        self.need_root()
        self.need("setpriv")
        try:
            account = pwd.getpwnam(user)
        except KeyError:
            self.skipTest(f"there is no user {user}; tests/setup makes one")
        for each in (self.directory, daemon.directory):
            os.chmod(each, 0o755)
        os.chmod(daemon.socket, 0o666)
        return account.pw_uid, ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]

    def daemon_for_users(self):
        self.need_root()
        uid = pwd.getpwnam("kiln-test").pw_uid if "kiln-test" in {each.pw_name for each in pwd.getpwall()} else 0
        config = self.write("kilnd.toml", f"allowed_uids = [{uid}]\n")
        return self.daemon_with_base(arguments=["--config", config])

    # --- mounts

    def test_directories_and_files_are_lent(self):
        daemon = self.daemon_with_base()
        lent = self.lend({"a": "one\n", "deep/b": "two\n"})
        before = mounts_of_the_host()

        answer = self.good(self.run_in(
            daemon, "--mount", f"{lent}:/data:ro", "--mount", f"{lent}/deep/b:/etc/b", "--mount", f"{lent}/deep:/data/deep",
            "cat /data/a /etc/b /data/deep/b; echo new > /data/deep/c; echo no > /data/a || echo refused"))

        self.assertEqual(answer.stdout, "one\ntwo\ntwo\nrefused\n")
        self.assertIn("Read-only file system", answer.stderr)
        with open(os.path.join(lent, "deep/c"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "new\n")
        self.assertEqual(mounts_of_the_host(), before)

    def test_what_is_made_belongs_to_the_client(self):
        daemon = self.daemon_for_users()
        uid, prefix = self.as_user(daemon)
        lent = self.lend(mode=0o700)
        os.chown(lent, uid, uid)
        home = self.lend(name="home")
        os.chown(home, uid, uid)

        for user in ([], ["--user", "33:33"]):
            answer = self.good(self.run_in(
                daemon, *user, "--mount", f"{lent}:/out", "id -u > /out/$(id -u); mkdir /out/d$(id -u); stat -c %u /out",
                prefix=prefix, environment={"HOME": home}))
            self.assertEqual(answer.line, user[-1].split(":")[0] if user else "0")

        for name in ("0", "33", "d0", "d33"):
            self.assertEqual(os.stat(os.path.join(lent, name)).st_uid, uid, name)

    def test_a_client_lends_no_more_than_it_may(self):
        daemon = self.daemon_for_users()
        uid, prefix = self.as_user(daemon)
        lent = self.lend({"secret": "of root\n", "public": "of root\n"}, mode=0o777)
        os.chmod(os.path.join(lent, "secret"), 0o600)
        os.chmod(os.path.join(lent, "public"), 0o666)

        answer = self.run_in(
            daemon, "--mount", f"{lent}:/in", "cat /in/secret; cat /in/public; echo changed > /in/public",
            prefix=prefix, environment={"HOME": "/nonexistent"})

        self.assertEqual(answer.stdout, "of root\n", answer)
        self.assertNotEqual(answer.code, 0, answer)
        with open(os.path.join(lent, "public"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "of root\n")

    def test_an_ordinary_users_daemon_lends_its_own_files(self):
        daemon = self.user_daemon()
        account = pwd.getpwnam("kiln-test")
        prefix = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
        self.load(daemon, base_image.busybox_tar(), "base:1")
        os.chmod(self.directory, 0o755)
        lent = self.lend({"a": "mine\n"})
        subprocess.run(["chown", "-R", "kiln-test", lent], check=True)

        answer = self.good(self.run_in(
            daemon, "--mount", f"{lent}:/data", "cat /data/a; echo new > /data/b", prefix=prefix))

        self.assertEqual(answer.stdout, "mine\n")
        self.assertEqual(os.stat(os.path.join(lent, "b")).st_uid, account.pw_uid)
        self.refused(self.run_in(daemon, "--user", "33", "--mount", f"{lent}:/data", "true", prefix=prefix),
                     125, "kilnd is not root", "hint: mount it as :ro")
        self.good(self.run_in(daemon, "--user", "33", "--mount", f"{lent}:/data:ro", "cat /data/a", prefix=prefix))
        self.refused(self.run_in(daemon, "--mount", f"{lent}:/data", "true"), 125, "only what that user lends")

    def test_places_are_the_images_own(self):
        daemon = self.daemon_with_base()
        lent = self.lend({"a": "seen\n"})
        self.good(self.build(daemon, "FROM base:1\nRUN ln -s ../../../../../../outside /way && ln -s /tmp /short\n",
                             (), "-t", "links:1"))

        answer = self.good(daemon.kiln(
            "run", "--mount", f"{lent}:/way", "--mount", f"{lent}:/short/x", "links:1", *SHELL, "cat /outside/a /tmp/x/a"))

        self.assertEqual(answer.stdout, "seen\nseen\n")
        self.assertFalse(os.path.exists("/outside"))
        for place, said in (("/proc/x", "nothing is made in /proc"), ("/sys/kernel", "/proc or /sys"), ("/", "on / of an image"), ("/a/../b", '".."'),
                            ("/bin/sh", "is no directory"), ("relative", "not absolute")):
            self.refused(self.run_in(daemon, "--mount", f"{lent}:{place}", "true"), 125, said)
        self.refused(self.run_in(daemon, "--mount", f"{lent}/none:/x", "true"), 125, f"there is no {lent}/none")
        self.refused(self.run_in(daemon, "--mount", f"{lent}:/x", "--mount", f"{lent}:/x/", "true"), 125, "two mounts")
        self.refused(self.run_in(daemon, "--mount", f"{lent}:/x", "--mount", f"{lent}:/x/absent", "true"),
                     125, "nothing is made in /x")
        self.assertEqual(os.listdir(lent), ["a"])

    def test_nothing_stays_mounted_after_a_kill(self):
        daemon = self.daemon_with_base()
        lent = self.lend()
        before = mounts_of_the_host()

        for victim in ("client", "daemon"):
            client = daemon.begin("run", "--mount", f"{lent}:/data", "base:1", *SHELL, "echo up; sleep 1000")
            self.assertEqual(client.stdout.readline(), b"up\n")
            if victim == "client":
                client.kill()
            else:
                daemon.kill()
            client.communicate(timeout=PATIENCE)

        self.assertEqual(mounts_of_the_host(), before)
        os.rmdir(lent)
        daemon.start()
        self.good(self.run_in(daemon, "true"))

    def test_what_another_container_has_mounted_is_refused(self):
        self.need_root()
        self.need("unshare")
        daemon = self.daemon_with_base()
        lent = self.lend({"a": "x"})

        answer = daemon.kiln(
            "run", "--mount", f"{lent}:/data", "base:1", "--", "true",
            prefix=["unshare", "--mount", "sh", "-c", f'mount -t tmpfs none {lent} && exec "$@"', "sh"])

        self.refused(answer, 125, "not among the mounts that kilnd sees", "while mounting on /data")

    # --- the command

    def test_words_of_the_command_line(self):
        daemon = self.daemon_with_base()

        answer = self.good(self.run_in(
            daemon, "--env", "A=1", "--env", "FROM_HERE", "--env", "ABSENT", "--workdir", "/made/for/it",
            "echo $A $FROM_HERE ${ABSENT-unset} $HOME; pwd", environment={"FROM_HERE": "here"}))

        self.assertEqual(answer.stdout, "1 here unset /root\n/made/for/it\n")
        self.assertEqual(self.run_in(daemon, "exit 42").code, 42)
        self.assertEqual(self.run_in(daemon, "kill -9 $$").code, 137)
        self.refused(daemon.kiln("run", "base:1", "--", "no-such-program"), 125, "no-such-program")
        self.refused(daemon.kiln("run"), 125, "which image?")

    def test_stdin_is_the_commands_when_asked(self):
        daemon = self.daemon_with_base()

        self.assertEqual(self.good(self.run_in(daemon, "-i", "cat", stdin=b"from outside\n")).stdout, "from outside\n")
        self.assertEqual(self.good(self.run_in(daemon, "cat", stdin=b"from outside\n")).stdout, "")
        root = os.open("/", os.O_RDONLY)
        self.addCleanup(os.close, root)
        words = [KILN, "run", "-i", "base:1", *SHELL, "ls /proc/self/fd/0/"]
        done = subprocess.run(words, stdin=root, env=daemon.client_environment(), capture_output=True,
                              timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 125, done)
        self.assertIn(b"stdin can be a file, a pipe or a terminal", done.stderr)

    def test_signals_go_to_the_command(self):
        daemon = self.daemon_with_base()
        for number, code in ((signal.SIGTERM, 7), (signal.SIGINT, 8)):
            client = daemon.begin("run", "base:1", *SHELL,
                                  "trap 'exit 7' TERM; trap 'exit 8' INT; echo up; while :; do sleep 0.1; done")
            self.assertEqual(client.stdout.readline(), b"up\n")
            client.send_signal(number)
            client.communicate(timeout=PATIENCE)
            self.assertEqual(client.returncode, code)

    def test_the_third_signal_ends_a_command_that_does_not_listen(self):
        daemon = self.daemon_with_base()
        client = daemon.begin("run", "base:1", *SHELL, "trap 'echo got' TERM; echo up; while :; do sleep 0.1; done")
        for said in (b"up\n", b"got\n", b"got\n"):
            self.assertEqual(client.stdout.readline(), said)
            client.send_signal(signal.SIGTERM)
        client.communicate(timeout=PATIENCE)
        self.assertEqual(client.returncode, 130)

    # --- devices

    def test_devices_come_by_their_cdi_names(self):
        self.need_root()
        self.need("unshare")
        self.write("cdi/gpu.json", json.dumps({
            "cdiVersion": "0.6.0", "kind": "vendor.example/gpu",
            "containerEdits": {"env": ["ALL=yes"], "hooks": [{"hookName": "createContainer", "path": "/usr/bin/gpu-hook"}]},
            "devices": [{"name": "0", "containerEdits": {
                "env": ["GPU=0"], "deviceNodes": [{"path": "/dev/gpu0", "hostPath": "/dev/full"}],
                "mounts": [{"hostPath": self.write("libgpu.so", "a driver\n"), "containerPath": "/usr/lib/gpu/libgpu.so",
                            "options": ["ro"]}]}}]}))
        # Its own /run, so that nothing of the test is seen by others.
        prefix = ["unshare", "--mount", "sh", "-c",
                  f'mount -t tmpfs none /run && mkdir /run/cdi && cp {self.path("cdi")}/* /run/cdi && exec "$@"', "sh"]
        daemon = self.daemon_with_base(prefix=prefix)

        for name in ("0", "all"):
            answer = self.good(self.run_in(
                daemon, "--device", f"vendor.example/gpu={name}",
                "echo $ALL $GPU; echo x > /dev/gpu0; test -c /dev/gpu0 && cat /usr/lib/gpu/libgpu.so"))
            self.assertEqual(answer.stdout, "yes 0\na driver\n")
            self.assertIn("No space left on device", answer.stderr)
            self.assertIn("warning: the hook createContainer (/usr/bin/gpu-hook)", answer.stderr)
        self.refused(self.run_in(daemon, "--device", "vendor.example/gpu=9", "true"),
                     125, "/etc/cdi and /var/run/cdi", "there are: vendor.example/gpu=0")
        self.refused(self.run_in(daemon, "--device", "gpu", "true"), 125, "gpu is no CDI name")

    # --- environments and records

    def test_environments_run_and_are_recorded(self):
        daemon = self.daemon_with_base()
        self.write("env.yml", "name: train\nimage: base:1\n")
        self.good(daemon.kiln("env", "create", "-f", self.path("env.yml")))
        self.write("other.yml", "image: base:1\n")

        self.assertEqual(self.good(daemon.kiln("run", "env:train", "--", "echo", "a b")).stdout, "a b\n")
        self.assertEqual(daemon.kiln("run", "env:train:1", *SHELL, "exit 3").code, 3)
        self.good(daemon.kiln("run", "-f", self.path("other.yml"), "--", "echo", "-n"))
        self.good(daemon.kiln("run", "base:1", "--", "true"))
        self.refused(daemon.kiln("run", "env:absent", "--", "true"), 125, "there is no environment absent")

        runs = self.good(daemon.kiln("runs", "--format", "json")).json["runs"]
        self.assertEqual([run["command"] for run in runs],
                         [["true"], ["echo", "-n"], ["/bin/sh", "-c", "exit 3"], ["echo", "a b"]])
        self.assertEqual([run["exit_code"] for run in runs], [0, 0, 3, 0])
        self.assertEqual([run["environment"] for run in runs[2:]], ["train:1", "train:1"])
        self.assertEqual(len(runs[1]["environment"]), 64)
        self.assertIsNone(runs[0]["environment"])
        self.assertEqual({run["author"] for run in runs}, {os.geteuid()})
        of_train = self.good(daemon.kiln("runs", "env:train")).stdout.splitlines()
        self.assertEqual(len(of_train), 3, of_train)
        of_image = self.good(daemon.kiln("runs", runs[3]["image"], "--format", "json")).json["runs"]
        self.assertEqual(len(of_image), len([run for run in runs if run["image"] == runs[3]["image"]]))
        self.assertNotIn("train", self.good(daemon.kiln("runs", f"env:{runs[1]['environment']}")).stdout)

    def test_a_run_is_recorded_before_it_ends(self):
        daemon = self.daemon_with_base()
        self.write("env.yml", "name: train\nimage: base:1\n")
        self.good(daemon.kiln("env", "create", "-f", self.path("env.yml")))
        running = daemon.begin("run", "env:train", "--", "sh", "-c", "echo begun; sleep 100")
        self.assertEqual(running.stdout.readline(), b"begun\n")
        recorded = [daemon.kiln("runs", "env:train", "--format", "json").json["runs"]]

        daemon.kill()
        running.communicate()
        daemon.start()

        recorded.append(daemon.kiln("runs", "env:train", "--format", "json").json["runs"])
        for runs in recorded:
            self.assertEqual([(run["ended"], run["exit_code"]) for run in runs], [(None, None)])
        self.assertRegex(daemon.kiln("runs").stdout, "Z +- +")

    def test_a_request_says_what_is_wrong_with_it(self):
        daemon = self.daemon_with_base()
        request = {"name": "base:1", "command": ["true"], "env": {}, "workdir": None, "user": None, "network": "none",
                   "mounts": [{"destination": "/data", "read_only": True}], "devices": [], "environment": None,
                   "stdin": False, "signals": False}

        status, body = daemon.request("POST", "/v1/runs", json.dumps(request).encode())

        self.assertEqual(status, 400)
        self.assertIn("0 of 1 files came along", body.decode())


if __name__ == "__main__":
    unittest.main()
