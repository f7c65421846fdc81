#include "tests/support/folder_channel.hpp"

#include "tests/support/corpus.hpp"
#include "tests/support/matchers.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

namespace kiln::testing {

void add_channel(conda::ChannelSource& source, const std::filesystem::path& folder) {
    const auto channel =
        conda::Channel::from_url(folder.lexically_normal().string(), folder.filename().string());
    ASSERT_THAT(channel, Succeeds());
    for (const char* subdir : {"linux-64", "noarch"}) {
        const std::filesystem::path path = folder / subdir / "repodata.json";
        if (!std::filesystem::exists(path)) {
            continue;
        }
        const std::string text = read_text(path);
        const ByteSpan bytes = as_bytes(text);
        auto repodata = conda::Repodata::read(Bytes(bytes.begin(), bytes.end()), path.string());
        ASSERT_THAT(repodata, Succeeds());
        source.add(*channel, subdir, std::make_shared<conda::WholeSubdir>(std::move(*repodata)));
    }
}

}  // namespace kiln::testing
