#include "layers/dockerfile/mount.hpp"

#include "layers/dockerfile/nearest.hpp"
#include "layers/dockerfile/refusal.hpp"
#include "layers/dockerfile/unicode.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace kiln::dockerfile {
namespace {

constexpr std::array<std::string_view, 5> k_types = {"bind", "cache", "tmpfs", "secret", "ssh"};
constexpr std::array<std::string_view, 3> k_sharings = {"shared", "private", "locked"};
constexpr std::array<std::string_view, 19> k_keys = {
    "type",     "from", "source", "src", "target",    "dst",     "destination",
    "readonly", "ro",   "rw",     "id",  "readwrite", "sharing", "size",
    "required", "mode", "uid",    "gid", "env",
};

/// strconv.ParseBool of Go.
std::optional<bool> bool_of(std::string_view text) {
    constexpr std::array<std::string_view, 6> k_yes = {"1", "t", "T", "true", "TRUE", "True"};
    constexpr std::array<std::string_view, 6> k_no = {"0", "f", "F", "false", "FALSE", "False"};
    if (std::find(k_yes.begin(), k_yes.end(), text) != k_yes.end()) {
        return true;
    }
    if (std::find(k_no.begin(), k_no.end(), text) != k_no.end()) {
        return false;
    }
    return std::nullopt;
}

std::optional<std::uint32_t> number_of(std::string_view text, int base) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    return whole ? std::optional(number) : std::nullopt;
}

/// "128m", "1.5g", "64KiB", "4096": units of 1024, as docker takes them.
std::optional<std::uint64_t> size_of(std::string_view text) {
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    std::string unit = lower(trim(text.substr(static_cast<std::size_t>(end - text.data()))));
    if (unit.ends_with("ib")) {
        unit.resize(unit.size() - 2);
    } else if (unit.ends_with('b')) {
        unit.pop_back();
    }
    constexpr std::string_view k_units = "kmgtp";
    const std::size_t power = unit.empty() ? 0 : k_units.find(unit) + 1;
    if (error != std::errc() || unit.size() > 1 || (!unit.empty() && power == 0) || number < 0) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < power; ++i) {
        number *= 1024;
    }
    constexpr double k_most = 9.0e18;
    return number <= k_most ? std::optional(static_cast<std::uint64_t>(number)) : std::nullopt;
}

/// One "key=value" or "key" between the commas, the value expanded.
struct Field {
    std::string key;
    std::optional<std::string> value;
};

Result<Field> field_of(
    const std::string& text, const Span& span, const Lookup& lookup, char escape
) {
    const std::size_t equals = text.find('=');
    Field field{lower(text.substr(0, equals)), std::nullopt};
    if (equals != std::string::npos) {
        const Word value{text.substr(equals + 1), span};
        TRY_ASSIGN(field.value, expand_word(value, lookup, escape));
    }
    return field;
}

/// Reads the fields of one mount in their order: `type` decides which of the later ones may stand.
class MountReader {
  public:
    explicit MountReader(const Span& span) { mount_.span = span; }

    Result<void> read(const Field& field) {
        const std::string& key = field.key;
        if (key == "ro" || key == "readonly" || key == "rw" || key == "readwrite") {
            TRY_ASSIGN(const bool on, flag_value(field));
            mount_.read_only = (key == "ro" || key == "readonly") ? on : !on;
            access_given_ = true;
            return {};
        }
        if (key == "required") {
            TRY(only_for(key, {MountType::secret, MountType::ssh}));
            TRY_ASSIGN(mount_.required, flag_value(field));
            return {};
        }
        if (std::find(k_keys.begin(), k_keys.end(), key) == k_keys.end()) {
            return refuse(mount_.span, "--mount has no key " + key, did_you_mean(key, k_keys));
        }
        if (!field.value) {
            return refuse(mount_.span, key + " of --mount needs a value");
        }
        return read_value(key, *field.value);
    }

    Result<Mount> finish() {
        if (!access_given_) {
            const bool scratch = mount_.type == MountType::cache || mount_.type == MountType::tmpfs;
            mount_.read_only = !scratch;
        }
        const std::string type(name_of(mount_.type));
        const bool plain = mount_.type == MountType::bind || mount_.type == MountType::tmpfs;
        if (plain && (mount_.mode || mount_.uid || mount_.gid)) {
            return refuse(mount_.span, "mode, uid and gid are not for " + type + " mounts");
        }
        if (mount_.sharing && mount_.type != MountType::cache) {
            return refuse(mount_.span, "sharing is not for " + type + " mounts");
        }
        if (mount_.type == MountType::secret) {
            TRY(check_secret());
        }
        return std::move(mount_);
    }

