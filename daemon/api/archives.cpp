#include "daemon/api/problem.hpp"
#include "daemon/api/resources.hpp"
#include "daemon/api/streams.hpp"
#include "daemon/build/images.hpp"
#include "daemon/build/layer_writer.hpp"
#include "daemon/build/lent_files.hpp"
#include "daemon/build/sbom.hpp"
#include "daemon/build/source_tree.hpp"
#include "daemon/runtime/run_on.hpp"
#include "layers/layer_reader.hpp"
#include "layers/oci/export.hpp"
#include "layers/oci/import.hpp"
#include "layers/oci/reference.hpp"
#include "layers/tar/tar_writer.hpp"
#include "layers/tree/flatten.hpp"
#include "store/base/limits.hpp"

namespace kiln::daemon {
namespace {

Result<Fd> open_spool(const store::Store& store) {
    TRY_ASSIGN(const Fd scratch, store.open_scratch());
    return open_at(scratch.get(), ".", O_TMPFILE | O_RDWR, Resolve::beneath, 0600);
}

/// Makes the images of an import durable and names them; the answer's "images".
Result<json::Value> record_import(
    store::Store& store,
    const store::Lease& lease,
    const oci::Import& import,
    const std::vector<std::string>& tags
) {
    if (!tags.empty() && import.images.size() != 1) {
        return fail(
            Code::invalid_input, "the archive holds {} images; -t names one", import.images.size()
        );
    }
    json::Array answers;
    for (const oci::ImportedImage& image : import.images) {
        const auto& names = tags.empty() ? image.names : tags;
        store::Batch batch;
        for (const BuiltLayer& layer : image.layers) {
            TRY(store.tables().put(layer.layer.diff_id, layer.table, lease));
            batch.layers.push_back(facts_of(layer, names.empty() ? "loaded" : names.front()));
        }
        batch.blobs = {image.manifest.digest, image.config_blob.digest};
        batch.referrers = image.referrers;
        TRY(store.record(batch));
        TRY(set_refs(store, names, image.manifest));
        const std::string kind(oci::archive_kind_name(import.kind));
        const auto answer = [&](json::Value name) {
            answers.push_back(json::Object{
                {"name", std::move(name)},
                {"digest", image.manifest.digest.render()},
                {"kind", kind}});
        };
        for (const std::string& name : names) {
            answer(json::Value(name));
        }
        if (names.empty()) {
            answer(json::Value(nullptr));
        }
    }
    return json::Value(json::Object{{"images", std::move(answers)}});
}

/// Imports into the store; gives the images.
using TakeIn = std::function<Result<oci::Import>(int spool, const store::Lease& lease)>;

Result<json::Value> load(
    Services& services, const std::vector<std::string>& tags, const TakeIn& take_in
) {
    for (const std::string& tag : tags) {
        TRY_ASSIGN(const auto reference, oci::Reference::parse(tag));
        if (reference.digest()) {
            return fail(Code::invalid_input, "the name {} has a digest", tag);
        }
    }
    store::Store& store = services.store;
    const store::Lease lease = store.lease();
    TRY_ASSIGN(const Fd spool, open_spool(store));
    const auto import = take_in(spool.get(), lease);
    if (!import) {
        return fail(as_sent(import.error()));
    }
    return record_import(store, lease, *import, tags);
}

Awaitable<Result<json::Value>> load_body(Exchange& exchange, Services& services) {
    std::function<Result<json::Value>(ByteSource&)> consume =
        [&services, tags = exchange.target().all("tag")](ByteSource& body) {
            return load(services, tags, [&](int spool, const store::Lease& lease) {
                return oci::import_archive(
                    body, spool, services.store.blobs(), lease, services.pool, {}, {}
                );
            });
        };
    co_return co_await consume_body(exchange, services, std::move(consume));
}

/// An archive that the client passes open instead of sending its bytes.
Awaitable<Result<json::Value>> load_file(Exchange& exchange, Services& services) {
    auto files = co_await exchange.receive_files(1);
    if (!files) {
        co_return fail(files.error());
    }
    const auto body = co_await exchange.read_body(limits::k_kib);
    if (!body) {
        co_return fail(body.error());
    }
    if (files->empty() || !can_be_lent(files->front())) {
        co_return fail(Code::unsupported, "this archive cannot be read where it lies: send it");
    }
    const auto file = std::make_shared<const Fd>(std::move(files->front()));
    const auto stop = std::make_shared<std::stop_source>();
    exchange.watch_client([stop] { stop->request_stop(); });
    auto work = [&services, file, stop, tags = exchange.target().all("tag")] {
        return load(services, tags, [&](int spool, const store::Lease& lease) {
            return oci::import_archive_file(
                file->get(),
                spool,
                services.store.blobs(),
                lease,
                services.pool,
                {},
                stop->get_token()
            );
        });
    };
    co_return co_await run_on(services.waiters, std::move(work));
}

Awaitable<Result<void>> post_load(Exchange& exchange, Services& services) {
    const bool lent = exchange.header("Content-Type") == "application/vnd.kiln.file";
    const auto take = lent ? load_file : load_body;
    auto answer = co_await take(exchange, services);
    if (!answer) {
        co_return fail(answer.error());
    }
    co_return co_await exchange.respond_json(200, std::move(*answer));
}

struct ArchiveOrder {
    std::vector<std::string> names;
    oci::ExportOptions options;
};

Result<ArchiveOrder> parse_archive_order(const Target& target) {
    ArchiveOrder order;
    order.names = target.all("name");
    if (order.names.empty()) {
        return fail(Code::invalid_input, "no image is named");
    }
    const std::string format = target.first("format").value_or("oci");
    if (format != "oci" && format != "docker") {
        return fail(Code::invalid_input, "format \"{}\" is neither oci nor docker", format);
    }
    order.options.format = format == "oci" ? oci::ArchiveFormat::oci : oci::ArchiveFormat::docker;
    if (const auto name = target.first("compression")) {
        order.options.compression = parse_compression(*name);
        if (!order.options.compression) {
            return fail(
                Code::invalid_input, "compression \"{}\" is none of zstd, gzip, none", *name
            );
        }
    }
    return order;
}

/// Layers for an archive: as stored, another dress (made and kept), or the plain tar on the fly.
oci::OpenLayer layer_opener(const LayerWriting& writing) {
    return [&writing](
               const Descriptor& layer, const Digest& diff_id, Compression wanted
           ) -> Result<oci::OpenedLayer> { return open_dressed(writing, layer, diff_id, wanted); };
}

Result<void> write_archive(Services& services, const ArchiveOrder& order, ByteSink& out) {
    store::Store& store = services.store;
    const store::Lease lease = store.lease();
    std::vector<oci::ExportImage> images;
    for (const std::string& name : order.names) {
        TRY_ASSIGN(const store::Ref ref, find_image(store, name));
        lease.keep(ref.target);
        // Asked for by its digest it has no name, whatever names this store knows.
        TRY_ASSIGN(const auto named, find_ref(store, name));
        std::vector<std::string> names;
        if (named) {
            names.push_back(named->name);
        }
        images.push_back(oci::ExportImage{std::move(names), ref.target});
    }
    LayerWriting writing{store, services.pool, lease, {}, {}};
    const oci::Referring referring = [&](const Descriptor& stored, const Descriptor& written
                                     ) -> Result<std::vector<oci::LinkedDescriptor>> {
        TRY_ASSIGN(const auto referrers, referrers_for(store, lease, stored, written));
        std::vector<oci::LinkedDescriptor> linked;
        for (const store::Referrer& referrer : referrers) {
            linked.push_back(
                {.descriptor = referrer.manifest, .artifact_type = referrer.artifact_type}
            );
        }
        return linked;
    };
    return oci::export_archive(
        images, order.options, store.blobs(), layer_opener(writing), referring, out, writing.stop
    );
}

Awaitable<Result<void>> get_archive(Exchange& exchange, Services& services) {
    auto order = parse_archive_order(exchange.target());
    if (!order) {
        co_return fail(order.error());
    }
    Produce produce = [&services, owned = std::move(*order)](ByteSink& out) {
        return write_archive(services, owned, out);
    };
    co_return co_await respond_stream(exchange, services, "application/x-tar", std::move(produce));
}

Result<void> write_root_fs(Services& services, const std::string& name, ByteSink& out) {
    store::Store& store = services.store;
    const store::Lease lease = store.lease();
    TRY_ASSIGN(const store::Ref ref, find_image(store, name));
    lease.keep(ref.target);
    TRY_ASSIGN(const Image image, load_image(store, ref.target));
    TRY_ASSIGN(const auto files, SourceTree::of_layers(store, image.config.diff_ids));
    tar::TarWriter writer(out);
    const tree::NodeSink sink = [&](const tree::Node& node) -> Result<void> {
        TRY(writer.append(node.row.entry));
        if (node.row.entry.type == tar::EntryType::file && node.row.entry.size_bytes > 0) {
            TRY_ASSIGN(const auto content, files->open(node));
            TRY(copy_all(*content, writer));
        }
        return {};
    };
    TRY(tree::flatten(files->files(), "", sink));
    return writer.finish();
}

Awaitable<Result<void>> get_root_fs(Exchange& exchange, Services& services) {
    const auto name = exchange.target().first("name");
    if (!name) {
        co_return fail(Code::invalid_input, "no image is named");
    }
    Produce produce = [&services, image = *name](ByteSink& out) {
        return write_root_fs(services, image, out);
    };
    co_return co_await respond_stream(exchange, services, "application/x-tar", std::move(produce));
}

}  // namespace

void add_archive_routes(Router& router, Services& services) {
    router.add("POST", "/v1/images/load", [&services](Exchange& exchange, Parameters) {
        return post_load(exchange, services);
    });
    router.add("GET", "/v1/images/archive", [&services](Exchange& exchange, Parameters) {
        return get_archive(exchange, services);
    });
    router.add("GET", "/v1/images/rootfs", [&services](Exchange& exchange, Parameters) {
        return get_root_fs(exchange, services);
    });
}

}  // namespace kiln::daemon
