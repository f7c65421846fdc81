#include "daemon/build/lent_files.hpp"

#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/temp_directory.hpp"

#include <unistd.h>

#include <array>
#include <string>

namespace kiln::daemon {
namespace {

using testing::FailsSaying;
using testing::Succeeds;
using testing::TempDirectory;

constexpr std::string_view k_text = "what the client lent";

class LentFilesTest : public ::testing::Test {
  protected:
    Fd open(const std::string& name, int flags = O_RDONLY) {
        return open_at(AT_FDCWD, directory_.path(name), flags, Resolve::anywhere).value();
    }

    /// The lent file "a", to be read.
    std::unique_ptr<ByteSource> lend(std::string_view text) {
        directory_.write("a", std::string(text));
        LentFiles files;
        EXPECT_TRUE(files.add(digest_of(k_text), open("a"), text.size()));
        return LentFiles::open(
            std::make_shared<const LentFiles>(std::move(files)), digest_of(k_text)
        );
    }

    TempDirectory directory_;
};

TEST_F(LentFilesTest, AreReadWhereTheyLie) {
    const auto source = lend(k_text);

    const auto read = read_all(*source, 100, "the file");

    ASSERT_THAT(read, Succeeds());
    EXPECT_EQ(as_text(*read), k_text);
}

TEST_F(LentFilesTest, TellWhenTheyAreNoLongerWhatTheyWere) {
    const auto other = lend("what the client LENT");
    EXPECT_THAT(read_all(*other, 100, "the file"), FailsSaying(Code::conflict, "was changed"));

    const auto shorter = lend(k_text);
    ASSERT_EQ(::truncate(directory_.path("a").c_str(), 3), 0);
    EXPECT_THAT(read_all(*shorter, 100, "the file"), FailsSaying(Code::conflict, "was changed"));
}

TEST_F(LentFilesTest, AreRegularFilesOfTheSizeThatWasSaid) {
    directory_.write("a", std::string(k_text));
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const Fd write_end(pipe[1]);
    LentFiles files;

    EXPECT_FALSE(files.add(digest_of(k_text), open("a"), k_text.size() + 1));
    EXPECT_FALSE(files.add(digest_of(k_text), open("a", O_WRONLY), k_text.size()));
    EXPECT_FALSE(files.add(digest_of(k_text), open("a", O_PATH), k_text.size()));
    EXPECT_FALSE(files.add(digest_of(k_text), open(".", O_RDONLY | O_DIRECTORY), k_text.size()));
    EXPECT_FALSE(files.add(digest_of(""), Fd(pipe[0]), 0));
    EXPECT_TRUE(files.empty());
}

}  // namespace
}  // namespace kiln::daemon
