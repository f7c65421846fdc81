#include "store/packs.hpp"

#include "store/base/limits.hpp"
#include "store/base/stop.hpp"
#include "store/hasher.hpp"
#include "store/pack_stream.hpp"
#include "store/write_behind.hpp"

#include <utility>

namespace kiln::store {
namespace {

constexpr std::size_t k_copy_bytes = 256 * limits::k_kib;
/// Descriptors held open for the contents that are read next; builds read a few packs in turn.
constexpr std::size_t k_open_packs = 8;

}  // namespace

Result<Received> Packs::receive(
    ByteSource& stream, const Lease& lease, const std::stop_token& stop
) {
    TRY_ASSIGN(NewFile begun, folder_.begin());
    WriteBehind out(std::move(begun), pool_);
    PackStream contents(stream);
    Hasher headers;
    Bytes buffer(k_copy_bytes);
    Received received;
    std::map<Digest, ContentPlace> places;
    while (true) {
        TRY(check(stop));
        TRY_ASSIGN(const auto header, contents.next());
        if (!header) {
            break;
        }
        TRY_ASSIGN(const auto known, find(header->content));
        const bool keep = !known && !places.contains(header->content);
        if (keep) {
            const PackHeader::Raw raw = header->render();
            headers.update(raw);
            TRY(out.write(raw));
            places[header->content] = ContentPlace{
                .pack = {}, .offset = out.size_bytes(), .size_bytes = header->size_bytes};
            ++received.contents;
            received.size_bytes += header->size_bytes;
        }
        while (true) {
            TRY_ASSIGN(const std::size_t count, contents.read(buffer));
            if (count == 0) {
                break;
            }
            TRY(check(stop));
            if (keep) {
                TRY(out.write(ByteSpan(buffer).first(count)));
            }
        }
    }
    if (places.empty()) {
        return received;
    }
    TRY_ASSIGN(NewFile file, out.finish());
    const Digest name = headers.finish();
    lease.keep(name);
    TRY(folder_.publish(std::move(file), name, name));
    received.pack = name;
    const std::lock_guard lock(mutex_);
    for (auto& [content, place] : places) {
        place.pack = name;
        fresh_.emplace(content, place);
    }
    return received;
}

Result<ContentSearch> Packs::search(std::span<const Digest> wanted) const {
    ContentSearch search;
    std::vector<Digest> rest;
    {
        const std::lock_guard lock(mutex_);
        if (!fresh_.empty()) {
            for (const Digest& digest : wanted) {
                const auto found = fresh_.find(digest);
                if (found == fresh_.end()) {
                    rest.push_back(digest);
                } else {
                    search.packs.insert(found->second.pack);
                }
            }
            wanted = rest;
        }
    }
    TRY_ASSIGN(ContentSearch durable, index_.search_contents(wanted));
    durable.packs.merge(search.packs);
    return durable;
}

Result<ContentSearch> Packs::search_and_keep(std::span<const Digest> wanted, const Keep& keep)
    const {
    while (true) {
        TRY_ASSIGN(ContentSearch found, search(wanted));
        bool all_there = true;
        for (const Digest& pack : found.packs) {
            keep(pack);
            TRY_ASSIGN(const auto object, folder_.find(pack));
            all_there = all_there && object.has_value();
        }
        if (all_there) {
            return found;
        }
        // The collector came between the two: what it took is missing now.
    }
}

Result<std::optional<ContentPlace>> Packs::find(const Digest& content) const {
    {
        const std::lock_guard lock(mutex_);
        const auto found = fresh_.find(content);
        if (found != fresh_.end()) {
            return std::optional(found->second);
        }
    }
    return index_.find_content(content);
}

Result<Content> Packs::open(const Digest& content) const {
    TRY_ASSIGN(const auto place, find(content));
    if (!place) {
        return fail(Code::not_found, "content {} is not in the store", content.render());
    }
    TRY_ASSIGN(auto file, open_pack(place->pack));
    return Content{
        .file = std::move(file), .offset = place->offset, .size_bytes = place->size_bytes};
}

Result<std::shared_ptr<const Fd>> Packs::open_pack(const Digest& pack) const {
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [name, file] : opened_) {
            if (name == pack) {
                return file;
            }
        }
    }
    TRY_ASSIGN(Fd fd, folder_.open(pack));
    auto file = std::make_shared<const Fd>(std::move(fd));
    const std::lock_guard lock(mutex_);
    opened_.emplace_front(pack, file);
    if (opened_.size() > k_open_packs) {
        opened_.pop_back();
    }
    return file;
}

std::map<Digest, ContentPlace> Packs::fresh_contents(const Digest& pack) const {
    const std::lock_guard lock(mutex_);
    std::map<Digest, ContentPlace> contents;
    for (const auto& [content, place] : fresh_) {
        if (place.pack == pack) {
            contents.emplace(content, place);
        }
    }
    return contents;
}

void Packs::forget_fresh(const Digest& pack) {
    const std::lock_guard lock(mutex_);
    std::erase_if(fresh_, [&](const auto& entry) { return entry.second.pack == pack; });
    std::erase_if(opened_, [&](const auto& entry) { return entry.first == pack; });
}

}  // namespace kiln::store
