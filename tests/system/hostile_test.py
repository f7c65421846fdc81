"""Hostile input: a clear error with its exit code, and nothing left behind."""
import bz2
import gzip
import hashlib
import io
import json
import os
import random
import subprocess
import tarfile
import unittest

from support import base_image
from support.base_image import directory, entry, file, hard_link, symlink, tar
from support.case import SharedDaemonTest

TIB = 1 << 40


def sparse_tar(size):
    """GNU's sparse format 1.0 (a pax record with the true size, a map before the data): one huge hole."""
    data = b"0\n".ljust(512, b"\0")
    info = entry("hole", size=len(data))
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "hole",
                        "GNU.sparse.realsize": str(size)}
    return tar([(info, data)])


def layout_of(manifest_of=lambda manifest: manifest, layer=None, config=None):
    """An OCI archive with one image whose manifest went through `manifest_of`."""
    layer = layer if layer is not None else tar([file("a", "a")])
    config = config if config is not None else json.dumps({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}}).encode()
    blobs = {}

    def blob(content, kind):
        digest = hashlib.sha256(content).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = content
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}

    kind = "application/vnd.oci.image."
    manifest = manifest_of({
        "schemaVersion": 2, "mediaType": kind + "manifest.v1+json", "config": blob(config, kind + "config.v1+json"),
        "layers": [blob(layer, kind + "layer.v1.tar")]})
    index = {"schemaVersion": 2, "manifests": [blob(json.dumps(manifest).encode(), kind + "manifest.v1+json")]}
    return tar([file("oci-layout", '{"imageLayoutVersion":"1.0.0"}'), file("index.json", json.dumps(index)),
                *[file(name, content) for name, content in sorted(blobs.items())]])


class HostileTest(SharedDaemonTest):
    def setUp(self):
        super().setUp()
        # What the tests before left for the collector is none of this one's business.
        self.good(self.kilnd.kiln("gc", "--keep-size", "0"))
        self.before = self.state()

    def state(self):
        usage = self.kilnd.api("GET", "/v1/system/usage")[1]
        return self.names(self.kilnd), usage["images"], usage["layers"]

    def left_nothing(self):
        """No name, and no byte that a collection would not take."""
        self.good(self.kilnd.kiln("gc", "--keep-size", "0"))
        self.assertEqual(self.state(), self.before)
        self.clean(self.kilnd)

    def loading(self, archive):
        return self.kilnd.kiln("load", "-i", "-", "-t", "evil:1", stdin=archive)

    def refuses(self, archive, code, *parts):
        self.refused(self.loading(archive), code, *parts)
        self.left_nothing()


