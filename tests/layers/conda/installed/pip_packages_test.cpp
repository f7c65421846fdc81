#include "layers/conda/installed/pip_packages.hpp"

#include "layers/conda/installed/difference.hpp"
#include "layers/conda/installed/python_distribution.hpp"
#include "layers/conda/installed/verification.hpp"
#include "store/base/base64.hpp"
#include "store/hasher.hpp"
#include "tests/layers/conda/installed/installed_image.hpp"
#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::InstalledImage;
using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string k_site = "opt/env/lib/python3.11/site-packages/";

/// "sha256=…" as RECORD has it.
std::string hash_of(std::string_view content) {
    const Digest digest = digest_of(content);
    std::string text = render_base64(digest.raw());
    std::replace(text.begin(), text.end(), '+', '-');
    std::replace(text.begin(), text.end(), '/', '_');
    return "sha256=" + text.substr(0, text.find('='));
}

InstalledImage image_with_pip() {
    const std::string tool = "#!/opt/env/bin/python3.11\n";
    const std::string record = "../../../bin/flask," + hash_of(tool) +
                               ",26\nflask/__init__.py," + hash_of("x = 1\n") +
                               ",6\n\"flask/a,b.txt\",,2\n"
                               "flask/__pycache__/__init__.cpython-311.pyc,,\n"
                               "Flask-3.0.dist-info/RECORD,,\n"
                               "../../../../outside,,\n";
    InstalledImage image;
    image.add_files({
        {"opt/env/conda-meta/history", ""},
        {"opt/env/conda-meta/six-1.16-0.json",
         R"({"name": "six", "version": "1.16", "build": "0",
             "files": ["lib/python3.11/site-packages/six-1.16.dist-info/METADATA"]})"},
        {"opt/env/conda-meta/old-1-0.json", R"({"name": "old", "version": "1", "build": "0"})"},
        {"opt/env/bin/flask", tool},
        {k_site + "flask/__init__.py", "x = 1\n"},
        {k_site + "flask/a,b.txt", "ab"},
        {k_site + "Flask-3.0.dist-info/METADATA",
         "Metadata-Version: 2.1\nName: Flask\nVersion: 3.0\nLicense: BSD-3-Clause\n"
         "Requires-Dist: Werkzeug (>=3.0)\nRequires-Dist: asgiref ; extra == 'async'\n\n"
         "Name: of the description\n"},
        {k_site + "Flask-3.0.dist-info/RECORD", record},
        {k_site + "Flask-3.0.dist-info/INSTALLER", "pip\n"},
        {k_site + "Flask-3.0.dist-info/REQUESTED", ""},
        {k_site + "six-1.16.dist-info/METADATA", "Name: six\nVersion: 1.16\n"},
        {k_site + "old-1.dist-info/METADATA", "Name: old\nVersion: 1\n"},
        {k_site + "old-1.dist-info/INSTALLER", "conda"},
        {k_site + "gone-1.dist-info/METADATA", "Name: gone\nVersion: 1\n"},
        {k_site + "setuptools/_vendor/toml-1.dist-info/METADATA", "Name: toml\nVersion: 1\n"},
        {k_site + "bare_name-2.dist-info/METADATA", ""},
    });
    image.add_files({{k_site + ".wh.gone-1.dist-info", ""}});
    return image;
}

InstalledEnvironment environment_of(const InstalledImage& image) {
    auto read = read_environment(image.tree(), "/opt/env", image.read());
    EXPECT_THAT(read, Succeeds());
    return std::move(*read);
}

TEST(PipPackages, StandBesideThoseOfCondaAndNeverTwice) {
    const InstalledEnvironment read = environment_of(image_with_pip());

    std::vector<std::string> names;
    for (const InstalledPackage& package : read.packages) {
        names.push_back(package.dist());
    }
    EXPECT_THAT(
        names, ElementsAre("bare-name-2-pypi_0", "flask-3.0-pypi_0", "old-1-0", "six-1.16-0")
    );
    const InstalledPackage& flask = read.packages[1];
    EXPECT_EQ(flask.manager, PackageManager::pip);
    EXPECT_EQ(flask.channel_name(), "pypi");
    EXPECT_EQ(flask.license, "BSD-3-Clause");
    EXPECT_THAT(flask.depends, ElementsAre("werkzeug"));
    EXPECT_THAT(flask.requested_specs, ElementsAre("flask"));
    EXPECT_EQ(read.packages[3].manager, PackageManager::conda);
}

