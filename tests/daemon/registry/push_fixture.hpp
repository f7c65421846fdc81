#pragma once

#include "daemon/registry/client.hpp"
#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/run_loop.hpp"
#include "tests/support/temp_directory.hpp"

#include <boost/asio/io_context.hpp>

#include <fcntl.h>

#include <atomic>
#include <string>
#include <vector>

namespace kiln::registry {

/// A client on a loop of its own, and images to push with it.
struct PushFixture {
    explicit PushFixture(ClientOptions options = {})
        : client(loop.get_executor(), pool, with_short_delays(std::move(options))) {}

    static ClientOptions with_short_delays(ClientOptions options) {
        options.retry.first_delay = std::chrono::milliseconds(1);
        options.retry.longest_delay = std::chrono::milliseconds(4);
        return options;
    }

    PushBlob blob(const std::string& content, const std::string& type) {
        const Digest digest = digest_of(content);
        directory.write(digest.hex(), content);
        PushBlob blob;
        blob.descriptor = Descriptor{type, digest, content.size()};
        blob.open = [this, path = directory.path(digest.hex())] {
            ++opened;
            return open_at(AT_FDCWD, path, O_RDONLY, Resolve::anywhere);
        };
        return blob;
    }

    PushRequest image(const std::string& destination, const std::vector<std::string>& layers) {
        PushRequest request{
            oci::Reference::parse(destination).value(), "", "", {}, {}, credentials, {}};
        const std::string config = R"({"architecture":"amd64","os":"linux","config":{},)"
                                   R"("rootfs":{"type":"layers","diff_ids":[]}})";
        request.config = blob(config, "application/vnd.oci.image.config.v1+json");
        std::string list;
        for (const std::string& layer : layers) {
            request.layers.push_back(blob(layer, "application/vnd.oci.image.layer.v1.tar"));
            list += (list.empty() ? "" : ",") + describe(request.layers.back().descriptor);
        }
        request.manifest_type = "application/vnd.oci.image.manifest.v1+json";
        request.manifest = fmt::format(
            R"({{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}]}})",
            request.manifest_type,
            describe(request.config.descriptor),
            list
        );
        return request;
    }

    static std::string describe(const Descriptor& descriptor) {
        return fmt::format(
            R"({{"mediaType":"{}","digest":"{}","size":{}}})",
            descriptor.media_type,
            descriptor.digest.render(),
            descriptor.size_bytes
        );
    }

    Result<PushResult> push(PushRequest request) {
        return testing::run_loop(loop, client.push(std::move(request)));
    }

    Result<void> check_login(const std::string& host, Credentials given) {
        return testing::run_loop(loop, client.check_login(host, std::move(given)));
    }

    boost::asio::io_context loop{1};
    ThreadPool pool{2};
    testing::TempDirectory directory;
    std::optional<Credentials> credentials;
    std::atomic<int> opened{0};
    Client client;
};

}  // namespace kiln::registry
