#pragma once

#include "client/bundle/bundle_writer.hpp"
#include "store/hasher.hpp"

#include <map>
#include <string>
#include <vector>

namespace kiln::testing {

/// A small bundle, with the store that its parts come out of.
struct SampleBundle {
    std::map<Digest, std::string> store;
    client::wire::Bundle bundle;
    std::vector<std::string> fetched;  // what was asked for, in order

    explicit SampleBundle(const std::vector<std::string>& contents) {
        for (const std::string& content : contents) {
            const Digest digest = digest_of(content);
            store.emplace(digest, content);
            const std::string what = "part " + std::to_string(bundle.parts.size() + 1);
            bundle.parts.push_back({digest, content.size(), what, true});
        }
    }

    [[nodiscard]] client::FetchBlob fetch() {
        return [this](const client::BundleMember& part, ByteSink& out) {
            fetched.push_back(part.what);
            return out.write(as_bytes(store.at(*part.blob)));
        };
    }

    Result<void> write(const std::string& path) {
        const auto layout = client::BundleLayout::of(bundle);
        return client::write_bundle(layout, path, 1, fetch(), [](auto, auto) {}, {});
    }
};

}  // namespace kiln::testing
