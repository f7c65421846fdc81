"""kiln conda lock: from a specification to a lock, over channels that are directories or behind HTTP."""
import hashlib
import os
import shutil

from support import base_image
from support.case import SystemTest
from support.channel import ChannelServer, channel, make_package, record, repodata, shards, zstd

PYTHON = [record("python", "3.9.0", depends=["libc"]), record("python", "3.12.1", "0", depends=["libc", "pip"])]
LINUX = [*PYTHON, record("libc"), record("new-glibc", depends=["__glibc >=2.99"]), record("odd", "2.0", depends=["gone"])]
NOARCH = [record("pip", "24.0", subdir="noarch", noarch="python", depends=["python >=3.10"])]

class LockTest(SystemTest):
    def channel(self, name="channel", linux=LINUX, noarch=NOARCH):
        return channel(self.path(name), linux, noarch)

    def serve(self, directory, **options):
        server = ChannelServer(directory, **options)
        self.addCleanup(server.close)
        return server

    def lock(self, daemon, specs, where, *words, **options):
        return daemon.kiln("conda", "lock", "-", "-c", where, *words, stdin="\n".join(specs).encode(), **options)

    def names(self, answer):
        return [package["name"] for package in self.good(answer).json["packages"]]

    def configured(self, text):
        return self.daemon(arguments=["--config", self.write("kilnd.toml", text)])

