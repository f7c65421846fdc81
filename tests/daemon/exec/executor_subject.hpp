#pragma once

#include "daemon/exec/executor.hpp"

#include <functional>
#include <memory>
#include <ostream>
#include <string>

namespace kiln::testing {

/// An executor for one test, and what must live as long. `skip` says why there is none.
struct ExecutorSubject {
    std::shared_ptr<void> ground;
    std::unique_ptr<exec::Executor> executor;
    std::string skip;
    std::string store = {};  // the directory of the unpacked layers
    bool has_one_id = false;  // an ordinary user's, who was granted no range
};

struct ExecutorKind {
    std::string name;
    std::function<ExecutorSubject()> make;

    friend std::ostream& operator<<(std::ostream& out, const ExecutorKind& kind) {
        return out << kind.name;
    }
};

}  // namespace kiln::testing