  private:
    Result<void> read_value(const std::string& key, const std::string& value) {
        if (key == "type") {
            const auto* type = std::find(k_types.begin(), k_types.end(), lower(value));
            if (type == k_types.end()) {
                return refuse(
                    mount_.span, value + " is not a type of mount", did_you_mean(value, k_types)
                );
            }
            mount_.type = static_cast<MountType>(type - k_types.begin());
        } else if (key == "sharing") {
            const auto* sharing = std::find(k_sharings.begin(), k_sharings.end(), lower(value));
            if (sharing == k_sharings.end()) {
                return refuse(
                    mount_.span,
                    value + " is not shared, private or locked",
                    did_you_mean(value, k_sharings)
                );
            }
            mount_.sharing = static_cast<MountSharing>(sharing - k_sharings.begin());
        } else if (key == "from") {
            mount_.from = value;
        } else if (key == "source" || key == "src") {
            mount_.source = value;
        } else if (key == "target" || key == "dst" || key == "destination") {
            mount_.target = value;
        } else if (key == "id") {
            mount_.id = value;
        } else if (key == "env") {
            TRY(only_for(key, {MountType::secret}));
            mount_.env = value;
        } else if (key == "size") {
            TRY(only_for(key, {MountType::tmpfs}));
            const auto size = size_of(value);
            if (!size) {
                return refuse(mount_.span, value + " is not a size such as 64m");
            }
            mount_.size_bytes = *size;
        } else {
            return read_number(key, value);
        }
        return {};
    }

    Result<void> read_number(const std::string& key, const std::string& value) {
        const auto number = number_of(value, key == "mode" ? 8 : 10);
        if (!number) {
            return refuse(mount_.span, value + " is not a value for " + key);
        }
        (key == "mode" ? mount_.mode : key == "uid" ? mount_.uid : mount_.gid) = number;
        return {};
    }

    Result<bool> flag_value(const Field& field) const {
        const auto on = field.value ? bool_of(*field.value) : true;
        if (!on) {
            return refuse(mount_.span, fmt::format("{} is neither true nor false", *field.value));
        }
        return *on;
    }

    Result<void> only_for(const std::string& key, std::initializer_list<MountType> types) const {
        if (std::find(types.begin(), types.end(), mount_.type) == types.end()) {
            return refuse(
                mount_.span, fmt::format("{} is not for {} mounts", key, name_of(mount_.type))
            );
        }
        return {};
    }

    [[nodiscard]] Result<void> check_secret() const {
        if (!mount_.from.empty()) {
            return refuse(mount_.span, "a secret mount has no from");
        }
        if (mount_.source.empty() && mount_.target.empty() && mount_.id.empty()) {
            return refuse(mount_.span, "a secret mount needs an id or a target");
        }
        if (!mount_.source.empty() && !mount_.id.empty()) {
            return refuse(mount_.span, "a secret mount takes source or id, not both");
        }
        return {};
    }

    Mount mount_;
    bool access_given_ = false;
};

}  // namespace

Result<Mount> parse_mount(const FieldsFlag& flag, const Lookup& lookup, char escape) {
    MountReader reader(flag.span);
    for (const std::string& text : flag.fields) {
        TRY_ASSIGN(const Field field, field_of(text, flag.span, lookup, escape));
        TRY(reader.read(field));
    }
    return reader.finish();
}

Result<Device> parse_device(const FieldsFlag& flag, const Lookup& lookup, char escape) {
    Device device{.name = "", .required = false, .span = flag.span};
    for (const std::string& text : flag.fields) {
        TRY_ASSIGN(const Field field, field_of(text, flag.span, lookup, escape));
        if (field.key == "required") {
            const auto on = field.value ? bool_of(*field.value) : true;
            if (!on) {
                return refuse(flag.span, *field.value + " is neither true nor false");
            }
            device.required = *on;
            continue;
        }
        // A bare name may hold '=' itself: vendor.com/class=device.
        std::string name = field.value.value_or("");
        if (field.key != "name") {
            TRY_ASSIGN(name, expand_word(Word{text, flag.span}, lookup, escape));
        }
        if (!device.name.empty()) {
            return refuse(flag.span, "the device is already set to " + device.name);
        }
        device.name = std::move(name);
    }
    if (device.name.empty()) {
        return refuse(flag.span, "--device needs a name");
    }
    return device;
}

std::string_view name_of(MountType type) {
    return k_types.at(static_cast<std::size_t>(type));
}

}  // namespace kiln::dockerfile
