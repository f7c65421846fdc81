"""Archives behind http as contexts: of builds and of environments, fetched by the client's curl from a server on loopback."""
import io
import os
import socket
import tarfile
import unittest

from support.case import SystemTest
from support.channel import ChannelServer

FILES = {"Dockerfile": "FROM base:1\nCOPY . /app/\n", ".dockerignore": "*.log\n", "a": "first\n", "b.log": "no\n",
         "sub/Dockerfile": "FROM base:1\nCOPY sub/only /\n", "sub/only": "only\n"}


def archive(files, form="gz"):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=f"w:{form}") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


class WebContextTest(SystemTest):
    def setUp(self):
        super().setUp()
        self.need("curl")
        self.kilnd = self.daemon_with_base()
        self.server = self.serve()
        self.url = self.server.url + "/app.tar.gz"
        self.offer(FILES)

    def serve(self, **options):
        os.makedirs(self.path("web"), exist_ok=True)
        server = ChannelServer(self.path("web"), **options)
        self.addCleanup(server.close)
        return server

    def offer(self, files, name="app.tar.gz", form="gz"):
        self.write(f"web/{name}", archive(files, form))

    def kiln(self, *words, **options):
        """Without the proxies of this machine."""
        environment = {"no_proxy": "*", "TMPDIR": self.temporary(), **options.pop("environment", {})}
        return self.kilnd.kiln(*words, environment=environment, **options)

    def temporary(self):
        os.makedirs(self.path("temporary"), exist_ok=True)
        return self.path("temporary")

    def image(self, context, *words, **options):
        return self.good(self.kiln("build", *words, context, **options)).line

    def define(self, url, more=""):
        return self.write("env.yml", f"name: app\nbuild: {{path: '{url}'{more}}}\n")

    def test_it_is_the_image_of_the_directory_that_was_packed(self):
        packed = self.image(self.url)

        self.assertEqual(packed, self.image(self.context(FILES)))
        self.assertEqual(self.content(self.kilnd, packed, "app/a"), "first\n")
        for form in ("bz2", "xz", ""):
            self.offer(FILES, f"app-{form}", form)
            self.assertEqual(self.image(f"{self.server.url}/app-{form}"), packed, form)
        self.assertEqual(os.listdir(self.temporary()), [])

    def test_the_dockerfile_is_one_of_the_archive_or_stdin_or_all_there_is(self):
        self.assertEqual(self.content(self.kilnd, self.image(self.url, "-f", "sub/Dockerfile"), "only"), "only\n")
        mine = self.image(self.url, "-f", "-", stdin=b"FROM base:1\nCOPY a /mine\n")
        self.assertEqual(self.content(self.kilnd, mine, "mine"), "first\n")
        self.write("web/alone", "FROM base:1\nLABEL alone=yes\n")
        self.good(self.kiln("build", "-t", "alone:1", self.server.url + "/alone"))

    def test_an_archive_is_a_named_context(self):
        image = self.image(self.context({"Dockerfile": "FROM base:1\nCOPY --from=app sub/only /\n"}),
                           "--build-context", f"app={self.url}")

        self.assertEqual(self.content(self.kilnd, image, "only"), "only\n")

    def test_an_environment_is_built_from_an_archive(self):
        file = self.define(self.url, ", dockerfile_path: sub/Dockerfile")

        created = self.good(self.kiln("env", "create", "-f", file, "--build")).stdout.split()

        self.assertEqual(created[0], "app:1")
        self.assertEqual(self.content(self.kilnd, created[1], "only"), "only\n")
        self.assertEqual(self.good(self.kiln("env", "create", "-f", file)).line, "app:1")
        self.offer({**FILES, "b.log": "ignored\n"})
        self.assertEqual(self.good(self.kiln("env", "create", "-f", file)).line, "app:1")
        self.offer({**FILES, "sub/only": "changed\n"})
        self.assertEqual(self.good(self.kiln("env", "create", "-f", file)).line, "app:2")
        self.server.close()
        self.assertEqual(self.good(self.kiln("env", "build", "app:1", "--rebuild")).line, created[1])

    def test_what_cannot_be_fetched_is_told(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            gone = f"http://127.0.0.1:{closed.getsockname()[1]}/app.tar"
            self.refused(self.kiln("build", gone), 5, f"{gone} cannot be fetched", "connect")
        self.refused(self.kiln("build", self.server.url + "/none.tar"), 4, "/none.tar cannot be fetched", "404")
        self.server.says["/app.tar.gz"] = 500
        self.refused(self.kiln("build", self.url), 5, "cannot be fetched", "500")
        self.server.says.clear()
        self.server.cut["/app.tar.gz"] = 100
        self.refused(self.kiln("build", self.url), 5, "cannot be fetched")
        self.refused(self.kiln("build", "-f", "none", self.url), 4, f"there is no none in the context at {self.url}")
        self.write("web/app.zip", b"PK\x03\x04" + bytes(1000))
        self.refused(self.kiln("build", self.server.url + "/app.zip"), 6, "the context at", "/app.zip")
        self.write("web/alone", "FROM base:1\n")
        self.refused(self.kiln("env", "create", "-f", self.define(self.server.url + "/alone")), 2, "is no archive")
        self.refused(self.kiln("env", "create", "-f", self.define(self.url, ", dockerfile_path: none")), 4,
                     f"there is no none in the context at {self.url}")
        self.assertEqual(os.listdir(self.temporary()), [])

    def test_a_password_is_used_and_never_shown(self):
        server = self.serve(login="me:secret")
        host = server.url.removeprefix("http://")
        url = f"http://me:secret@{host}/app.tar.gz?token=hidden"
        self.refused(self.kiln("build", server.url + "/app.tar.gz"), 5, "401", "~/.netrc")

        answers = [self.kiln("build", f"http://me:secret@{host}/app.tar.gz"), self.kiln("build", url),
                   self.kiln("env", "create", "-f", self.define(url))]
        self.write(os.path.join(self.kilnd.home, ".netrc"), f"machine {host.split(':')[0]} login me password secret\n")

        self.good(answers[0])
        self.refused(answers[1], 4, f"http://{host}/app.tar.gz cannot be fetched")
        self.refused(answers[2], 2, "build.path of", "holds a password", "~/.netrc")
        self.good(self.kiln("env", "create", "-f", self.define(server.url + "/app.tar.gz")))
        for answer in answers:
            self.assertNotIn("secret", answer.stdout + answer.stderr)
            self.assertNotIn("hidden", answer.stdout + answer.stderr)


if __name__ == "__main__":
    unittest.main()
