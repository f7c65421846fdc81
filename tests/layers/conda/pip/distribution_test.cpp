#include "layers/conda/pip/distribution.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace kiln::conda {
namespace {

TEST(Distribution, NamesThatPipTakesForOneAreOne) {
    for (const char* name :
         {"Flask-SQLAlchemy", "flask_sqlalchemy", "flask.sqlalchemy", "flask-_.sqlalchemy"}) {
        EXPECT_EQ(normalized_distribution(name), "flask-sqlalchemy");
    }
}

RC_GTEST_PROP(Distribution, NormalizingTwiceChangesNothing, (const std::string& name)) {
    const std::string once = normalized_distribution(name);
    RC_ASSERT(normalized_distribution(once) == once);
}

TEST(Distribution, FilesAreToldByTheirNames) {
    const auto wheel =
        parse_distribution_file("Flask_Thing-2.0+cu1-1-cp311-cp311-linux_x86_64.whl");
    const auto sources = parse_distribution_file("flask-thing-2.0.tar.gz");
    const auto archive = parse_distribution_file("0a1b2c.zip");

    ASSERT_TRUE(wheel && sources && archive);
    EXPECT_TRUE(wheel->is_wheel);
    EXPECT_EQ(wheel->name + " " + wheel->version, "flask-thing 2.0+cu1");
    EXPECT_FALSE(sources->is_wheel);
    EXPECT_EQ(sources->name + " " + sources->version, "flask-thing 2.0");
    EXPECT_EQ(archive->name, "");
    for (const char* other :
         {"flask.py", "a-1.whl", ".tar.gz", "..", "a b-1.zip", "-r.zip", "x/y.zip", ""}) {
        EXPECT_FALSE(parse_distribution_file(other)) << other;
    }
}

TEST(Distribution, AFileNameIsWhatALocationEndsWith) {
    EXPECT_EQ(distribution_file_name("https://h/a%2Bb-1.zip?x=1#sha256=0"), "a+b-1.zip");
    EXPECT_EQ(distribution_file_name("a.whl"), "a.whl");
    EXPECT_EQ(percent_decoded("/a%20b%zz%"), "/a b%zz%");
}

}  // namespace
}  // namespace kiln::conda
