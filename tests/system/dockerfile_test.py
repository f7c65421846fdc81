"""What Dockerfiles do, seen from inside the images they make."""
import io
import os
import tarfile
import unittest

from support import base_image
from support.case import SharedDaemonTest


class CopyTest(SharedDaemonTest):
    def test_wildcards_take_what_they_match_and_nothing_else(self):
        image = self.image("FROM base:1\nCOPY *.txt q?.md /to/\n",
                           {"a.txt": "a", "b.txt": "b", "c.bin": "c", "q1.md": "q", "q12.md": "no"})

        self.assertEqual(self.says(image, "ls /to").split(), ["a.txt", "b.txt", "q1.md"])

    def test_a_wildcard_that_matches_nothing_is_an_error_with_its_line(self):
        answer = self.build(self.kilnd, "FROM base:1\n\nCOPY *.nope /to/\n", {"a": ""})

        self.refused(answer, 4, "*.nope", "Dockerfile:3:", "3 | COPY *.nope", "^")

    def test_a_directory_is_copied_as_its_content(self):
        image = self.image("FROM base:1\nCOPY src /to\nCOPY src/deep/x /x\n", {"src/a": "a", "src/deep/x": "x"})

        self.assertEqual(self.says(image, "cd /to && find . -type f | sort; cat /x").split(), ["./a", "./deep/x", "x"])

    def test_chown_by_name_and_number_and_chmod(self):
        image = self.image("FROM base:1\nCOPY --chown=app:audio a /a\nCOPY --chown=7 --chmod=0640 a /b\n", {"a": "a"})

        self.assertEqual(self.says(image, "stat -c '%a %u %g' /a /b").splitlines(), ["644 1000 29", "640 7 7"])

    def test_chown_to_a_name_the_image_lacks_is_an_error(self):
        answer = self.build(self.kilnd, "FROM base:1\nCOPY --chown=nobody-here a /a\n", {"a": "a"})

        self.refused(answer, 4, "nobody-here", ":2:")

    def test_link_does_not_follow_what_lies_below(self):
        image = self.image(
            "FROM base:1\nRUN mkdir /real && ln -s real /lib2\nCOPY a /lib2/\nCOPY --link a /linked/\n", {"a": "a"})

        self.assertEqual(self.says(image, "readlink /lib2; cat /real/a /linked/a").split(), ["real", "aa"])

    def test_link_gives_the_same_layer_on_another_base(self):
        text = "COPY --link a /srv/a\n"
        one = self.image("FROM base:1\n" + text, {"a": "a"})
        two = self.image("FROM scratch\n" + text, {"a": "a"})

        layers = [self.kilnd.kiln("inspect", image).json["config"]["rootfs"]["diff_ids"][-1] for image in (one, two)]
        self.assertEqual(layers[0], layers[1])

    def test_from_copies_out_of_stages_and_images(self):
        image = self.image(
            "FROM base:1 AS one\nRUN echo made > /made\n"
            "FROM scratch AS two\nCOPY --from=one /made /moved\n"
            "FROM base:1\nCOPY --from=two /moved /at-last\nCOPY --from=base:1 /etc/group /group\nCOPY --from=0 /made /m\n")

        self.assertEqual(self.says(image, "cat /at-last /m; grep audio /group").split(),
                         ["made", "made", "audio:x:29:app"])

    def test_symlinks_on_the_way_to_a_destination_stay_inside_the_image(self):
        image = self.image("FROM base:1\nRUN ln -s ../../../tmp /out && ln -s /nowhere/yet /far\nCOPY a /out/a\n"
                           "COPY a /far/a\n", {"a": "a"})

        self.assertEqual(self.says(image, "cat /tmp/a /nowhere/yet/a"), "aa")

    def test_hard_links_and_symlinks_of_a_context_keep_their_content(self):
        where = self.context({"dir/a": "a"})
        os.symlink("a", os.path.join(where, "dir/link"))
        answer = self.kilnd.kiln("build", "-f", "-", where, stdin=b"FROM base:1\nCOPY dir /dir\n")

        self.assertEqual(self.says(self.good(answer).line, "readlink /dir/link; cat /dir/link"), "a\na")

    def test_what_dockerignore_excludes_is_named_in_the_hint(self):
        answer = self.build(self.kilnd, "FROM base:1\nCOPY app.py /\n",
                            {"app.py": "x", ".dockerignore": "# first\n*.py\n"})

        self.refused(answer, 4, "app.py is not in the build context", "COPY app.py /", ".dockerignore line 2 (*.py)")

    def test_dockerignore_takes_back_what_an_exclamation_mark_names(self):
        image = self.image("FROM base:1\nCOPY . /to/\n", {
            "keep.log": "k", "drop.log": "d", "sub/drop.log": "d", "a": "a", ".dockerignore": "**/*.log\n!keep.log\n"})

        self.assertEqual(self.says(image, "cd /to && find . -type f | sort").split(), ["./.dockerignore", "./a", "./keep.log"])

    def test_a_heredoc_is_a_file(self):
        image = self.image('FROM base:1\nARG who=me\nCOPY <<one <<"two" /to/\nhello $who\none\nraw $who\ntwo\n')

        self.assertEqual(self.says(image, "cat /to/one /to/two"), "hello me\nraw $who\n")