class DirectoryTest(LockTest):
    def test_a_directory_is_resolved_and_remembered(self):
        daemon = self.daemon()
        where = self.channel()

        first = self.good(self.lock(daemon, ["python"], where))
        again = self.good(self.lock(daemon, ["python"], where))

        self.assertEqual(self.names(first), ["libc", "pip", "python"])
        self.assertEqual(first.stdout, again.stdout)
        packages = {package["name"]: package for package in first.json["packages"]}
        self.assertEqual(packages["pip"]["url"], f"file://{where}/noarch/pip-24.0-0.conda")
        self.assertEqual(first.json["inputs"]["specifications"], ["python"])
        self.clean(daemon)

    def test_a_path_in_the_file_counts_from_where_kiln_runs(self):
        daemon = self.daemon_with_base()
        where = self.channel()
        name = os.path.basename(where)
        text = f"channels: [./{name}, nodefaults]\ndependencies: [python]\n"
        words = ("conda", "lock", self.write("environment.yml", text), "--format", "json")

        locked = self.good(daemon.kiln(*words, cwd=os.path.dirname(where)))

        self.assertEqual(locked.json["inputs"]["channels"], [f"file://{where}"])
        self.refused(daemon.kiln(*words, cwd="/"), 4, f"/{name}")
        shared = f"name: a\nimage: base:1\nconda_file:\n  channels: [./{name}, nodefaults]\n  dependencies: [python]\n"
        self.refused(daemon.kiln("env", "create", "-f", self.write("a.yml", shared), cwd=os.path.dirname(where)), 2,
                     f"the channel ./{name} is a relative path", "hint: ")

    def test_what_changed_in_a_directory_is_seen(self):
        daemon = self.daemon()
        where = self.channel()
        self.assertIn("3.12.1", self.good(self.lock(daemon, ["python"], where)).stdout)

        self.channel(linux=[*LINUX, record("python", "3.13.0", depends=["libc"])])

        self.assertIn("3.13.0", self.good(self.lock(daemon, ["python"], where)).stdout)

    def test_a_compressed_repodata_is_as_good_as_a_plain_one(self):
        daemon = self.daemon()
        where = self.channel()
        plain = self.good(self.lock(daemon, ["python"], where)).stdout
        for subdir in ("linux-64", "noarch"):
            path = os.path.join(where, subdir, "repodata.json")
            with open(path, "rb") as file:
                self.write(path + ".zst", zstd(file.read()))
            os.unlink(path)

        self.assertEqual(self.good(self.lock(daemon, ["python"], where)).stdout, plain)

    def test_a_pin_holds_for_what_is_installed_and_stands_in_the_lock(self):
        daemon = self.configured("[conda]\npinned_packages = ['libc 1.*']\n")
        where = self.channel(linux=[*LINUX, record("python", "3.13.0", depends=["libc"])])

        pinned = self.good(self.lock(daemon, ["python"], where, "--pin", "python <3.13", "--pin", "numpy 1.*")).stdout

        self.assertIn("python-3.12.1-0", pinned)
        self.assertNotIn("numpy-", pinned)
        again = self.good(daemon.kiln("conda", "lock", self.write("a.lock", pinned)))
        self.assertEqual(again.stdout, pinned)
        self.assertEqual(again.json["inputs"]["pins"], ["libc 1.*", "python <3.13", "numpy 1.*"])
        self.refused(self.lock(daemon, ["python >=3.13"], where, "--pin", "python <3.13"), 4, "python", "pin")

    def test_every_format_of_a_lock_is_a_build_context_or_becomes_one(self):
        daemon = self.daemon()
        where = self.channel()
        for form in ("json", "explicit", "conda-lock"):
            lock = self.path(form + ".lock")
            self.good(self.lock(daemon, ["python"], where, "--format", form, "-o", lock))
            again = self.good(daemon.kiln("conda", "lock", lock, "--format", "explicit")).stdout
            self.assertEqual([line.rsplit("/", 1)[1].split("#")[0] for line in again.splitlines() if "://" in line],
                             ["libc-1.0-0.conda", "pip-24.0-0.conda", "python-3.12.1-0.conda"], form)

    def test_the_order_of_records_plays_no_part(self):
        daemon = self.daemon()
        where = self.channel()
        one = self.good(self.lock(daemon, ["python"], where)).stdout
        self.channel(linux=LINUX[::-1])

        self.assertEqual(self.good(self.lock(daemon, ["python"], where)).stdout, one)

    def test_a_channel_that_cannot_be_read_is_told_with_its_line(self):
        daemon = self.configured('[conda]\nchannel_alias = "http://127.0.0.1:1"\n')
        damaged, empty = self.channel("damaged"), self.path("empty")
        os.mkdir(empty)
        path = os.path.join(damaged, "linux-64", "repodata.json")
        os.truncate(path, 150)
        server = self.serve(damaged)
        closed = self.serve(empty)
        before = self.good(daemon.kiln("images", "--format", "json")).stdout
        for where, code, *said in (
                (empty, 4, "holds neither linux-64 nor noarch", "linux-64/repodata.json"),
                (self.path("gone"), 4, "holds neither linux-64 nor noarch", "conda index writes it"),
                (closed.url, 4, "holds neither", "how the channel is spelt"),
                ("nosuch", 5, "refused", "nosuch means http://127.0.0.1:1/nosuch", "channel_alias", "mirrors"),
                (damaged, 2, path + " is not read", "(line 1, byte 151)", "write this file again"),
                (server.url, 2, "/linux-64/repodata.json is not read", "its server must write this file again")):
            file = self.write("environment.yml", f"channels:\n  - nodefaults\n  - {where}\ndependencies: [a]\n")
            self.refused(daemon.kiln("conda", "lock", file), code, "environment.yml:3:5", "hint: ", *said)
        self.assertEqual(self.good(daemon.kiln("images", "--format", "json")).stdout, before)
        self.clean(daemon)

    def test_an_environment_file_brings_its_channels(self):
        daemon = self.daemon()
        where = self.channel()
        file = self.write("environment.yml", f"channels: [{where}, nodefaults]\ndependencies:\n  - python =3.9\n")

        self.assertEqual(self.names(daemon.kiln("conda", "lock", file)), ["libc", "python"])

    def test_the_target_is_the_base_image(self):
        daemon = self.daemon()
        where = self.channel()
        self.load(daemon, base_image.glibc_tar(), "glibc:1")
        self.load(daemon, base_image.busybox_tar(), "none:1")

        glibc = self.good(self.lock(daemon, ["python"], where, "--base", "glibc:1")).json
        none = self.good(self.lock(daemon, ["python"], where, "--base", "none:1")).json

        self.assertRegex(" ".join(glibc["inputs"]["virtual_packages"]), r"__glibc=2\.\d+=0")
        self.assertNotIn("__glibc", " ".join(none["inputs"]["virtual_packages"]))
        self.refused(self.lock(daemon, ["new-glibc"], where, "--base", "glibc:1"), 4, "__glibc >=2.99", "glibc:1")
        self.good(self.lock(daemon, ["new-glibc"], where, "--base", "glibc:1", "--virtual", "__glibc=2.99"))
        self.good(self.lock(daemon, ["new-glibc"], where, environment={"CONDA_OVERRIDE_GLIBC": "2.99"}))

    def test_what_cannot_be_is_said(self):
        daemon = self.daemon()
        where = self.channel()
        for specs, code, *said in (
                (["pythn"], 4, "no channel has pythn", "stdin:1:1", "did you mean python?"),
                (["python=3.9", "pip"], 4, "python=3.9 and pip exclude each other", "do without"),
                (["odd"], 4, "gone"),
                (["python >=>3"], 2, "stdin:1:8", "no comparison"),
                ([], 2, "names no packages")):
            self.refused(self.lock(daemon, specs, where), code, *said)
        self.refused(self.lock(daemon, ["python"], self.path("nowhere")), 4, "nowhere has no repodata")
        self.refused(self.lock(daemon, ["python"], where, "--base", "gone:1"), 4, "gone:1 is not in the store")
        self.refused(self.lock(daemon, ["python"], where, "--platform", "linux/sparc"), 2, "linux/sparc")
        self.refused(self.lock(daemon, ["python"], where, "--virtual", "cuda"), 2, "a version is missing")
        self.write(os.path.join(where, "linux-64", "repodata.json"), '{"packages": {')
        self.refused(self.lock(daemon, ["python"], where), 2, "channel/linux-64/repodata.json")
        self.clean(daemon)

    def test_no_file_is_opened_that_belongs_to_no_channel_of_the_user(self):
        daemon = self.daemon()
        where = self.channel()
        asked = {"input": {"name": "e", "text": "python\n"}, "channels": [f"file://{where}"]}

        status, answer = daemon.api("POST", "/v1/conda/locks", asked)

        self.assertEqual(status, 200, answer)
        self.assertEqual(answer["subdirs"], [f"file://{where}/linux-64", f"file://{where}/noarch"])
        self.assertEqual((answer["id"], answer["needs"]), (None, []))

