#include "layers/oci/image_layout.hpp"

#include "store/base/json.hpp"
#include "store/base/limits.hpp"

namespace kiln::oci {

std::string blob_path(const Digest& digest) {
    return "blobs/sha256/" + digest.hex();
}

Result<void> check_layout(ByteSpan bytes) {
    constexpr std::string_view k_what = "the oci-layout file";
    if (bytes.size() > 4 * limits::k_kib) {
        return fail(Code::too_large, "{} is larger than 4 KiB", k_what);
    }
    TRY_ASSIGN(const json::Value value, json::parse(as_text(bytes), k_what));
    json::ObjectReader in(value, std::string(k_what));
    const std::string version = in.text("imageLayoutVersion");
    TRY(in.finish(json::UnknownFields::ignore));
    if (version != "1.0.0") {
        return fail(
            Code::unsupported,
            "image layout version \"{}\" is not supported, only 1.0.0",
            version.substr(0, 64)
        );
    }
    return {};
}

}  // namespace kiln::oci
