"""Channels of conda: as a directory, and behind an HTTP server that can be told to misbehave."""
import base64
import contextlib
import hashlib
import http.server
import io
import json
import os
import subprocess
import tarfile
import threading
import zipfile


def record(name, version="1.0", build="0", number=0, depends=(), **more):
    """(file name, record) as a repodata.json has them."""
    file_name = f"{name}-{version}-{build}.conda"
    return file_name, {
        "name": name, "version": version, "build": build, "build_number": number, "depends": list(depends),
        "md5": hashlib.md5(file_name.encode()).hexdigest(), "sha256": hashlib.sha256(file_name.encode()).hexdigest(),
        "size": 1000, "subdir": "linux-64", "timestamp": 1700000000000, **more}


def repodata(*records, subdir="linux-64", **info):
    """`info` may say channel_relations (cep-42)."""
    return json.dumps({"info": {"subdir": subdir, **info}, "packages": {}, "packages.conda": dict(records)}).encode()


def channel(directory, linux=(), noarch=(), **info):
    """Writes a channel directory; its path."""
    for subdir, records in (("linux-64", linux), ("noarch", noarch)):
        os.makedirs(os.path.join(directory, subdir), exist_ok=True)
        with open(os.path.join(directory, subdir, "repodata.json"), "wb") as file:
            file.write(repodata(*records, subdir=subdir, **info))
    return directory


def make_package(name, depends, files, version="1.0", build="0", subdir="linux-64"):
    """The bytes of a .conda of text files."""
    paths = [{"_path": path, "path_type": "hardlink", "sha256": hashlib.sha256(text.encode()).hexdigest(),
              "size_in_bytes": len(text.encode())} for path, text in files.items()]
    index = {"name": name, "version": version, "build": build, "build_number": 0, "depends": list(depends),
             "subdir": subdir}
    info = {"info/index.json": json.dumps(index), "info/paths.json": json.dumps({"paths": paths, "paths_version": 1})}
    dist, packed = f"{name}-{version}-{build}", io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zip_member("metadata.json"), json.dumps({"conda_pkg_format_version": 2}))
        for part, members in (("info", info), ("pkg", files)):
            archive.writestr(zip_member(f"{part}-{dist}.tar.zst"), zstd(make_tar(members)))
    return packed.getvalue()


def zip_member(path):
    """Made at no time, so that a package made twice is the same."""
    return zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))


def make_tar(members):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for path, text in members.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()


def zstd(content):
    return subprocess.run(["zstd", "-q", "-c"], input=content, stdout=subprocess.PIPE, check=True).stdout


def pack(value):
    """MessagePack of what a sharded repodata is made of."""
    if isinstance(value, dict):
        return b"\xdf" + len(value).to_bytes(4, "big") + b"".join(pack(k) + pack(v) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return b"\xdd" + len(value).to_bytes(4, "big") + b"".join(map(pack, value))
    if isinstance(value, str):
        return b"\xdb" + len(value.encode()).to_bytes(4, "big") + value.encode()
    if isinstance(value, bytes):
        return b"\xc6" + len(value).to_bytes(4, "big") + value
    return b"\xcf" + value.to_bytes(8, "big")


def shards(directory, records, subdir="linux-64", **more):
    """Adds the sharded form (cep-16) of these records to a channel directory; `more` of its info."""
    by_name = {}
    for file_name, entry in records:
        raw = {**entry, "sha256": bytes.fromhex(entry["sha256"]), "md5": bytes.fromhex(entry["md5"])}
        by_name.setdefault(entry["name"], {})[file_name] = raw
    index = {}
    for name, entries in by_name.items():
        shard = zstd(pack({"packages": {}, "packages.conda": entries, "removed": []}))
        digest = hashlib.sha256(shard)
        index[name] = digest.digest()
        with open(os.path.join(directory, subdir, digest.hexdigest() + ".msgpack.zst"), "wb") as file:
            file.write(shard)
    info = {"subdir": subdir, "base_url": "./", "shards_base_url": "./", **more}
    with open(os.path.join(directory, subdir, "repodata_shards.msgpack.zst"), "wb") as file:
        file.write(zstd(pack({"version": 1, "info": info, "shards": index})))


class ChannelServer:
    """Serves a directory on a loopback port: ETag, If-None-Match and Range, credentials when asked for."""

    def __init__(self, directory, token=None, login=None):
        self.directory, self.token = directory, token
        self.login = login and "Basic " + base64.b64encode(login.encode()).decode()
        self.requests = []  # "200 /linux-64/repodata.json"
        self.says = {}  # path -> the status it is answered with, whatever was asked
        self.cut = {}  # path -> how many bytes of it go out before the connection ends, once
        self.held = {}  # path -> how many bytes of it go out before an event is set, once
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answered(self, status):
        return [line.split(" ", 1)[1] for line in self.requests if line.startswith(f"{status} ")]

    def handler(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status, body=b"", **headers):
                outer.requests.append(f"{status} {self.path}")
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.path in outer.cut and status in (200, 206):
                    self.wfile.write(body[:outer.cut.pop(self.path)])
                    self.wfile.flush()
                    self.close_connection = True
                    self.connection.shutdown(2)
                elif status != 304:
                    size, event = outer.held.pop(self.path, (0, None))
                    with contextlib.suppress(OSError):  # nobody may be there any more
                        self.wfile.write(body[:size])
                        self.wfile.flush()
                        if event:
                            event.wait(60)
                        self.wfile.write(body[size:])

            def do_GET(self):
                path = self.path
                if path in outer.says:
                    return self.answer(outer.says[path])
                if outer.token is not None:
                    start = f"/t/{outer.token}/"
                    if not path.startswith(start):
                        return self.answer(403)
                    path = path[len(start) - 1:]
                if outer.login and self.headers.get("Authorization") != outer.login:
                    return self.answer(401, WWW_Authenticate='Basic realm="channel"')
                try:
                    with open(outer.directory + path, "rb") as file:
                        body = file.read()
                except OSError:
                    return self.answer(404)
                etag = '"' + hashlib.sha256(body).hexdigest()[:16] + '"'
                if self.headers.get("If-None-Match") == etag:
                    return self.answer(304, ETag=etag)
                start = self.headers.get("Range", "")
                if start and self.headers.get("If-Range", etag) == etag:
                    first = int(start.split("=")[1].rstrip("-"))
                    if first >= len(body):
                        return self.answer(416, Content_Range=f"bytes */{len(body)}")
                    return self.answer(206, body[first:], ETag=etag,
                                       Content_Range=f"bytes {first}-{len(body) - 1}/{len(body)}")
                return self.answer(200, body, ETag=etag)

        return Handler
