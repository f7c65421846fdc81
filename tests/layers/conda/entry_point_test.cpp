#include "layers/conda/entry_point.hpp"

#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsWith;
using ::kiln::testing::Succeeds;

TEST(EntryPoint, IsACommandAModuleAndAFunction) {
    const EntryPoint expected{"flask", "flask.cli", "main"};

    for (const std::string text :
         {"flask = flask.cli:main",
          "flask=flask.cli:main",
          "flask = \"flask.cli : main\"",
          "flask = flask.cli:main [extra]"}) {
        const auto parsed = parse_entry_point(text);
        ASSERT_THAT(parsed, Succeeds()) << text;
        EXPECT_EQ(*parsed, expected) << text;
    }
}

TEST(EntryPoint, RefusesWhatIsNoPlainNameOrIdentifier) {
    for (const std::string text :
         {"../x = a:b",
          "/x = a:b",
          ".x = a:b",
          " = a:b",
          "x\ny = a:b",
          "x\\y = a:b",
          "x = a",
          "x",
          "x = :b",
          "x = a:",
          "x = a b:c",
          "x = a;import os:c",
          "x = a:b()",
          "x = 1a:b",
          "x = a..b:c",
          "x = a.:c",
          "x = a:b\nimport os"}) {
        EXPECT_THAT(parse_entry_point(text), FailsWith(Code::invalid_input)) << text;
    }
}

TEST(EntryPoint, ScriptIsWhatCondaWrites) {
    EXPECT_EQ(
        render_entry_point({"cmd", "pkg.mod", "Class.run"}, "/opt/env/bin/python3.11"),
        "#!/opt/env/bin/python3.11\n"
        "# -*- coding: utf-8 -*-\n"
        "import re\n"
        "import sys\n"
        "\n"
        "from pkg.mod import Class\n"
        "\n"
        "if __name__ == '__main__':\n"
        "    sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])\n"
        "    sys.exit(Class.run())\n"
    );
}

TEST(EntryPoint, LongOrSpacedPathsGoThroughSh) {
    for (const std::string& python :
         {std::string("/opt/my env/bin/python3"), "/" + std::string(125, 'x')}) {
        EXPECT_THAT(
            render_entry_point({"c", "m", "f"}, python),
            ::testing::StartsWith(
                "#!/bin/sh\n'''exec' \"" + python + "\" \"$0\" \"$@\" #'''\n# -*- coding"
            )
        );
    }
    EXPECT_THAT(
        render_entry_point({"c", "m", "f"}, "/" + std::string(123, 'x')),
        ::testing::StartsWith("#!/x")
    );
}

}  // namespace
}  // namespace kiln::conda