class BuildTest(LockTest):
    def packed(self, name):
        """A channel of packages that are there: two, one of which wants a glibc."""
        where = self.path(name)
        records = []
        for package, depends in (("tool", ["data", "__glibc >=2.17"]), ("data", [])):
            content = make_package(package, depends, {f"share/{package}": package + "\n"})
            file_name, entry = record(package, depends=depends)
            entry.update(sha256=hashlib.sha256(content).hexdigest(), md5=hashlib.md5(content).hexdigest(),
                         size=len(content))
            self.write(os.path.join(where, "linux-64", file_name), content)
            records.append((file_name, entry))
        return channel(where, records)

    def build_with(self, daemon, text, dockerfile):
        file = self.write("environment.yml", text)
        return self.build(daemon, dockerfile, {}, "--build-context", f"env=conda:{file}")

    def test_a_specification_is_a_context_locked_for_the_base_it_is_copied_onto(self):
        daemon = self.daemon_with_base()
        self.load(daemon, base_image.glibc_tar(), "glibc:1")
        for where in (self.packed("packed"), self.serve(self.packed("served")).url):
            text = f"channels: [{where}, nodefaults]\ndependencies: [tool]\n"

            image = self.good(self.build_with(daemon, text, "FROM glibc:1\nCOPY --link --from=env / /\n")).line

            self.assertEqual(self.content(daemon, image, "opt/env/share/data"), "data\n")
            self.refused(self.build_with(daemon, text, "FROM base:1\nCOPY --from=env / /\n"), 4, "__glibc", "tool")
        self.good(self.build_with(daemon, text, "FROM env\n"))
        self.clean(daemon)

    def test_what_was_fetched_needs_neither_the_server_nor_the_files(self):
        daemon = self.daemon()
        served, here = self.packed("served"), self.packed("here")
        server = self.serve(served)
        for number, where in enumerate((server.url, here)):
            lock = self.path(f"{number}.lock")
            self.good(self.lock(daemon, ["tool"], where, "-o", lock))
            self.good(daemon.kiln("conda", "fetch", lock))
            self.good(daemon.kiln("conda", "fetch", lock))
        server.close()
        shutil.rmtree(here)
        self.good(daemon.kiln("gc", "--keep-age", "1h"))

        for number in range(2):
            self.good(self.build(daemon, "FROM env\n", {}, "--build-context", f"env=conda:{self.path(f'{number}.lock')}"))

        self.assertEqual(len([path for path in server.answered(200) if path.endswith(".conda")]), 2)

    def test_what_cannot_be_fetched_is_named(self):
        daemon = self.daemon()
        where = self.packed("packed")
        server = self.serve(where)
        lock = self.path("a.lock")
        self.good(self.lock(daemon, ["tool"], server.url, "-o", lock))
        self.write(os.path.join(where, "linux-64", "data-1.0-0.conda"), "something else")
        self.refused(daemon.kiln("conda", "fetch", lock), 5, "data-1.0-0.conda", "sha256")
        os.unlink(os.path.join(where, "linux-64", "data-1.0-0.conda"))
        self.refused(daemon.kiln("conda", "fetch", lock), 4, "data-1.0-0.conda is not there")
        self.refused(daemon.kiln("conda", "fetch", self.write("e.yml", "dependencies: [a]\n")), 2, "kiln conda lock")
        self.clean(daemon)

    def test_a_specification_that_cannot_be_met_is_shown_in_its_file(self):
        daemon = self.daemon_with_base()
        text = f"channels: [{self.packed('packed')}, nodefaults]\ndependencies:\n  - tol\n"

        self.refused(self.build_with(daemon, text, "FROM env\n"), 4, "environment.yml:3:5", "did you mean tool?")


