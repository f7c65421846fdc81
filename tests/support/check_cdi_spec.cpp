#include "tests/support/check_cdi_spec.hpp"

#include "daemon/devices/cdi_spec.hpp"

namespace kiln::testing {
namespace {

void check_edits(const daemon::CdiEdits& edits) {
    for (const std::string& variable : edits.env) {
        ASSERT(variable.find('=') != std::string::npos && !variable.starts_with('='));
        ASSERT(variable.find('\0') == std::string::npos);
    }
    for (const auto* files : {&edits.nodes, &edits.mounts}) {
        for (const daemon::CdiFile& file : *files) {
            ASSERT(file.path.starts_with('/') && file.host_path.starts_with('/'));
        }
    }
}

}  // namespace

void check_cdi_spec(ByteSpan bytes) {
    const auto spec = daemon::CdiSpec::parse(as_text(bytes), "devices.json");
    if (!spec) {
        ASSERT(!spec.error().message.empty());
        return;
    }
    check_edits(spec->edits);
    ASSERT(spec->devices.size() <= daemon::k_cdi_items);
    for (const daemon::CdiDevice& device : spec->devices) {
        const auto name = daemon::CdiName::parse(spec->kind + "=" + device.name);
        ASSERT(name && name->kind == spec->kind && name->device == device.name);
        check_edits(device.edits);
    }
}

}  // namespace kiln::testing