class AddTest(SharedDaemonTest):
    def archive(self, compression=""):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode=f"w:{compression}") as archive:
            for info, content in [base_image.directory("in"), base_image.file("in/file", "packed\n", 0o600, uid=5)]:
                archive.addfile(info, content and io.BytesIO(content))
        return out.getvalue()

    def test_add_unpacks_by_content_not_by_name(self):
        image = self.image("FROM base:1\nADD one.txt two.dat three.bz2 four.tar.xz /to/\n", {
            "one.txt": self.archive("gz"), "two.dat": self.archive(), "three.bz2": self.archive("bz2"),
            "four.tar.xz": "not an archive\n"})

        self.assertEqual(self.says(image, "stat -c '%n %a %u' /to/in/file; cat /to/in/file /to/four.tar.xz; ls /to"),
                         "/to/in/file 600 5\npacked\nnot an archive\nfour.tar.xz\nin\n")

    def test_copy_leaves_an_archive_alone(self):
        image = self.image("FROM base:1\nCOPY a.tar /to/\n", {"a.tar": self.archive()})

        self.assertEqual(self.says(image, "ls /to"), "a.tar\n")


class VariablesTest(SharedDaemonTest):
    def test_args_end_with_their_stage_and_env_goes_on(self):
        image = self.image(
            "ARG tag=1\nFROM base:${tag} AS one\nARG tag\nARG local=l\nENV KEPT=$local-$tag\n"
            "FROM one\nRUN echo \"[$local][$KEPT][$tag]\" > /seen\n")

        self.assertEqual(self.says(image, "cat /seen; echo $KEPT"), "[][l-1][]\nl-1\n")

    def test_build_args_replace_defaults_and_env_goes_before_arg(self):
        image = self.image("FROM base:1\nARG a=1\nARG b=2\nENV b=env\nRUN echo $a $b > /seen\n", {},
                           "--build-arg", "a=x", "--build-arg", "b=y")

        self.assertEqual(self.says(image, "cat /seen"), "x env\n")

    def test_a_build_arg_nobody_declares_is_a_warning(self):
        answer = self.good(self.build(self.kilnd, "FROM base:1\nRUN true\n", {}, "--build-arg", "nobody=1"))

        self.assertIn("nobody", answer.stderr)

    def test_default_and_alternative_values(self):
        image = self.image("FROM base:1\nARG e\nENV A=${e:-none} B=${e:+set} C=\"two words\" D='$e'\n")

        self.assertEqual(sorted(each for each in self.config(image)["Env"] if not each.startswith("PATH")),
                         ["A=none", "B=", "C=two words", "D=$e"])

    def test_workdir_is_made_and_relative_ones_add_up(self):
        image = self.image("FROM base:1\nENV at=/deep\nWORKDIR $at\nWORKDIR er\nRUN pwd > seen\n")

        self.assertEqual(self.says(image, "cat /deep/er/seen; pwd"), "/deep/er\n/deep/er\n")

    def test_what_the_config_says_is_what_the_file_said(self):
        image = self.image(
            "FROM base:1\nLABEL a=1 \"b c\"=\"d e\"\nEXPOSE 80 53/udp\nVOLUME /data\nSTOPSIGNAL SIGINT\nUSER app\n"
            "ENTRYPOINT [\"/bin/echo\"]\nCMD [\"one\", \"two words\"]\n", {}, "--label", "given=yes")
        config = self.config(image)

        self.assertEqual(config["Labels"], {"a": "1", "b c": "d e", "given": "yes"})
        self.assertEqual(sorted(config["ExposedPorts"]), ["53/udp", "80/tcp"])
        self.assertEqual((config["Volumes"], config["StopSignal"], config["User"]), ({"/data": {}}, "SIGINT", "app"))
        self.assertEqual((config["Entrypoint"], config["Cmd"]), (["/bin/echo"], ["one", "two words"]))
        self.assertEqual(self.good(self.kilnd.kiln("run", image)).stdout, "one two words\n")