TEST(PipPackages, OfSetuptoolsAndDistutilsAreReadToo) {
    InstalledImage eggs = image_with_pip();
    eggs.add_files({
        {"opt/env/conda-meta/pyside-5-0.json",
         R"({"name": "pyside", "version": "5", "build": "0",
             "files": ["lib/python3.11/site-packages/PySide-5.egg-info"]})"},
        {k_site + "PySide-5.egg-info", "Name: PySide\nVersion: 5\n"},
        {k_site + "one_file-1.5-py3.11.egg-info", "Name: one-file\nVersion: 1.5\nLicense: MIT\n"},
        {k_site + "Tool-2.0-py3.11.egg-info/PKG-INFO", "Metadata-Version: 1.0\n"},
        {k_site + "Tool-2.0-py3.11.egg-info/requires.txt",
         "six>=1.0\nWerkzeug\n\n[async]\nasgiref\n"},
        {k_site + "Tool-2.0-py3.11.egg-info/installed-files.txt",
         "../tool/__init__.py\nPKG-INFO\n../../../../bin/tool\n"},
        {k_site + "tool/__init__.py", ""},
        {k_site + "Flask-2.9-py3.11.egg-info/PKG-INFO", "Name: Flask\nVersion: 2.9\n"},
        {k_site + "old-1-py3.11.egg-info/PKG-INFO", "Name: old\nVersion: 1\n"},
        {k_site + "empty.egg-info/SOURCES.txt", "setup.py\n"},
        {k_site + "edited.egg-link", "/src/edited\n"},
        {k_site + "vendored/inner-1.egg-info", "Name: inner\nVersion: 1\n"},
    });

    const InstalledEnvironment read = environment_of(eggs);

    std::vector<std::string> names;
    for (const InstalledPackage& package : read.packages) {
        names.push_back(package.dist());
    }
    EXPECT_THAT(
        names,
        ElementsAre(
            "bare-name-2-pypi_0",
            "flask-3.0-pypi_0",
            "old-1-0",
            "one-file-1.5-pypi_0",
            "pyside-5-0",
            "six-1.16-0",
            "tool-2.0-pypi_0"
        )
    );
    EXPECT_EQ(read.packages[3].license, "MIT");
    const InstalledPackage& tool = read.packages.back();
    EXPECT_THAT(tool.depends, ElementsAre("six", "werkzeug"));
    const Verification verification = verify(read, eggs.tree());
    ASSERT_THAT(verification.findings, SizeIs(1));
    EXPECT_EQ(verification.findings[0].path, "bin/tool");
    EXPECT_EQ(verification.findings[0].fault, PathFault::missing);
}

TEST(PipPackages, AreVerifiedByTheirRecord) {
    InstalledImage good = image_with_pip();

    const Verification sound = verify(environment_of(good), good.tree());

    EXPECT_THAT(sound.findings, IsEmpty());
    EXPECT_EQ(
        sound.extra,
        std::vector<std::string>(
            {"lib/python3.11/site-packages/Flask-3.0.dist-info/INSTALLER",
             "lib/python3.11/site-packages/Flask-3.0.dist-info/METADATA",
             "lib/python3.11/site-packages/Flask-3.0.dist-info/REQUESTED",
             "lib/python3.11/site-packages/bare_name-2.dist-info/METADATA",
             "lib/python3.11/site-packages/old-1.dist-info/INSTALLER",
             "lib/python3.11/site-packages/old-1.dist-info/METADATA",
             "lib/python3.11/site-packages/setuptools/_vendor/toml-1.dist-info/METADATA"}
        )
    );

    InstalledImage changed = image_with_pip();
    changed.add_files(
        {{"opt/env/bin/flask", "other"}, {k_site + "flask/a,b.txt", "longer than two bytes"}}
    );
    const Verification verification = verify(environment_of(changed), changed.tree());

    ASSERT_THAT(verification.findings, SizeIs(2));
    EXPECT_EQ(verification.findings[0].path, "bin/flask");
    EXPECT_EQ(verification.findings[0].fault, PathFault::content);
    EXPECT_EQ(verification.findings[0].found, digest_of("other").hex());
    EXPECT_EQ(verification.findings[0].layer, 2U);
    EXPECT_EQ(verification.findings[1].path, "lib/python3.11/site-packages/flask/a,b.txt");
    EXPECT_EQ(verification.findings[1].expected, "");
}

