#include "tests/support/check_pip_report.hpp"

#include "layers/conda/input/lock_order.hpp"
#include "layers/conda/input/lock_writer.hpp"
#include "layers/conda/pip/distribution.hpp"
#include "layers/conda/pip/report.hpp"
#include "store/base/json.hpp"

namespace kiln::testing {

void check_pip_report(ByteSpan bytes) {
    const auto entries =
        conda::parse_pip_report(as_text(bytes), {{"/.kiln-pip/local/0", "file:///srv/wheels"}});
    if (!entries) {
        const Code code = entries.error().code;
        ASSERT(code == Code::upstream || code == Code::unsupported);
        return;
    }
    const conda::PipEntry* before = nullptr;
    for (const conda::PipEntry& entry : *entries) {
        ASSERT(conda::public_location(entry) == entry.location);
        ASSERT(
            before == nullptr
            || conda::normalized_distribution(before->name)
                   <= conda::normalized_distribution(entry.name)
        );
        before = &entry;
    }
    conda::Lock lock;
    lock.pip = *entries;
    ASSERT(json::parse(conda::render_kiln_lock(lock), "the lock"));
}

}  // namespace kiln::testing
