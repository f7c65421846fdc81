#include "tests/support/check_build_request.hpp"

#include "daemon/build/planner.hpp"
#include "layers/dockerfile/parser.hpp"
#include "store/base/limits.hpp"

#include <set>

namespace kiln::testing {
namespace {

using daemon::BuildGraph;
using daemon::BuildRequest;
using daemon::Stage;
using daemon::StageOrigin;
using daemon::Step;

void check_refusal(const Error& error) {
    ASSERT(!error.message.empty());
    ASSERT(error.code != Code::internal);
}

bool is_earlier(const daemon::Origin& origin, std::size_t stage) {
    const auto* used = std::get_if<StageOrigin>(&origin);
    return used == nullptr || used->stage < stage;
}

void check_graph(const BuildGraph& graph) {
    ASSERT(!graph.stages.empty());
    std::set<std::size_t> ids;
    for (std::size_t i = 0; i < graph.stages.size(); ++i) {
        const Stage& stage = graph.stages[i];
        ASSERT(is_earlier(stage.base, i));
        ASSERT(ids.insert(stage.base_step).second);
        for (const Step& step : stage.steps) {
            ASSERT(ids.insert(step.id).second);
            const auto* copy = std::get_if<daemon::CopyStep>(&step.action);
            ASSERT(copy == nullptr || is_earlier(copy->origin, i));
            ASSERT(copy == nullptr || copy->destination.starts_with('/'));
        }
    }
    ASSERT(ids.size() == graph.steps && *ids.rbegin() == graph.steps - 1);
}

}  // namespace

void check_build_request(ByteSpan bytes) {
    if (bytes.size() > limits::k_request_bytes) {
        return;
    }
    const auto value = json::parse(as_text(bytes), "the request body");
    if (!value) {
        return check_refusal(value.error());
    }
    const auto request = BuildRequest::parse(*value);
    if (!request) {
        return check_refusal(request.error());
    }
    const auto file = dockerfile::parse(request->dockerfile.text, request->dockerfile.name);
    if (!file) {
        return check_refusal(file.error());
    }
    const auto no_images = [](const std::string& reference) -> Result<daemon::Image> {
        return fail(Code::not_found, "image {} is not in the store", reference);
    };
    const auto graph = daemon::plan(*request, *file, no_images);
    if (!graph) {
        return check_refusal(graph.error());
    }
    check_graph(*graph);
}

}  // namespace kiln::testing