class RunTest(SharedDaemonTest):
    def test_user_by_name_has_its_groups(self):
        image = self.image("FROM base:1\nRUN chmod 777 /tmp\nUSER app\nRUN id > /tmp/id; touch /tmp/mine\n")

        self.assertEqual(self.says(image, "cat /tmp/id; stat -c %u /tmp/mine"),
                         "uid=1000(app) gid=1000(app) groups=29(audio),1000(app)\n1000\n")

    def test_shell_replaces_the_shell(self):
        image = self.image('FROM base:1\nSHELL ["/bin/echo", "said:"]\nCMD hello there\n')

        self.assertEqual(self.config(image)["Cmd"], ["/bin/echo", "said:", "hello there"])
        self.assertEqual(self.config(image)["Shell"], ["/bin/echo", "said:"])

    def test_exec_form_has_no_shell(self):
        image = self.image('FROM base:1\nRUN ["/bin/busybox", "sh", "-c", "echo \\"$0\\" > /seen", "$HOME"]\n')

        self.assertEqual(self.says(image, "cat /seen"), "$HOME\n")

    def test_a_heredoc_is_a_script(self):
        image = self.image("FROM base:1\nRUN <<EOF\necho one > /seen\necho two >> /seen\nEOF\n")

        self.assertEqual(self.says(image, "cat /seen"), "one\ntwo\n")

    def test_removals_are_whiteouts_and_the_layers_below_stay(self):
        image = self.image("FROM base:1\nRUN mkdir /d && touch /d/a /d/b\nRUN rm /d/a\n"
                           "RUN rm -r /d && mkdir /d && touch /d/c\n")

        self.assertEqual(self.says(image, "ls /d"), "c\n")

    def test_a_step_that_fails_is_drawn_with_its_line_and_output(self):
        answer = self.build(self.kilnd, "FROM base:1\nRUN true\nRUN echo it broke >&2; exit 3\n")

        self.refused(answer, 1, "ended with exit code 3", "3 | RUN echo it broke", "^", "it broke")
        self.assertEqual(answer.stdout, "")

    def test_a_command_that_is_not_there_is_named(self):
        self.refused(self.build(self.kilnd, 'FROM base:1\nRUN ["/bin/nothing-here"]\n'), 4,
                     "the image has no /bin/nothing-here", "2 | RUN")

    def test_nothing_of_the_sandbox_stays_in_a_layer(self):
        image = self.image("FROM scratch\nCOPY --from=base:1 /bin /bin\nRUN [\"/bin/busybox\", \"touch\", \"/made\"]\n")
        target = self.path("tree")
        self.good(self.kilnd.kiln("export", image, "-o", target))

        self.assertEqual(sorted(os.listdir(target)), ["bin", "made"])

    def test_stages_nobody_needs_do_not_run(self):
        answer = self.good(self.build(
            self.kilnd, "FROM base:1 AS broken\nRUN exit 1\nFROM base:1 AS used\nRUN echo u > /u\n"
            "FROM base:1 AS other\nRUN exit 1\nFROM base:1\nCOPY --from=used /u /u\n"))

        self.assertEqual(self.says(answer.line, "cat /u"), "u\n")

    def test_target_ends_the_build_there(self):
        image = self.image("FROM base:1 AS one\nENV at=one\nFROM base:1 AS two\nRUN exit 1\n", {}, "--target", "one")

        self.assertIn("at=one", self.config(image)["Env"])

    def test_an_image_has_no_layer_for_words(self):
        image = self.image("FROM base:1\nENV a=1\nLABEL b=2\nCMD [\"x\"]\n")

        self.assertEqual(self.good(self.kilnd.kiln("layers", image, "--format", "json")).json["layers"].__len__(), 1)


