#include "daemon/build/copy_plan.hpp"

#include "daemon/build/planner.hpp"
#include "layers/dockerfile/parser.hpp"
#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"

namespace kiln::daemon {
namespace {

using kiln::testing::FailsSaying;
using kiln::testing::Succeeds;
using tar::EntryType;
using ::testing::ElementsAre;

/// A tree that is only listed: planning looks at tables and never at contents.
class ListedOnly final : public SourceTree {
  public:
    explicit ListedOnly(std::vector<TableRow> rows)
        : SourceTree({render(std::move(rows))}) {}

    Result<std::unique_ptr<ByteSource>> open(const tree::Node& node) const override {
        return std::make_unique<SpanSource>(as_bytes(texts_.at(node.row.entry.path)));
    }

    ListedOnly& with_text(const std::string& path, std::string text) {
        texts_[path] = std::move(text);
        return *this;
    }

  private:
    static std::shared_ptr<const TableOfContents> render(std::vector<TableRow> rows) {
        std::sort(rows.begin(), rows.end(), [](const TableRow& a, const TableRow& b) {
            return tar::path_less(a.entry.path, b.entry.path);
        });
        return TableOfContents::open(TableOfContents::render(rows)).value();
    }

    std::map<std::string, std::string> texts_;
};

TableRow file(std::string path, std::string_view content, std::uint32_t mode = 0644) {
    TableRow row;
    row.entry.path = std::move(path);
    row.entry.mode = mode;
    row.entry.size_bytes = content.size();
    row.content = digest_of(content);
    return row;
}

TableRow directory(std::string path, std::uint32_t mode = 0755) {
    TableRow row;
    row.entry.path = std::move(path);
    row.entry.type = EntryType::directory;
    row.entry.mode = mode;
    return row;
}

TableRow symlink(std::string path, std::string link) {
    TableRow row;
    row.entry.path = std::move(path);
    row.entry.type = EntryType::symlink;
    row.entry.mode = 0777;
    row.entry.link = std::move(link);
    return row;
}

struct Copying {
    std::vector<TableRow> context;
    std::vector<TableRow> image = {directory("etc")};
    std::string passwd = "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n";
    UnixSeconds epoch = k_default_epoch;

    Result<CopyPlan> operator()(const std::string& instruction) const {
        const auto parsed = dockerfile::parse("FROM scratch\n" + instruction + "\n", "Dockerfile");
        EXPECT_THAT(parsed, Succeeds());
        BuildRequest request;
        request.context = digest_of("listing");
        const auto graph = plan(request, *parsed, [](const std::string&) -> Result<Image> {
            return fail(Code::not_found, "no images here");
        });
        TRY(graph);
        auto rows = image;
        rows.push_back(file("etc/passwd", passwd));
        auto below = std::make_shared<ListedOnly>(rows);
        below->with_text("etc/passwd", passwd);
        CopySurroundings around;
        around.source = std::make_shared<ListedOnly>(context);
        around.source_name = "the build context";
        around.below = below;
        around.epoch = epoch;
        return CopyPlan::of_copy(std::get<CopyStep>(graph->stages[0].steps[0].action), around, {});
    }

