#include "client/build/output_spec.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace kiln::client {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(end + 1);
    }
}

std::pair<std::string_view, std::optional<std::string_view>> split_pair(std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
        return {text, std::nullopt};
    }
    return {text.substr(0, equals), text.substr(equals + 1)};
}

Result<OutputType> parse_type(std::string_view text) {
    constexpr std::array<std::pair<std::string_view, OutputType>, 8> k_types = {
        {{"store", OutputType::store},
         {"image", OutputType::store},
         {"oci", OutputType::oci},
         {"docker", OutputType::docker},
         {"tar", OutputType::tar},
         {"dir", OutputType::directory},
         {"local", OutputType::directory},
         {"registry", OutputType::registry}}};
    for (const auto& [name, type] : k_types) {
        if (name == text) {
            return type;
        }
    }
    return fail(Error{
        .code = Code::unsupported,
        .message = fmt::format("-o type={} is not supported", text),
        .hint = "the types are oci, docker, tar, dir, registry and store"});
}

Result<std::int64_t> parse_integer(std::string_view text, std::string_view what) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
        return fail(Code::invalid_input, "{} must be a whole number, not \"{}\"", what, text);
    }
    return value;
}

bool needs_destination(OutputType type) {
    return type != OutputType::store && type != OutputType::registry;
}

/// A number with a suffix out of `units`, which are tried in order.
template<std::size_t N>
Result<std::uint64_t> parse_scaled(
    std::string_view text,
    const std::array<std::pair<std::string_view, std::uint64_t>, N>& units,
    std::string_view example
) {
    const auto refused = [&] {
        return fail(Code::invalid_input, "\"{}\" must be like {}", text, example);
    };
    const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
    const auto [whole, fraction] = [&] {
        const std::string_view number = text.substr(0, digits);
        const std::size_t point = number.find('.');
        return point == std::string_view::npos
                   ? std::pair(number, std::string_view())
                   : std::pair(number.substr(0, point), number.substr(point + 1));
    }();
    constexpr std::size_t k_digits = 12;  // no overflow with the largest unit and thousandths
    if (whole.empty() || whole.size() > k_digits || fraction.size() > 3
        || fraction.find('.') != std::string_view::npos) {
        return refused();
    }
    std::uint64_t thousandths = 0;
    for (const char digit :
         std::string(whole) + std::string(fraction) + std::string(3 - fraction.size(), '0')) {
        thousandths = thousandths * 10 + static_cast<std::uint64_t>(digit - '0');
    }
    for (const auto& [suffix, factor] : units) {
        if (text.substr(digits) == suffix) {
            std::uint64_t scaled = 0;
            if (__builtin_mul_overflow(thousandths, factor, &scaled)) {
                return refused();
            }
            return scaled / 1000;
        }
    }
    return refused();
}

}  // namespace

Result<OutputSpec> OutputSpec::parse(std::string_view text) {
    OutputSpec spec;
    if (text.find('=') == std::string_view::npos) {
        spec.type = text == "-" ? OutputType::tar : OutputType::directory;
        spec.destination = text;
        if (text.empty()) {
            return fail(Code::invalid_input, "-o needs a path or type=…");
        }
        return spec;
    }
    for (const std::string_view part : split(text, ',')) {
        const auto [key, value] = split_pair(part);
        if (!value) {
            return fail(Code::invalid_input, "\"{}\" in -o {} must be KEY=VALUE", part, text);
        }
        if (key == "type") {
            TRY_ASSIGN(spec.type, parse_type(*value));
        } else if (key == "dest") {
            spec.destination = *value;
        } else if (key == "name") {
            spec.name = *value;
        } else if (key == "compression") {
            if (*value != "zstd" && *value != "gzip" && *value != "none") {
                return fail(
                    Code::unsupported, "compression {} is not one of zstd, gzip, none", *value
                );
            }
            spec.compression = *value;
        } else if (key == "compression-level") {
            TRY_ASSIGN(spec.compression_level, parse_integer(*value, "compression-level"));
        } else {
            return fail(Code::unsupported, "{} in -o {} is not supported", key, text);
        }
    }
    if (needs_destination(spec.type) && spec.destination.empty()) {
        return fail(Code::invalid_input, "-o {} needs dest=PATH", text);
    }
    if (!needs_destination(spec.type) && !spec.destination.empty()) {
        return fail(Code::invalid_input, "-o {}: this type has no dest", text);
    }
    if (spec.type == OutputType::directory && spec.destination == "-") {
        return fail(Code::invalid_input, "a directory cannot be written to stdout; use type=tar");
    }
    return spec;
}

