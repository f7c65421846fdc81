"""kilnd as a process and its wire: starting, ending, cancelling, replaying, refusing."""
import json
import os
import re
import signal
import subprocess
import time
import unittest

from support import base_image
from support.case import SystemTest
from support.daemon import KILND, PATIENCE

ENDLESS = "FROM base:1\nRUN echo started; while true; do sleep 1; done\n"


class DaemonTest(SystemTest):
    def begin_endless(self, daemon):
        """A client with a build that goes on until somebody ends it; returns when its RUN has printed."""
        client = daemon.begin("--progress", "plain", "build", "-f", "-", self.context(), stdin=subprocess.PIPE)
        self.addCleanup(self.end_client, client)
        client.stdin.write(ENDLESS.encode())
        client.stdin.close()
        client.stdin = None
        said = b""
        while b"| started" not in said:
            line = client.stderr.readline()
            self.assertTrue(line, said.decode())
            said += line
        return client

    def end_client(self, client):
        client.kill()
        client.communicate()

    def builds(self, daemon):
        return self.good(daemon.kiln("builds", "--format", "json")).json["builds"]

    def wait_for_end(self, daemon, build):
        """Follows the events to the result; its record."""
        _, body = daemon.request("GET", f"/v1/builds/{build}/events")
        return [json.loads(line) for line in body.splitlines()][-1]["result"]

    def test_sigterm_during_a_build_ends_the_daemon_with_exit_code_0(self):
        daemon = self.daemon_with_base()
        client = self.begin_endless(daemon)

        before = time.monotonic()
        code = daemon.stop()

        self.assertEqual(code, 0, daemon.log_text)
        self.assertLess(time.monotonic() - before, 10)
        _, stderr = client.communicate(timeout=PATIENCE)
        self.assertNotEqual(client.returncode, 0, stderr)
        self.assertFalse(os.path.exists(daemon.socket))

    def test_a_second_daemon_on_the_same_root_names_the_first(self):
        daemon = self.daemon()

        second = subprocess.run(
            [KILND, "--root", daemon.root, "--socket", self.path("other.sock")],
            capture_output=True, text=True, timeout=PATIENCE, check=False)

        self.assertNotEqual(second.returncode, 0)
        self.assertIn(str(daemon.pid), second.stderr)
        self.good(daemon.kiln("info"))

    def test_a_second_daemon_on_the_same_socket_is_refused(self):
        daemon = self.daemon()

        second = subprocess.run(
            [KILND, "--root", self.path("other"), "--socket", daemon.socket],
            capture_output=True, text=True, timeout=PATIENCE, check=False)

        self.assertNotEqual(second.returncode, 0)
        self.assertIn(daemon.socket, second.stderr)
        self.good(daemon.kiln("info"))

    def test_a_client_that_goes_away_cancels_its_build(self):
        daemon = self.daemon_with_base()
        client = self.begin_endless(daemon)
        build = self.builds(daemon)[0]["id"]

        client.kill()

        self.assertEqual(self.wait_for_end_of_record(daemon, build), "cancelled")

    def wait_for_end_of_record(self, daemon, build):
        """Without reading its events, which would keep it alive."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            status, record = daemon.api("GET", f"/v1/builds/{build}")
            self.assertEqual(status, 200, record)
            if record["status"] not in ("queued", "running"):
                return record["status"]
        return "still running"

    def test_interrupting_the_client_is_exit_code_130(self):
        daemon = self.daemon_with_base()
        client = self.begin_endless(daemon)

        client.send_signal(signal.SIGINT)
        client.communicate(timeout=PATIENCE)

        self.assertEqual(client.returncode, 130)
        self.assertEqual(self.wait_for_end_of_record(daemon, self.builds(daemon)[0]["id"]), "cancelled")

    def test_kiln_cancel_ends_a_detached_build_and_says_so_to_who_follows(self):
        daemon = self.daemon_with_base()
        build = self.good(self.build(daemon, ENDLESS, {}, "--detach")).line
        follower = daemon.begin("logs", build)
        self.addCleanup(self.end_client, follower)

        self.good(daemon.kiln("cancel", build))

        follower.communicate(timeout=PATIENCE)
        self.assertEqual(follower.returncode, 130)
        self.refused(daemon.kiln("cancel", build), 4, build)

    def test_a_detached_build_goes_on_and_its_log_can_be_read_twice(self):
        daemon = self.daemon_with_base()
        build = self.good(self.build(daemon, "FROM base:1\nRUN echo one; echo two >&2\n", {}, "--detach", "-t", "d:1")).line

        first = self.good(daemon.kiln("logs", build))
        again = self.good(daemon.kiln("logs", build))

        for answer in (first, again):
            self.assertIn("one", answer.stdout + answer.stderr)
            self.assertIn("two", answer.stdout + answer.stderr)
        self.assertIn("d:1", self.names(daemon))
        self.assertEqual(self.builds(daemon)[0]["status"], "done")

    def test_events_are_replayed_after_any_of_them(self):
        daemon = self.daemon_with_base()
        self.good(self.build(daemon, "FROM base:1\nRUN echo hello\n"))
        build = self.builds(daemon)[0]["id"]

        _, body = daemon.request("GET", f"/v1/builds/{build}/events")
        events = [json.loads(line) for line in body.splitlines()]

        numbers = [event["seq"] for event in events]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual(events[-1]["type"], "result")
        self.assertEqual(events[-1]["result"]["status"], "done")
        middle = numbers[len(numbers) // 2]
        _, rest = daemon.request("GET", f"/v1/builds/{build}/events?after={middle}")
        self.assertEqual([json.loads(line) for line in rest.splitlines()], [e for e in events if e["seq"] > middle])

    def test_progress_json_is_one_event_a_line_and_stdout_only_the_digest(self):
        daemon = self.daemon_with_base()

        answer = self.good(daemon.kiln("--progress", "json", "build", "-f", "-", self.context({"a": "a"}),
                                       stdin=b"FROM base:1\nCOPY a /a\nRUN echo hello\n"))

        self.assertRegex(answer.stdout, r"\Asha256:[0-9a-f]{64}\n\Z")
        types = {json.loads(line)["type"] for line in answer.stderr.splitlines()}
        self.assertLessEqual({"step", "log", "result"}, types)

    def test_quiet_says_nothing_but_the_digest(self):
        daemon = self.daemon_with_base()

        answer = self.good(daemon.kiln("-q", "build", "-f", "-", self.context(), stdin=b"FROM base:1\nRUN echo hello\n"))

        self.assertEqual(answer.stderr, "")

    def test_exit_codes_are_those_of_the_table(self):
        daemon = self.daemon_with_base()

        self.assertEqual(daemon.kiln("build").code, 2)
        self.assertEqual(daemon.kiln("no-such-command").code, 2)
        self.refused(daemon.kiln("inspect", "nobody:1"), 4, "nobody:1")
        self.refused(self.build(daemon, "FROM base:1\nRUN exit 9\n"), 1, "exit code 9")
        self.assertEqual(daemon.kiln("run", "base:1", "--", "/bin/sh", "-c", "exit 41").code, 41)
        self.assertEqual(daemon.kiln("run", "nobody:1", "--", "/bin/true").code, 125)
        daemon.stop()
        answer = daemon.kiln("info")
        self.assertNotEqual(answer.code, 0)
        self.assertIn(daemon.socket, answer.stderr)

    def test_run_passes_output_environment_directory_and_user(self):
        daemon = self.daemon_with_base()

        answer = self.good(daemon.kiln(
            "run", "-e", "WHO=me", "-w", "/etc", "-u", "app", "base:1", "--", "/bin/sh", "-c", "echo $WHO $PWD; id -un >&2"))

        self.assertEqual((answer.stdout, answer.stderr), ("me /etc\n", "app\n"))

    def test_a_run_changes_nothing_of_its_image(self):
        daemon = self.daemon_with_base()
        self.good(daemon.kiln("run", "base:1", "--", "/bin/sh", "-c", "echo x > /made"))

        self.assertEqual(daemon.kiln("run", "base:1", "--", "/bin/test", "-e", "/made").code, 1)

    def test_gc_tells_what_would_go_and_then_takes_it(self):
        daemon = self.daemon_with_base()
        self.good(self.build(daemon, "FROM base:1\nCOPY a /a\n", {"a": os.urandom(300_000)}, "-t", "gone:1"))
        self.good(daemon.kiln("rmi", "gone:1"))

        told = self.good(daemon.kiln("gc", "--keep-size", "0", "--dry-run", "--format", "json")).json
        taken = self.good(daemon.kiln("gc", "--keep-size", "0", "--format", "json")).json

        self.assertTrue(told["dry_run"])
        self.assertGreater(told["freed_bytes"], 300_000)
        self.assertEqual(told["removed"], taken["removed"])
        self.assertEqual(self.good(daemon.kiln("gc", "--keep-size", "0", "--format", "json")).json["freed_bytes"], 0)
        self.assertEqual(self.names(daemon), ["base:1"])
        self.good(daemon.kiln("run", "base:1", "--", "/bin/true"))
        self.clean(daemon)

    def test_who_is_not_allowed_is_refused_by_number(self):
        self.need_root()
        self.need("setpriv")
        daemon = self.daemon()
        os.chmod(daemon.socket, 0o666)
        os.chmod(daemon.home, 0o777)

        answer = daemon.kiln("images", prefix=["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"])

        self.refused(answer, 4, "54321")

    @unittest.skipIf(os.environ.get("KILN_SANITIZE"), "a sanitizer has memory of its own")
    def test_an_idle_daemon_is_small(self):
        daemon = self.daemon()
        self.good(daemon.kiln("info"))

        with open(f"/proc/{daemon.pid}/smaps_rollup", encoding="utf-8") as file:
            text = file.read()

        resident = int(re.search(r"^Pss_Anon:\s+(\d+)", text, re.M)[1])
        print(f"idle: {resident} KiB anonymous,", re.search(r"^Rss:.*", text, re.M)[0])
        self.assertLess(resident, 30 * 1024)

    def test_openapi_and_metrics_are_there(self):
        daemon = self.daemon()

        status, description = daemon.api("GET", "/v1/openapi.json")
        self.assertEqual((status, description["openapi"][:2]), (200, "3."))
        self.assertIn("/v1/builds/{id}/events", description.get("paths", {}))
        status, text = daemon.request("GET", "/metrics")
        self.assertEqual(status, 200)
        self.assertIn(b"# TYPE kiln", text)

    def test_two_builds_that_need_the_same_step_run_it_once(self):
        daemon = self.daemon_with_base()
        text = b"FROM base:1\nRUN sleep 2; cat /proc/sys/kernel/random/uuid > /once\n"
        context = self.context()

        clients = [daemon.begin("build", "-f", "-", context, stdin=subprocess.PIPE) for _ in range(3)]
        for client in clients:
            client.stdin.write(text)
            client.stdin.close()
            client.stdin = None
        digests = {client.communicate(timeout=PATIENCE)[0] for client in clients}

        self.assertEqual([client.returncode for client in clients], [0, 0, 0])
        self.assertEqual(len(digests), 1, digests)

    def test_a_daemon_started_again_knows_its_images_and_its_cache(self):
        daemon = self.daemon_with_base()
        text = "FROM base:1\nCOPY a /a\nRUN cat /proc/sys/kernel/random/uuid > /once\n"
        first = self.good(self.build(daemon, text, {"a": "a"}, "-t", "kept:1")).line
        daemon.stop()

        daemon.start()

        self.assertEqual(self.names(daemon), ["base:1", "kept:1"])
        self.assertEqual(self.good(self.build(daemon, text, {"a": "a"})).line, first)


class UserTest(SystemTest):
    """As an ordinary user with a subuid range: tests/setup makes kiln-test."""

    def test_an_ordinary_user_builds_and_runs(self):
        daemon = self.user_daemon()
        self.load(daemon, base_image.busybox_tar(), "base:1")

        answer = self.good(self.build(daemon, "FROM base:1\nUSER app\nRUN id > /tmp/id\n"))

        self.assertIn("uid=1000(app)", self.good(daemon.kiln("run", answer.line, "--", "/bin/cat", "/tmp/id")).stdout)


if __name__ == "__main__":
    unittest.main()
