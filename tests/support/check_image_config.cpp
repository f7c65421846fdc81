#include "tests/support/check_image_config.hpp"

#include "layers/oci/image_config.hpp"
#include "store/base/limits.hpp"

namespace kiln::testing {

void check_image_config(ByteSpan bytes) {
    const auto image = oci::ImageConfig::parse(bytes);
    if (!image) {
        ASSERT(!image.error().message.empty());
        return;
    }
    ASSERT(image->diff_ids.size() <= limits::k_image_layers);
    ASSERT(image->history.size() <= oci::k_history_entries);
    const std::string text = image->render();
    const auto again = oci::ImageConfig::parse(as_bytes(text));
    ASSERT(again && *again == *image);
    ASSERT(again->render() == text);
    oci::ImageConfig edited = *image;
    oci::set_env(edited.config.env, "KILN", "1");
    ASSERT(oci::find_env(edited.config.env, "KILN") == "1");
}

}  // namespace kiln::testing