Result<void> BuildContextSpec::parse_conda(std::string_view text) {
    const auto parts = split(text, ',');
    value = parts.front();
    for (std::size_t i = 1; i < parts.size(); ++i) {
        const auto [key, setting] = split_pair(parts[i]);
        const bool given = setting && !setting->empty();
        if (key == "prefix" && given && setting->starts_with('/')) {
            prefix = *setting;
        } else if (key == "environment" && given) {
            environment = *setting;
        } else if (key == "category" && given) {
            categories.emplace_back(*setting);
        } else if (key == "activate" && given && (*setting == "yes" || *setting == "no")) {
            activate = *setting == "yes";
        } else {
            return fail(
                Code::invalid_input,
                "\"{}\" of --build-context {} must be prefix=/ABSOLUTE/PATH, environment=NAME, "
                "category=NAME or activate=yes|no",
                parts[i],
                name
            );
        }
    }
    return {};
}

Result<BuildContextSpec> BuildContextSpec::parse(std::string_view text) {
    const auto [name, value] = split_pair(text);
    if (name.empty() || !value || value->empty()) {
        return fail(Code::invalid_input, "--build-context {} must be NAME=VALUE", text);
    }
    BuildContextSpec spec;
    spec.name = name;
    const auto takes = [&, rest = *value](std::string_view scheme, Kind named) {
        if (!rest.starts_with(scheme)) {
            return false;
        }
        spec.kind = named;
        spec.value = rest.substr(scheme.size());
        return true;
    };
    if (value->starts_with("oci-layout://")) {
        return fail(Code::unsupported, "--build-context {}: {} is not supported yet", name, *value);
    }
    if (takes("conda:", Kind::conda)) {
        TRY(spec.parse_conda(value->substr(std::string_view("conda:").size())));
    } else if (!takes("docker-image://", Kind::image) && !takes("target:", Kind::stage)) {
        spec.value = *value;
    }
    if (spec.value.empty()) {
        return fail(Code::invalid_input, "--build-context {} names nothing", text);
    }
    return spec;
}

Result<std::map<std::string, std::string>> parse_pairs(
    const std::vector<std::string>& texts,
    std::string_view option,
    BareKeys bare_keys,
    const Environment& environment
) {
    std::map<std::string, std::string> pairs;
    for (const std::string& text : texts) {
        const auto [key, value] = split_pair(text);
        if (key.empty() || (!value && bare_keys == BareKeys::refuse)) {
            return fail(Code::invalid_input, "{} {} must be KEY=VALUE", option, text);
        }
        if (value) {
            pairs.insert_or_assign(std::string(key), std::string(*value));
        } else if (auto inherited = environment.find(key)) {
            pairs.insert_or_assign(std::string(key), std::move(*inherited));
        }
    }
    return pairs;
}

Result<std::uint64_t> parse_size(std::string_view text) {
    constexpr std::uint64_t k_kib = 1024;
    constexpr std::uint64_t k_mib = 1024 * k_kib;
    constexpr std::uint64_t k_gib = 1024 * k_mib;
    constexpr std::array<std::pair<std::string_view, std::uint64_t>, 13> k_units = {
        {{"", 1},
         {"B", 1},
         {"k", k_kib},
         {"K", k_kib},
         {"KB", k_kib},
         {"KiB", k_kib},
         {"M", k_mib},
         {"MB", k_mib},
         {"MiB", k_mib},
         {"G", k_gib},
         {"GB", k_gib},
         {"GiB", k_gib},
         {"TiB", 1024 * k_gib}}};
    return parse_scaled(text, k_units, "500M or 10GiB");
}

Result<std::uint64_t> parse_age(std::string_view text) {
    constexpr std::uint64_t k_day = 24ULL * 3600;
    constexpr std::array<std::pair<std::string_view, std::uint64_t>, 5> k_units = {
        {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", k_day}, {"w", 7 * k_day}}};
    return parse_scaled(text, k_units, "90s, 24h or 7d");
}

}  // namespace kiln::client
