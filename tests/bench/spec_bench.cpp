// Versions and specifications at the sizes of a solve: parse, compare, match.
#include "layers/conda/spec/match_spec.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

namespace kiln::conda {
namespace {

std::vector<std::string> version_texts() {
    std::vector<std::string> texts;
    for (int major_number = 0; major_number < 10; ++major_number) {
        for (int minor_number = 0; minor_number < 30; ++minor_number) {
            const std::string start =
                std::to_string(major_number) + "." + std::to_string(minor_number);
            for (const char* end : {"", ".0", ".1", ".12", "rc1", ".post2", ".2023.7.22"}) {
                texts.push_back(start + end);
            }
        }
    }
    return texts;
}

std::vector<PackageRecord> records() {
    std::vector<PackageRecord> all;
    for (const std::string& text : version_texts()) {
        all.push_back(
            {.name = "numpy", .version = *Version::parse(text), .build = "py311h64a7726_0"}
        );
    }
    return all;
}

void parse_version(benchmark::State& state) {
    const auto texts = version_texts();
    for (auto _ : state) {
        for (const std::string& text : texts) {
            benchmark::DoNotOptimize(Version::parse(text));
        }
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(texts.size()));
}

void sort_versions(benchmark::State& state) {
    std::vector<Version> versions;
    for (const std::string& text : version_texts()) {
        versions.push_back(*Version::parse(text));
    }
    std::reverse(versions.begin(), versions.end());
    std::vector<const Version*> order(versions.size());
    for (auto _ : state) {
        for (std::size_t i = 0; i < order.size(); ++i) {
            order[i] = &versions[(i * std::size_t{7919}) % versions.size()];
        }
        std::sort(order.begin(), order.end(), [](const Version* left, const Version* right) {
            return *left < *right;
        });
        benchmark::DoNotOptimize(order.data());
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(versions.size()));
}

void parse_spec(benchmark::State& state, const char* text) {
    for (auto _ : state) {
        benchmark::DoNotOptimize(MatchSpec::parse(text, SpecForm::depends));
    }
}

void match_spec(benchmark::State& state, const char* text) {
    const auto all = records();
    const MatchSpec spec = *MatchSpec::parse(text, SpecForm::depends);
    for (auto _ : state) {
        std::size_t matching = 0;
        for (const PackageRecord& record : all) {
            matching += spec.matches_named(record) ? 1U : 0U;
        }
        benchmark::DoNotOptimize(matching);
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(all.size()));
}

BENCHMARK(parse_version);
BENCHMARK(sort_versions);
BENCHMARK_CAPTURE(parse_spec, name, "numpy");
BENCHMARK_CAPTURE(parse_spec, range, "numpy >=1.19.5,<2.0a0");
BENCHMARK_CAPTURE(parse_spec, build, "python_abi 3.11.* *_cp311");
BENCHMARK_CAPTURE(match_spec, any, "numpy");
BENCHMARK_CAPTURE(match_spec, range, "numpy >=1.19.5,<2.0a0");
BENCHMARK_CAPTURE(match_spec, prefix, "numpy 3.1.*");
BENCHMARK_CAPTURE(match_spec, exact_build, "numpy 3.1 py311h64a7726_0");
BENCHMARK_CAPTURE(match_spec, glob, "numpy >=1 *_0");
BENCHMARK_CAPTURE(match_spec, or, "numpy 1.2.*|2.3.*|>=4,!=4.5");

}  // namespace
}  // namespace kiln::conda

BENCHMARK_MAIN();