class RefusalTest(SharedDaemonTest):
    def test_what_is_not_there_yet_is_refused_by_name_with_its_line(self):
        for line, word in [
            ("ONBUILD RUN true", "ONBUILD"), ("HEALTHCHECK CMD true", "HEALTHCHECK"),
            ("RUN --mount=type=ssh true", "ssh"), ("RUN --device=gpu true", "--device"),
            ("ADD https://example.invalid/x /x", "https://example.invalid/x"),
            ("COPY --parents a /", "--parents"), ("RUN --security=insecure true", "--security"),
        ]:
            with self.subTest(line=line):
                answer = self.build(self.kilnd, f"FROM base:1\nRUN true\n{line}\n", {"a": ""})
                if answer.code == 0:
                    continue  # what works needs no refusal
                self.refused(answer, 2, word, "3 | ", "^")

    def test_mistakes_are_shown_where_they_are(self):
        for text, code, parts in [
            ("", 2, ["no instructions"]),
            ("RUN true\n", 2, ["FROM"]),
            ("FROM base:1\nCOPY a\n", 2, ["COPY requires at least two arguments", "2 | COPY a", "hint:"]),
            ("FROM base:1\nRUNN true\n", 2, ["RUNN", "RUN"]),
            ("FROM base:1\nCOPY --from=nobody a /\n", 4, ["nobody", "2 | "]),
            ("FROM nobody:9\n", 4, ["nobody:9", "1 | "]),
            ("FROM base:1\nCOPY --chwn=1 a /\n", 2, ["--chwn", "--chown"]),
            ("FROM base:1\nARG a=${\n", 2, ["2 | "]),
            ("FROM base:1 AS a\nCOPY --from=a x /x\n", 2, ["2 | "]),
        ]:
            with self.subTest(text=text):
                answer = self.build(self.kilnd, text, {"b": ""})
                self.refused(answer, code, *parts)

    def test_copy_does_not_leave_the_context(self):
        with open(self.path("secret"), "w", encoding="utf-8") as file:
            file.write("secret")
        for source in ("../secret", "/../secret", "sub/../../secret"):
            with self.subTest(source=source):
                answer = self.build(self.kilnd, f"FROM base:1\nCOPY {source} /got\n", {"a": "a"})
                self.assertNotEqual(answer.code, 0, str(answer))

    def test_a_link_in_the_context_does_not_lead_out_of_it(self):
        where = self.context({"a": "a"})
        os.symlink("/etc/hostname", os.path.join(where, "out"))
        answer = self.good(self.kilnd.kiln("build", "-f", "-", where, stdin=b"FROM base:1\nCOPY . /to/\n"))

        self.assertEqual(self.says(answer.line, "readlink /to/out"), "/etc/hostname\n")


if __name__ == "__main__":
    unittest.main()
