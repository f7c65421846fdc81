"""How contexts and archives reach the daemon: small contents are sent, large files are read where they lie."""
import gzip
import os
import unittest

from support import base_image
from support.case import SystemTest

LARGE = 17 << 20


class ContextTest(SystemTest):
    def packed_bytes(self, daemon):
        """What the store keeps of contexts."""
        packs = os.path.join(daemon.root, "kiln", "packs")
        return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(packs) for name in names)

    def write_large(self, context, text):
        with open(os.path.join(context, "large"), "wb") as file:
            file.write(text * (LARGE // len(text)))

    def test_a_large_file_is_read_where_it_lies_and_not_kept(self):
        daemon = self.daemon()
        context = self.context({"Dockerfile": "FROM scratch\nCOPY . /\n", "small": "small"})
        self.write_large(context, b"first")

        digest = self.good(daemon.kiln("build", "-t", "a:1", context)).line

        self.assertLess(self.packed_bytes(daemon), 1 << 20)
        self.assertEqual(self.content(daemon, "a:1", "large")[:10], "firstfirst")
        self.assertEqual(self.good(daemon.kiln("build", "-t", "a:2", context)).line, digest)
        self.assertEqual(self.good(daemon.kiln("build", "--no-cache", "-t", "a:3", context)).line, digest)

    def test_a_daemon_started_again_asks_for_nothing_but_the_large_file(self):
        daemon = self.daemon()
        context = self.context({"Dockerfile": "FROM scratch\nCOPY . /\n", "small": "small"})
        self.write_large(context, b"first")
        digest = self.good(daemon.kiln("build", "-t", "a:1", context)).line
        daemon.stop()
        daemon.start()
        before = self.packed_bytes(daemon)

        again = self.good(daemon.kiln("build", "--no-cache", "-t", "a:2", context)).line

        self.assertEqual(again, digest)
        self.assertGreater(before, 0)
        self.assertEqual(self.packed_bytes(daemon), before)

    def test_a_large_file_that_changes_during_the_build_is_refused(self):
        daemon = self.daemon_with_base()
        context = self.context({"Dockerfile": "FROM base:1\nRUN echo begun; sleep 3\nCOPY large /\n"})
        self.write_large(context, b"first")
        build = daemon.begin("--progress", "plain", "build", "-t", "a:1", context)
        for line in build.stderr:
            if b"begun" in line and b"RUN" not in line:
                break

        self.write_large(context, b"other")
        said = build.communicate()[1].decode()

        self.assertEqual(build.returncode, 4, said)
        self.assertIn("while copying large", said)
        self.assertIn("the file was changed while it was read", said)
        self.assertIn("hint: build again", said)
        self.assertNotIn("a:1", self.names(daemon))

    def test_whoever_cannot_lend_is_told_to_send(self):
        daemon = self.daemon()
        target = "/v1/contexts/sha256:" + 64 * "0" + "/files"

        status, answer = daemon.request("PUT", target, bytes(40))

        self.assertEqual((status, answer), (200, b'{"lent":[]}\n'))

    def test_a_loan_of_half_a_header_is_refused(self):
        daemon = self.daemon()

        status, answer = daemon.request("PUT", "/v1/contexts/sha256:" + 64 * "0" + "/files", bytes(41))

        self.assertEqual(status, 400)
        self.assertIn(b"41 bytes describe no number of files", answer)


class BlobsTest(SystemTest):
    def test_whoever_cannot_lend_a_package_is_told_to_send(self):
        daemon = self.daemon()

        status, answer = daemon.request("PUT", "/v1/blobs", bytes(40))

        self.assertEqual((status, answer), (200, b'{"lent":[]}\n'))


class LoadTest(SystemTest):
    def test_an_archive_makes_the_same_image_from_a_file_and_from_stdin(self):
        daemon = self.daemon()
        plain = base_image.busybox_tar()
        for name, archive in (("plain.tar", plain), ("dressed.tar.gz", gzip.compress(plain, 1))):
            with self.subTest(name):
                path = self.write(name, archive)

                lent = self.good(daemon.kiln("load", "-i", path, "-t", "lent:1")).stdout.split()
                sent = self.good(daemon.kiln("load", "-i", "-", "-t", "sent:1", stdin=archive)).stdout.split()

                self.assertEqual(lent[1], sent[1])
        self.clean(daemon)

    def test_whoever_passes_no_archive_is_told_to_send_it(self):
        daemon = self.daemon()

        status, answer = daemon.request("POST", "/v1/images/load", b"1", ["Content-Type: application/vnd.kiln.file"])

        self.assertEqual(status, 422)
        self.assertIn(b"send it", answer)


if __name__ == "__main__":
    unittest.main(verbosity=2)