class ArchiveTest(HostileTest):
    def test_names_that_leave_the_root_are_refused(self):
        for name in ("../escape", "a/../../escape", "/../escape"):
            with self.subTest(name=name):
                self.refuses(tar([directory("bin"), directory("etc"), file(name, "x")]), 2, "escape")

    def test_absolute_names_lie_inside_the_image(self):
        marker = f"/var/tmp/kiln-hostile-{os.getpid()}"

        answer = self.loading(tar([directory("bin"), directory("etc"), file(marker, "x")]))

        self.assertFalse(os.path.exists(marker))
        if answer.code == 0:
            self.assertEqual(self.content(self.kilnd, "evil:1", marker[1:]), "x")
            self.good(self.kilnd.kiln("rmi", "evil:1"))

    def test_names_through_a_symlink_of_the_archive_stay_inside(self):
        marker = f"kiln-hostile-{os.getpid()}"
        answer = self.loading(tar([directory("bin"), directory("etc"), symlink("out", "/var/tmp"), file(f"out/{marker}", "x")]))

        self.assertFalse(os.path.exists(f"/var/tmp/{marker}"))
        if answer.code == 0:
            target = self.path("tree")
            self.kilnd.kiln("export", "evil:1", "-o", target)
            self.kilnd.kiln("run", "evil:1", "--", "/none")
            self.assertFalse(os.path.exists(f"/var/tmp/{marker}"))
            self.good(self.kilnd.kiln("rmi", "evil:1"))

    def test_hard_links_to_what_is_outside_are_refused(self):
        for target in ("../../etc/shadow", "/etc/../../etc/shadow", "nowhere"):
            with self.subTest(target=target):
                self.refuses(tar([directory("bin"), directory("etc"), hard_link("bin/stolen", target)]), 2)

    def test_a_loop_of_links_is_an_error_of_who_follows_it(self):
        loop = tar([directory("bin"), directory("etc"), symlink("a", "b"), symlink("b", "a")])
        self.good(self.loading(loop))

        answer = self.build(self.kilnd, "FROM evil:1\nCOPY x /a/x\n", {"x": "x"})

        self.assertIn(answer.code, (2, 4), str(answer))
        self.assertIn("2 | COPY", answer.stderr)
        self.good(self.kilnd.kiln("rmi", "evil:1"))

    def test_a_sparse_file_of_a_tebibyte_is_refused(self):
        self.refuses(tar([directory("bin"), directory("etc")])[:1024] + sparse_tar(TIB), 2)

    def test_an_archive_that_promises_more_than_it_has_is_refused(self):
        head = tar([directory("bin"), directory("etc"), entry_of_size("etc/zeros", 8 * TIB)])

        self.refuses(gzip.compress(head) + gzip.compress(bytes(1 << 24), 9) * 4, 2)

    def test_a_bomb_does_not_fill_the_disk(self):
        self.need("zstd")
        zeros = subprocess.run("head -c 600M /dev/zero | zstd -1 -q -c", shell=True, capture_output=True, check=True).stdout
        self.assertLess(len(zeros), 1 << 18)

        self.refuses(zeros, 2, "expand to more than")

    def test_the_last_of_two_entries_with_one_name_wins(self):
        self.good(self.loading(tar([directory("bin"), directory("etc"), file("etc/x", "one"), file("etc/x", "two")])))

        self.assertEqual(self.content(self.kilnd, "evil:1", "etc/x"), "two")
        self.good(self.kilnd.kiln("rmi", "evil:1"))

    def test_truncated_archives_are_refused_wherever_they_end(self):
        whole = base_image.busybox_tar()
        for archive in (whole, gzip.compress(whole, 1), bz2.compress(whole[:1 << 18]), layout_of()):
            for part in (3, 2):
                with self.subTest(bytes=len(archive), part=part):
                    answer = self.loading(archive[:len(archive) * (part - 1) // part - 700])
                    self.assertIn(answer.code, (2, 5), str(answer))
                    self.left_nothing()

    def test_a_flipped_bit_never_gives_another_image_than_it_says(self):
        generator = random.Random(7)
        whole = layout_of()
        for at in generator.sample(range(len(whole) * 8), 12):
            with self.subTest(bit=at):
                broken = bytearray(whole)
                broken[at // 8] ^= 1 << at % 8
                answer = self.loading(bytes(broken))
                if answer.code == 0:  # the bit was in padding, a name or a time
                    self.good(self.kilnd.kiln("rmi", "evil:1"))
                else:
                    self.assertIn(answer.code, (2, 4, 5), str(answer))
                self.clean(self.kilnd)

    def test_manifests_that_lie_are_refused(self):
        def bigger(manifest):
            manifest["layers"][0]["size"] += 1
            return manifest

        def another_layer(manifest):
            manifest["layers"] *= 2
            return manifest

        def unknown_layer(manifest):
            manifest["layers"][0]["digest"] = "sha256:" + "0" * 64
            return manifest

        def outside(manifest):
            manifest["layers"][0]["digest"] = "sha256:../../../etc/passwd"
            return manifest

        for lie in (bigger, another_layer, unknown_layer, outside):
            with self.subTest(lie=lie.__name__):
                answer = self.loading(layout_of(lie))
                self.assertIn(answer.code, (2, 4, 5), str(answer))
                self.left_nothing()

    def test_a_config_that_is_deep_or_no_config_is_refused(self):
        for config in (b"[" * 100_000, b'{"a":' * 1000 + b"1" + b"}" * 1000, b"null", b"\xff\xfe", b""):
            with self.subTest(config=config[:10]):
                answer = self.loading(layout_of(config=config))
                self.assertIn(answer.code, (2, 4, 5), str(answer))
                self.left_nothing()

    def test_what_is_no_archive_at_all_is_refused(self):
        for content in (b"", b"hello\n", os.urandom(5000), gzip.compress(b"hello")):
            with self.subTest(content=content[:8]):
                self.assertIn(self.loading(content).code, (2, 4), content[:8])
                self.left_nothing()

    def test_very_many_entries_are_taken_or_refused_in_bounded_time(self):
        block = bytearray(tar([file("d/00000", "")])[:512])
        block[148:156] = b" " * 8
        rest = sum(block) - sum(b"d/00000")
        blocks = bytearray()
        for number in range(100_000):
            block[0:7] = name = b"d/%05d" % number
            block[148:156] = b"%06o\0 " % (rest + sum(name))
            blocks += block
        with open(self.path("many.tar"), "wb") as file_of_many:
            file_of_many.write(tar([directory("bin"), directory("etc"), directory("d")])[:1536])
            for _ in range(10):  # a million entries, each name ten times
                file_of_many.write(blocks)
            file_of_many.write(bytes(1024))
        self.run_tool("zstd", "-1", "-q", self.path("many.tar"), "-o", self.path("many.zst"))

        answer = self.kilnd.kiln("load", "-i", self.path("many.zst"), "-t", "evil:1")

        if answer.code == 0:
            self.good(self.kilnd.kiln("rmi", "evil:1"))
        else:
            self.assertEqual(answer.code, 2, str(answer))
        self.clean(self.kilnd)


def entry_of_size(name, size):
    """A header that promises more than follows."""
    return entry(name, size=size), None


class DockerfileTest(HostileTest):
    def test_added_archives_do_not_leave_the_image(self):
        evil = {"up.tar": tar([file("../../../../../var/tmp/kiln-hostile", "x")]),
                "link.tar": tar([symlink("d", "/var/tmp"), file("d/kiln-hostile", "x")]),
                "hard.tar": tar([hard_link("h", "/etc/shadow")])}
        for name, archive in evil.items():
            with self.subTest(name=name):
                answer = self.build(self.kilnd, f"FROM base:1\nADD {name} /deep/er/\nRUN cat /deep/er/*\n", {name: archive})
                self.assertFalse(os.path.exists("/var/tmp/kiln-hostile"))
                if answer.code:
                    self.assertIn("2 | ADD", answer.stderr)
        self.clean(self.kilnd)

    def test_a_dockerfile_of_100_mib_is_refused(self):
        big = self.write("big.Dockerfile", b"# comment\n" * 10_000_000)

        self.refused(self.kilnd.kiln("build", "-f", big, self.context()), 2, "1 MiB")
        self.left_nothing()

    def test_a_dockerfile_of_many_steps_or_deep_expansion_ends(self):
        for text in ("FROM base:1\n" + "ENV A=$A$A\n" * 60, "FROM base:1\nENV A=" + "${A:-" * 5000 + "}" * 5000 + "\n",
                     "FROM base:1\n" + "LABEL a=b\n" * 20_000, "FROM base:1\nRUN <<E\n" + "x" * 2_000_000):
            with self.subTest(text=text[12:30]):
                answer = self.build(self.kilnd, text)
                self.assertIn(answer.code, (0, 2, 4), str(answer)[:2000])
        self.good(self.kilnd.kiln("info"))

    def test_stages_that_need_each_other_are_refused(self):
        self.assertIn(self.build(self.kilnd, "FROM b AS a\nFROM a AS b\n").code, (2, 4))
        self.left_nothing()


class WireTest(HostileTest):
    """What no client of ours sends."""

    def status(self, method, target, body=b"", headers=(), code=None):
        status, answer = self.kilnd.request(method, target, body, headers)
        if status >= 400 and method != "HEAD":
            problem = json.loads(answer)
            self.assertEqual(problem["status"], status)
            self.assertTrue(problem["detail"], problem)
            if code:
                self.assertEqual(problem["code"], code, problem)
        return status

    def test_unknown_paths_and_methods(self):
        self.assertEqual(self.status("GET", "/"), 404)
        self.assertEqual(self.status("GET", "/v1/nothing", code="not_found"), 404)
        self.assertEqual(self.status("GET", "/v1/images/../../etc/passwd"), 404)
        self.assertIn(self.status("PATCH", "/v1/images"), (404, 405, 422))
        self.assertIn(self.status("DELETE", "/v1/system"), (404, 405, 422))

    def test_bad_escapes_digests_and_queries(self):
        self.assertEqual(self.status("GET", "/v1/images/%zz"), 400)
        self.assertEqual(self.status("GET", "/v1/images/%"), 400)
        self.assertIn(self.status("GET", "/v1/images/%00"), (400, 404))
        self.assertIn(self.status("GET", "/v1/images/%2e%2e%2f%2e%2e%2fetc"), (400, 404))
        self.assertIn(self.status("GET", "/v1/blobs/sha256:xyz"), (400, 404))
        self.assertIn(self.status("GET", "/v1/blobs/..%2f..%2fkiln.db"), (400, 404))
        self.assertEqual(self.status("GET", "/v1/blobs/sha256:" + "0" * 64), 404)
        self.assertIn(self.status("GET", "/v1/builds/x/events?after=-1"), (400, 404))
        self.assertIn(self.status("GET", "/v1/images/archive?name=base:1&format=zip"), (400, 422))

    def test_requests_that_are_no_record_of_ours(self):
        json_type = ["Content-Type: application/json"]
        for body in (b"", b"{", b"[]", b"null", b'{"unknown":1}', b"[" * 100_000, b'{"dry_run":' * 70 + b"1" + b"}" * 70,
                     b'{"dry_run":"yes"}', b"\xff\xfe{}", b'{"dry_run":true,"dry_run":false}'):
            with self.subTest(body=body[:20]):
                self.assertEqual(self.status("POST", "/v1/gc", body, json_type, "invalid_input"), 400)
        for target in ("/v1/builds", "/v1/runs", "/v1/images/tag", "/v1/images/push", "/v1/registries/login", "/v1/verify"):
            with self.subTest(target=target):
                self.assertEqual(self.status("POST", target, b'{"unknown":1}', json_type, "invalid_input"), 400)
        self.left_nothing()

    def test_bodies_beyond_the_bound_are_too_large(self):
        for target in ("/v1/builds", "/v1/gc"):
            with self.subTest(target=target):
                headers = ["Content-Type: application/json", f"Content-Length: {1 << 40}"]
                self.assertEqual(self.status("POST", target, b"", headers, "too_large"), 413)
        chunked = b"10000000\r\n" + b" " * (1 << 25)
        self.assertEqual(self.status("POST", "/v1/builds", chunked, ["Transfer-Encoding: chunked"], "too_large"), 413)
        self.left_nothing()

    def test_headers_beyond_the_bound_and_no_http_at_all(self):
        with self.kilnd.connect() as connection:
            connection.sendall(b"GET /v1/system HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n")
            self.is_refusal(connection)
        for noise in (b"\0" * 100, b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"POST /v1/gc HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                      b"POST /v1/gc HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}"):
            with self.subTest(noise=noise[:10]), self.kilnd.connect() as connection:
                connection.sendall(noise)
                connection.shutdown(1)
                self.is_refusal(connection)
        self.good(self.kilnd.kiln("info"))

    def is_refusal(self, connection):
        """An answer that says no, or no answer."""
        try:
            self.assertRegex(connection.recv(4096)[:12], rb"\A(HTTP/1.1 4..|)\Z")
        except ConnectionResetError:
            pass

    def test_a_blob_must_be_what_its_name_says(self):
        digest = "sha256:" + hashlib.sha256(b"hello").hexdigest()

        self.assertEqual(self.status("PUT", f"/v1/blobs/{digest}", b"hullo", code="digest_mismatch"), 422)
        self.assertEqual(self.status("GET", f"/v1/blobs/{digest}"), 404)
        self.left_nothing()

    def test_listings_and_contents_that_lie(self):
        kind = ["Content-Type: application/vnd.kiln.listing"]
        for listing in (b"", b"x" * 1000, os.urandom(1000)):
            with self.subTest(listing=listing[:10]):
                self.assertEqual(self.status("POST", "/v1/contexts", listing, kind), 400)
        unknown = "sha256:" + "1" * 64
        body = hashlib.sha256(b"a").digest() + (1 << 62).to_bytes(8, "little") + b"a"
        self.assertIn(self.status("PUT", f"/v1/contexts/{unknown}/contents", body), (400, 404, 413))
        self.left_nothing()

    def test_a_connection_that_ends_in_the_middle_leaves_nothing(self):
        digest = "sha256:" + hashlib.sha256(bytes(1 << 20)).hexdigest()
        for head in (f"PUT /v1/blobs/{digest} HTTP/1.1", "POST /v1/images/load?tag=evil:1 HTTP/1.1"):
            with self.subTest(head=head), self.kilnd.connect() as connection:
                connection.sendall(f"{head}\r\nHost: k\r\nContent-Length: 1048576\r\n\r\n".encode() + bytes(300_000))
        self.left_nothing()

    def test_a_build_request_cannot_name_a_file_of_the_host(self):
        listing = {"dockerfile": {"name": "/etc/passwd", "text": "FROM base:1\nCOPY /etc/passwd /p\n"}, "context": None,
                   "ignore": None, "contexts": {}, "tags": [], "build_args": {}, "target": None, "labels": {},
                   "annotations": {}, "network": "none", "platform": None, "no_cache": False, "pull": "missing",
                   "source_date_epoch": None, "timestamps": "fixed", "max_layers": 120, "compression": "zstd",
                   "compression_level": None, "push": False, "credentials": {}, "detach": False}

        status, answer = self.kilnd.api("POST", "/v1/builds", listing)

        self.assertIn(status, (202, 400, 404), answer)
        if status == 202:
            _, body = self.kilnd.request("GET", f"/v1/builds/{answer['id']}/events")
            result = json.loads(body.splitlines()[-1])["result"]
            self.assertEqual(result["status"], "failed", result)
        self.left_nothing()


class CondaTest(HostileTest):
    def test_a_package_with_another_hash_is_refused(self):
        package = self.write("p-1-0.tar.bz2", bz2.compress(tar([
            file("info/index.json", '{"name":"p","version":"1","build":"0","build_number":0,"subdir":"noarch"}'),
            file("info/files", "x"), file("x", "x")])))
        lock = self.write("env.lock", f"@EXPLICIT\nfile://{package}#{'0' * 32}\n")

        answer = self.build(self.kilnd, "FROM scratch\nCOPY --link --from=env / /\n", {},
                            "--build-context", f"env=conda:{lock}")

        self.refused(answer, 5, "p-1-0")
        self.assertEqual(self.names(self.kilnd), ["base:1"])
        self.clean(self.kilnd)


if __name__ == "__main__":
    unittest.main()
