"""Same inputs, same digest, whoever and wherever; and what differs is named by `explain`."""
import os
import shutil
import unittest

from support import base_image
from support.case import SystemTest

DOCKERFILE = """FROM base:1 AS one
COPY . /srv/
RUN mkdir -p /out && date > /out/now && echo "$RANDOM_SEED" > /out/text && ln -s text /out/link && umask > /out/umask
FROM base:1
WORKDIR /app
COPY --from=one --chown=app /out/text /out/link /out/umask ./
RUN touch made && chmod 600 made && ls -la / > /dev/null
ENV A=1
CMD ["/bin/sh"]
"""
FILES = {f"dir{n % 3}/file{n}": f"content {n}\n" * n for n in range(40)}


class ReproducibleTest(SystemTest):
    def image(self, daemon, context=None, **options):
        context = context or self.context(FILES)
        answer = daemon.kiln("build", "-f", "-", context, stdin=DOCKERFILE.encode(), **options)
        return self.good(answer).line

    def reference(self):
        return self.image(self.daemon_with_base(name="reference"))

    def same(self, daemon, **options):
        """Everything from the base on, in a root of its own."""
        self.load(daemon, base_image.busybox_tar(), "base:1")
        self.assertEqual(self.image(daemon, **options), self.reference())

    def test_in_another_root_with_one_worker_and_with_eight(self):
        reference = self.reference()
        for workers in (1, 8):
            with self.subTest(workers=workers):
                daemon = self.daemon_with_base(name=f"w{workers}", arguments=["--workers", str(workers)])
                self.assertEqual(self.image(daemon), reference)

    def test_in_another_time_zone_locale_and_umask(self):
        other = {"TZ": "Pacific/Kiritimati", "LC_ALL": "tr_TR.UTF-8", "LANG": "de_DE.UTF-8"}

        self.same(self.daemon(environment=other, umask=0o077), environment=other, umask=0o077)

    def test_with_files_made_in_another_order_at_another_time_by_another_user(self):
        where = self.path("other-context")
        os.makedirs(where)
        for name in sorted(FILES, reverse=True):
            path = self.write(os.path.join(where, name), FILES[name])
            os.utime(path, (1, 1_000_000_000))
            if os.geteuid() == 0:
                os.chown(path, 12345, 54321)

        self.same(self.daemon(), context=where)

    def test_as_an_ordinary_user(self):
        daemon = self.user_daemon()

        self.same(daemon)

    def test_without_the_cache(self):
        daemon = self.daemon_with_base()
        first = self.image(daemon)
        again = self.good(daemon.kiln("build", "--no-cache", "-f", "-", self.path("context"), stdin=DOCKERFILE.encode()))

        self.assertEqual(again.line, first)

    def test_an_archive_of_it_loaded_elsewhere_has_the_same_digest(self):
        daemon = self.daemon_with_base()
        digest = self.image(daemon)
        self.good(daemon.kiln("save", digest, "-o", self.path("a.tar")))
        self.good(daemon.kiln("tag", digest, "named:1"))
        self.good(daemon.kiln("save", digest, "-o", self.path("named.tar")))
        with open(self.path("a.tar"), "rb") as a, open(self.path("named.tar"), "rb") as b:
            self.assertEqual(a.read(), b.read(), "names that nobody asked for play no part")

        other = self.daemon(name="other")
        self.good(other.kiln("load", "-i", self.path("a.tar"), "-t", "a:1"))

        self.assertEqual(other.api("GET", "/v1/images/a:1")[1]["digest"], digest)


class ExplainTest(SystemTest):
    TEXT = b"FROM base:1\nCOPY . /srv/\nRUN ls /srv > /list\n"

    def setUp(self):
        super().setUp()
        self.kilnd = self.daemon_with_base()
        self.where = self.context({"a": "one", "sub/b": "two", "log": "x", ".dockerignore": "log\n"})
        os.symlink("a", os.path.join(self.where, "link"))
        self.build_again()

    def build_again(self):
        answer = self.kilnd.kiln("build", "-t", "e:1", "--explain", "-f", "-", self.where, stdin=self.TEXT)
        self.good(answer)
        return answer.stdout + answer.stderr

    def explained(self):
        newest = self.kilnd.kiln("builds", "--format", "json").json["builds"][0]["id"]
        return self.kilnd.api("GET", f"/v1/builds/{newest}/explain")[1]["steps"]

    def all_cached(self):
        self.build_again()
        steps = self.explained()
        self.assertEqual([step["status"] for step in steps], ["hit"] * len(steps), steps)

    def missed(self, name):
        """The COPY missed, and says that it is because of this path."""
        said = self.build_again()
        copy = [step for step in self.explained() if "COPY" in step["name"]][0]
        self.assertEqual(copy["status"], "miss", copy)
        self.assertIn(name, " ".join(change["what"] for change in copy["changed"]), copy)
        self.assertIn(name, said)

    def test_touch_chown_and_a_copy_of_the_whole_context_change_nothing(self):
        os.utime(os.path.join(self.where, "a"))
        if os.geteuid() == 0:
            os.chown(os.path.join(self.where, "sub/b"), 4711, 4711)
        self.all_cached()
        shutil.copytree(self.where, self.path("copy"), symlinks=True)
        self.where = self.path("copy")
        self.all_cached()

    def test_an_ignored_file_changes_nothing(self):
        self.write(os.path.join(self.where, "log"), "another")
        self.all_cached()

    def test_content_is_named(self):
        self.write(os.path.join(self.where, "sub/b"), "changed")
        self.missed("sub/b")

    def test_a_mode_is_named(self):
        os.chmod(os.path.join(self.where, "a"), 0o755)
        self.missed("a")

    def test_the_target_of_a_link_is_named(self):
        os.unlink(os.path.join(self.where, "link"))
        os.symlink("sub/b", os.path.join(self.where, "link"))
        self.missed("link")

    def test_an_extended_attribute_is_named(self):
        try:
            os.setxattr(os.path.join(self.where, "a"), "user.note", b"1")
        except OSError as error:
            self.skipTest(f"no user xattrs here: {error}")
        self.missed("a")

    def test_a_new_file_and_a_file_that_went_are_named(self):
        self.write(os.path.join(self.where, "new"), "")
        self.missed("new")
        os.unlink(os.path.join(self.where, "new"))
        self.all_cached()

    def test_a_run_that_comes_out_the_same_rebuilds_nothing_below_it(self):
        self.TEXT = (b"FROM base:1 AS one\nCOPY a /a\nRUN wc -c < /a > /size\n"
                     b"FROM base:1\nCOPY --from=one /size /size\nRUN cat /proc/sys/kernel/random/uuid > /id\n")
        self.build_again()
        self.write(os.path.join(self.where, "a"), "two")
        self.build_again()

        self.assertEqual([step["status"] for step in self.explained()], ["miss", "miss", "hit", "hit"])


if __name__ == "__main__":
    unittest.main()