class ServerTest(LockTest):
    def test_what_did_not_change_is_not_fetched_again(self):
        daemon = self.daemon()
        where = self.channel()
        server = self.serve(where)

        first = self.good(self.lock(daemon, ["python"], server.url)).stdout
        self.assertEqual(sorted(server.answered(200)), ["/linux-64/repodata.json", "/noarch/repodata.json"])
        server.requests.clear()
        again = self.good(self.lock(daemon, ["python"], server.url)).stdout

        self.assertEqual(first, again)
        self.assertEqual(sorted(server.requests), ["304 /linux-64/repodata.json", "304 /noarch/repodata.json"])
        self.channel(linux=[*LINUX, record("python", "3.13.0", depends=["libc"])])
        self.assertIn("3.13.0", self.good(self.lock(daemon, ["python"], server.url)).stdout)

    def test_of_a_sharded_channel_only_what_is_reached_is_fetched(self):
        daemon = self.daemon()
        where = self.channel(noarch=[])
        plain = self.good(self.lock(daemon, ["python =3.9"], where)).json
        shards(where, LINUX)
        server = self.serve(where)

        sharded = self.good(self.lock(daemon, ["python =3.9"], server.url)).json

        self.assertEqual([p["sha256"] for p in sharded["packages"]], [p["sha256"] for p in plain["packages"]])
        fetched = [path for path in server.answered(200) if path.endswith(".msgpack.zst") and "shards" not in path]
        self.assertEqual(len(fetched), 2, server.requests)  # python and libc; nobody asked for the others
        self.assertNotIn("/linux-64/repodata.json", server.answered(200))
        server.requests.clear()
        self.good(self.lock(daemon, ["python =3.9"], server.url))
        self.assertEqual([path for path in server.answered(200) if "linux-64" in path], [])

    def test_a_directory_may_have_its_records_in_shards_alone(self):
        daemon = self.daemon()
        where = self.channel(noarch=[])
        plain = self.good(self.lock(daemon, ["python =3.9"], where)).json
        shards(where, LINUX)
        os.remove(os.path.join(where, "linux-64", "repodata.json"))

        sharded = self.good(self.lock(daemon, ["python =3.9"], where)).json

        self.assertEqual([p["sha256"] for p in sharded["packages"]], [p["sha256"] for p in plain["packages"]])
        self.assertEqual(self.good(self.lock(daemon, ["python =3.9"], where)).json, sharded)
        self.refused(self.lock(daemon, ["pyhton"], where), 4, "pyhton", "python")
        (shard, *_) = [file for file in os.listdir(os.path.join(where, "linux-64")) if not file.startswith("repodata")]
        other = self.daemon("other")
        with open(os.path.join(where, "linux-64", shard), "ab") as file:
            file.write(b"x")
        self.assertNotEqual(self.lock(other, ["python =3.9"], where).code, 0)

    def test_what_breaks_off_goes_on_where_it_ended(self):
        daemon = self.daemon()
        where = self.channel(linux=[*LINUX, *(record(f"p{i}") for i in range(3000))])
        server = self.serve(where)
        server.cut["/linux-64/repodata.json"] = 300_000

        self.good(self.lock(daemon, ["python"], server.url))

        self.assertEqual(server.answered(206), ["/linux-64/repodata.json"])

    def test_credentials_come_from_the_configuration_and_are_never_written_out(self):
        where = self.channel()
        token, login = self.serve(where, token="s3cret"), self.serve(where, login="me:pa:ss")
        daemon = self.configured(f"""
            [conda.credentials."{token.url}"]
            token = "s3cret"
            [conda.credentials."{login.url}"]
            username = "me"
            password = "pa:ss"
        """)

        one = self.good(self.lock(daemon, ["python"], token.url))
        two = self.good(self.lock(daemon, ["python"], login.url))
        typed = self.good(self.lock(self.daemon("other"), ["python"], f"{token.url}/t/s3cret/"))

        for answer in (one, two, typed):
            self.assertEqual(self.names(answer), ["libc", "pip", "python"])
            for secret in ("s3cret", "pa:ss"):
                self.assertNotIn(secret, answer.stdout + answer.stderr + daemon.log_text)
        self.write(f"{where}/linux-64/tool-1.0-0.conda", b"some bytes")
        digest = hashlib.sha256(b"some bytes").hexdigest()
        both = self.write("typed.lock", f"@EXPLICIT\n{token.url}/t/s3cret/linux-64/tool-1.0-0.conda#sha256:{digest}\n")
        self.good(daemon.kiln("conda", "fetch", both))
        login_lock = self.write("login.lock", "@EXPLICIT\n" + login.url.replace("://", "://me:pa%3Ass@")
                                + f"/linux-64/tool-1.0-0.conda#sha256:{digest}\n")
        self.refused(self.daemon("fourth").kiln("conda", "fetch", login_lock), 2, "tool-1.0-0.conda holds a user or a password",
                     "[conda.credentials]")
        bare = self.write("bare.lock", "@EXPLICIT\nhttp://tool-1.0-0.conda\n")
        self.assertNotEqual(daemon.kiln("conda", "fetch", bare).code, 0)
        refused = self.refused(self.lock(self.daemon("third"), ["python"], login.url), 4, "answers 401", "kilnd.toml")
        self.assertNotIn("/t/", refused.stderr)

    def test_mirrors_and_names_come_from_the_configuration(self):
        server = self.serve(self.path("srv"))
        self.channel("srv/mirror/forge")
        daemon = self.configured(f"""
            [conda]
            channel_alias = "https://conda.invalid"
            default_channels = ["forge"]
            [conda.mirrors]
            "https://conda.invalid/forge" = ["{server.url}/gone", "{server.url}/mirror/forge"]
        """)

        lock = self.good(daemon.kiln("conda", "lock", "-", stdin=b"python\n")).json

        self.assertEqual(lock["inputs"]["channels"], ["https://conda.invalid/forge"])
        self.assertTrue(lock["packages"][0]["url"].startswith("https://conda.invalid/forge/"), lock)

    def test_a_mirror_that_is_down_is_waited_for_once(self):
        down, up = self.serve(self.channel("down")), self.serve(self.channel("up"))
        for subdir in ("linux-64", "noarch"):
            for name in ("repodata_shards.msgpack.zst", "repodata.json.zst", "repodata.json"):
                down.says[f"/{subdir}/{name}"] = 503
        daemon = self.configured(f"""
            [conda.mirrors]
            "https://conda.invalid/forge" = ["{down.url}", "{up.url}"]
        """)

        self.good(self.lock(daemon, ["python"], "https://conda.invalid/forge"))

        asked = down.answered(503)
        self.assertEqual(len(set(asked)), 6, asked)
        # Two subdirs at once, each until it is given up; then once each.
        self.assertEqual(len(asked), 2 * 5 + 4, asked)

    def test_a_server_that_fails_is_named(self):
        daemon = self.daemon()
        server = self.serve(self.path("empty"))
        self.refused(self.lock(daemon, ["python"], server.url), 4, "has no repodata", "how the channel is spelt")
        self.refused(self.lock(daemon, ["python"], "http://conda.example/x"), 4, "plain http", "use https")
        self.refused(self.lock(daemon, ["python"], "ftp://conda.example/x"), 2, "ftp:// is not supported")
        where = self.channel()
        self.write(os.path.join(where, "noarch", "repodata.json"), repodata(*NOARCH)[:-40])
        broken = self.serve(where)
        self.refused(self.lock(daemon, ["python"], broken.url), 2, "noarch/repodata.json")
        self.clean(daemon)

    def test_a_server_that_talks_nonsense_is_refused(self):
        daemon = self.daemon()
        server = self.serve(self.channel())
        for status, said in ((304, "answers 304"), (200, "is empty"), (418, "answers 418")):
            server.says["/noarch/repodata.json"] = status
            self.refused(self.lock(daemon, ["python"], server.url), 5, "noarch/repodata.json", said)
        server.says.clear()
        self.good(self.lock(daemon, ["python"], server.url))

    def test_a_wrong_setting_is_refused_with_its_place(self):
        from support.daemon import KILND
        import subprocess
        for text, said in (('[conda]\nchannel_aliass = "x"\n', "channel_aliass"),
                           ('[conda]\nchannel_priority = "loose"\n', "strict"),
                           ('[conda.credentials."https://x"]\ntoken = ""\n', "a token")):
            path = self.write("bad.toml", text)
            done = subprocess.run([KILND, "--root", self.path("r"), "--socket", self.path("s"), "--config", path],
                                  capture_output=True, check=False, timeout=60)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(said, done.stderr.decode())
            self.assertIn(path + ":", done.stderr.decode())
