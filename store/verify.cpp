#include "store/verify.hpp"

#include "store/base/limits.hpp"
#include "store/base/parallel.hpp"
#include "store/base/stop.hpp"
#include "store/hasher.hpp"
#include "store/live_set.hpp"
#include "store/pack_stream.hpp"
#include "store/store_state.hpp"

#include <optional>
#include <utility>

namespace kiln::store {
namespace {

/// Between two looks at the stop token.
constexpr std::size_t k_read_bytes = limits::k_mib;

/// A pack is named by its headers; each of them names the content behind it.
Result<Digest> hash_pack(ByteSource& source, const std::stop_token& stop) {
    Hasher headers;
    PackStream contents(source);
    Bytes buffer(k_read_bytes);
    while (true) {
        TRY_ASSIGN(const auto header, contents.next());
        if (!header) {
            return headers.finish();
        }
        headers.update(header->render());
        for (std::size_t count = 1; count > 0;) {
            TRY(check(stop));
            TRY_ASSIGN(count, contents.read(buffer));
        }
    }
}

/// What is wrong with the object's bytes, or nullopt.
Result<std::optional<std::string>> find_fault(
    const ObjectFolder& folder, const Object& object, const std::stop_token& stop
) {
    const auto fd = folder.open(object.name);
    if (!fd) {
        if (fd.error().code == Code::corrupt) {
            return std::optional(fd.error().message);
        }
        return fail(fd.error());
    }
    FdSource source(fd->get());
    const bool is_pack = object.kind == ObjectKind::pack;
    const auto actual = is_pack ? hash_pack(source, stop) : digest_of(source, stop);
    if (!actual) {
        TRY(check(stop));
        return std::optional(fmt::format(
            "{} {} cannot be read: {}",
            kind_name(object.kind),
            object.name.render(),
            actual.error().message
        ));
    }
    const Digest& expected = is_pack ? object.name : object.content;
    if (*actual == expected) {
        return std::optional<std::string>{};
    }
    return std::optional(fmt::format(
        "the bytes of {} {} are {}, not {}",
        kind_name(object.kind),
        object.name.render(),
        actual->render(),
        expected.render()
    ));
}

Result<void> quarantine(Store::State& state, const Object& object) {
    // The name goes first: a crash in between leaves a file that nothing names.
    TRY(state.index->forget(object));
    state.forget_fresh(object);
    const int to = state.directories.quarantine.get();
    TRY(state.folder(object.kind).retire(object.name, to));
    return {};
}

/// Refs whose documents cannot be followed, or lead to what is not here.
Result<void> check_refs(Store::State& state, VerifyReport& report) {
    TRY_ASSIGN(const auto refs, state.index->refs());
    for (const Ref& ref : refs) {
        const std::string what = "ref " + ref.name;
        const auto reached = reached_from(state.blobs, state.options.reaches, ref.target);
        if (!reached) {
            report.problems.push_back(
                {.what = what, .digest = ref.target.digest, .detail = reached.error().render()}
            );
            continue;
        }
        for (const Digest& digest : *reached) {
            TRY_ASSIGN(const auto size_bytes, state.blobs.size_of(digest));
            if (!size_bytes) {
                report.problems.push_back(
                    {.what = what,
                     .digest = digest,
                     .detail = fmt::format(
                         "{} needs {}, which is not in the store", ref.name, digest.render()
                     )}
                );
            }
        }
    }
    return {};
}

}  // namespace

Result<VerifyReport> Store::verify(Repair repair, const std::stop_token& stop) {
    State& state = *state_;
    const std::lock_guard lock(state.collecting);  // nothing goes away meanwhile
    TRY(state.index->check());
    TRY_ASSIGN(const LiveSet all, LiveSet::load(state));
    const std::vector<Object>& objects = all.objects();
    std::vector<std::optional<std::string>> faults(objects.size());
    const auto hash_one = [&](std::size_t i) -> Result<void> {
        TRY_ASSIGN(faults[i], find_fault(state.folder(objects[i].kind), objects[i], stop));
        return {};
    };
    TRY(parallel_each(state.options.pool, objects.size(), hash_one));

    VerifyReport report;
    for (std::size_t i = 0; i < objects.size(); ++i) {
        const Object& object = objects[i];
        ++report.blobs;
        report.size_bytes += object.size_bytes;
        if (!faults[i]) {
            continue;
        }
        Problem problem{
            .what = std::string(kind_name(object.kind)),
            .digest = object.name,
            .detail = *faults[i]};
        if (repair == Repair::yes) {
            TRY(quarantine(state, object));
            problem.quarantined = true;
        }
        report.problems.push_back(std::move(problem));
    }
    TRY(check_refs(state, report));
    return report;
}

}  // namespace kiln::store
