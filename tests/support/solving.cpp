#include "tests/support/solving.hpp"

#include <utility>

namespace kiln::testing {

std::vector<conda::RequestedSpec> requested(std::initializer_list<std::string_view> texts) {
    std::vector<conda::RequestedSpec> specs;
    for (const std::string_view text : texts) {
        auto spec = conda::MatchSpec::parse(text);
        ASSERT(spec.has_value());
        specs.push_back({.spec = std::move(*spec), .as_written = std::string(text)});
    }
    return specs;
}

conda::Request request(std::initializer_list<std::string_view> texts) {
    conda::Request request;
    request.specs = requested(texts);
    return request;
}

std::vector<std::string> dists(const Result<conda::Solution>& solution) {
    if (!solution) {
        return {std::string(facts(solution.error().code).name)};
    }
    std::vector<std::string> dists;
    for (const conda::PackageRecord& record : solution->records) {
        dists.push_back(record.dist());
    }
    return dists;
}

Result<conda::Solution> solve(const conda::Request& request, conda::RecordSource& source) {
    return conda::solve(request, source, {});
}

conda::PackageRecord virtual_package(std::string_view name, std::string_view version) {
    conda::PackageRecord virtual_package =
        record(std::string(name) + " " + std::string(version) + " 0");
    virtual_package.is_virtual = true;
    virtual_package.file_name.clear();
    return virtual_package;
}

}  // namespace kiln::testing