TEST(PipPackages, AreComparedApartFromThoseOfConda) {
    InstalledImage after = image_with_pip();
    after.add_files(
        {{k_site + ".wh.Flask-3.0.dist-info", ""},
         {k_site + "flask-3.1.dist-info/METADATA", "Name: Flask\nVersion: 3.1\n"},
         {k_site + "six-1.17.dist-info/METADATA", "Name: six\nVersion: 1.17\n"}}
    );
    const InstalledEnvironment was = environment_of(image_with_pip());
    const InstalledEnvironment is = environment_of(after);

    const EnvironmentDifference difference = compare(was, is);

    ASSERT_THAT(difference.changes, SizeIs(2));
    EXPECT_EQ(difference.changes[0].name(), "flask");
    EXPECT_EQ(difference.changes[0].kind, PackageChangeKind::upgraded);
    EXPECT_EQ(difference.changes[1].name(), "six");
    EXPECT_EQ(difference.changes[1].kind, PackageChangeKind::added);
    EXPECT_EQ(difference.unchanged, 3U);
}

TEST(PythonRecord, PathsAreOfThePrefixOrLeftOut) {
    const auto paths = read_python_record(
        "a.py,,\r\n./b/../c.py,,3\n../x,md5=abc,\n/opt/env/share/y,,\n/etc/z,,\n"
        "../../../../../../etc/passwd,,\n,,\n\"q\"\"q\",,\n",
        "lib/python3.11/site-packages",
        "/opt/env"
    );

    ASSERT_THAT(paths, Succeeds());
    std::vector<std::string> names;
    for (const InstalledPath& path : *paths) {
        names.push_back(path.path);
    }
    EXPECT_THAT(
        names,
        ElementsAre(
            "lib/python3.11/site-packages",
            "lib/python3.11/site-packages/a.py",
            "lib/python3.11/site-packages/c.py",
            "lib/python3.11/site-packages/q\"q",
            "lib/python3.11/x",
            "share/y"
        )
    );
}

TEST(PythonMetadata, ALicenceIsAnExpressionAWordOrAClassifier) {
    const auto license = [](const std::string& fields) {
        const auto metadata =
            read_python_metadata("Name: a\nVersion: 1\n" + fields, "a-1.dist-info");
        return metadata ? metadata->license : "nothing";
    };
    EXPECT_EQ(
        license("License: old\nLicense-Expression: MIT OR Apache-2.0\n"), "MIT OR Apache-2.0"
    );
    EXPECT_EQ(license("License: BSD 3-Clause\n"), "BSD 3-Clause");
    EXPECT_EQ(
        license("License: Permission is hereby\n  granted\nClassifier: License :: OSI Approved :: "
                "MIT License\n"),
        "MIT License"
    );
    EXPECT_EQ(license("License: UNKNOWN\n"), "");
    EXPECT_EQ(read_python_metadata("", "nameless.dist-info"), std::nullopt);
}

TEST(DirectUrl, TellsWhereAPackageCameFromUnlessThatWasTheBuilder) {
    const std::string hex(64, 'a');
    EXPECT_EQ(
        read_direct_url(
            R"({"url": "https://u:p@h.example/a.whl", "archive_info": {"hash": "sha256=)" + hex
            + "\"}}"
        ),
        (DirectUrl{"https://h.example/a.whl", hex})
    );
    EXPECT_EQ(read_direct_url(R"({"url": "file:///.kiln-pip/a.whl"})"), DirectUrl());
    EXPECT_EQ(read_direct_url("[]"), DirectUrl());
    EXPECT_EQ(read_direct_url("{"), DirectUrl());
}

}  // namespace
}  // namespace kiln::conda