    /// Paths of the layer, with '/' after directories.
    std::vector<std::string> paths(const std::string& instruction) const {
        const auto plan = (*this)(instruction);
        EXPECT_THAT(plan, Succeeds());
        std::vector<std::string> names;
        if (plan) {
            for (const tar::TarEntry& entry : plan->entries()) {
                names.push_back(entry.path + (entry.type == EntryType::directory ? "/" : ""));
            }
        }
        return names;
    }
};

TEST(CopyPlan, CopiesAFileToANameOrIntoADirectory) {
    const Copying copying{.context = {file("a.txt", "a")}};

    EXPECT_THAT(copying.paths("COPY a.txt /b.txt"), ElementsAre("b.txt"));
    EXPECT_THAT(copying.paths("COPY a.txt /new/"), ElementsAre("new/", "new/a.txt"));
    EXPECT_THAT(copying.paths("COPY a.txt /etc"), ElementsAre("etc/", "etc/a.txt"));
}

TEST(CopyPlan, CopiesWhatADirectoryHoldsAndNotItself) {
    const Copying copying{
        .context = {
            directory("src"), file("src/a", "a"), directory("src/sub"), file("src/sub/b", "b")}};

    EXPECT_THAT(copying.paths("COPY src /x"), ElementsAre("x/", "x/a", "x/sub/", "x/sub/b"));
}

TEST(CopyPlan, MatchesWildcardsAsGoDoes) {
    const Copying copying{.context = {file("a.py", "1"), file("b.py", "2"), file("c.txt", "3")}};

    EXPECT_THAT(copying.paths("COPY *.py /x/"), ElementsAre("x/", "x/a.py", "x/b.py"));
    EXPECT_THAT(
        copying("COPY *.rs /x/"), FailsSaying(Code::not_found, "*.rs is not in the build context")
    );
    EXPECT_THAT(copying("COPY *.py /x"), FailsSaying(Code::invalid_input, "must end in '/'"));
}

TEST(CopyPlan, FollowsANamedSymlinkAndKeepsThoseInside) {
    const Copying copying{
        .context = {
            file("real", "r"), symlink("link", "real"), directory("d"), symlink("d/l", "../real")}};

    const auto named = copying("COPY link /x");
    const auto inside = copying("COPY d /y/");

    ASSERT_THAT(named, Succeeds());
    EXPECT_EQ(named->entries().at(0).type, EntryType::file);
    ASSERT_THAT(inside, Succeeds());
    EXPECT_EQ(inside->entries().at(1).type, EntryType::symlink);
}

TEST(CopyPlan, GoesThroughSymlinksOfTheImageInsideItsRoot) {
    const Copying copying{
        .context = {directory("lib"), file("lib/x", "x")},
        .image = {
            directory("etc"),
            symlink("lib", "usr/lib"),
            directory("usr"),
            directory("usr/lib"),
            symlink("out", "../../etc")}};

    EXPECT_THAT(copying.paths("COPY . /"), ElementsAre("usr/", "usr/lib/", "usr/lib/x"));
    EXPECT_THAT(copying.paths("COPY lib/x /out/"), ElementsAre("etc/", "etc/x"));
}

TEST(CopyPlan, LooksAtNothingBelowWithLink) {
    const Copying copying{
        .context = {file("a", "a")},
        .image = {directory("etc"), symlink("opt", "etc"), directory("tmp", 01777)}};

    EXPECT_THAT(copying.paths("COPY --link a /opt/x/"), ElementsAre("opt/x/", "opt/x/a"));
    EXPECT_THAT(copying.paths("COPY a /tmp/"), ElementsAre("tmp/", "tmp/a"));
    EXPECT_EQ(copying("COPY a /tmp/")->entries().at(0).mode, 01777U);
}

TEST(CopyPlan, FindsOwnersInTheImage) {
    const Copying copying{.context = {file("a", "a")}};

    const auto named = copying("COPY --chown=app a /new/");

    ASSERT_THAT(named, Succeeds());
    EXPECT_EQ(named->entries().at(0).uid, 1000U);  // a directory that had to be made
    EXPECT_EQ(named->entries().at(1).gid, 1001U);
    EXPECT_EQ(copying("COPY --chown=7 a /x")->entries().at(0).gid, 7U);
    EXPECT_THAT(
        copying("COPY --chown=nobody a /x"), FailsSaying(Code::not_found, "no user \"nobody\"")
    );
}

TEST(CopyPlan, RefusesAFileInADirectorysPlaceAndTheOtherWayRound) {
    const Copying copying{
        .context = {file("f", "f"), directory("d"), directory("d/etc2"), file("d/etc2/x", "x")},
        .image = {directory("etc"), file("etc2", "")}};

    EXPECT_THAT(
        copying("COPY d /"), FailsSaying(Code::invalid_input, "/etc2 is a file; a directory")
    );
}

TEST(CopyPlan, MissesForContentModeLinkAndXattrsOnly) {
    const std::string instruction = "COPY . /x/";
    const auto key = [&](const std::vector<TableRow>& rows) {
        return Copying{.context = rows}(instruction)->key().digest();
    };
    const std::vector<TableRow> before{file("a", "a"), symlink("l", "a")};
    auto content = before;
    content[0] = file("a", "b");
    auto mode = before;
    mode[0].entry.mode = 0755;
    auto link = before;
    link[1].entry.link = "b";
    auto xattr = before;
    xattr[0].entry.xattrs["user.x"] = "1";
    auto touched = before;
    touched[0].entry.mtime = 1;

    EXPECT_NE(key(before), key(content));
    EXPECT_NE(key(before), key(mode));
    EXPECT_NE(key(before), key(link));
    EXPECT_NE(key(before), key(xattr));
    EXPECT_EQ(key(before), key(touched));
}

TEST(CopyPlan, MakesTheSourcesModeIrrelevantWithAnOctalChmod) {
    const Copying one{.context = {file("a", "a", 0600)}};
    const Copying other{.context = {file("a", "a", 0666)}};

    EXPECT_EQ(
        one("COPY --chmod=644 a /x")->key().digest(), other("COPY --chmod=644 a /x")->key().digest()
    );
}

}  // namespace
}  // namespace kiln::daemon
