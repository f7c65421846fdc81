"""An oci:// channel in a registry, as conda-oci-mirror lays it out, put there by plain HTTP requests."""
import base64
import hashlib
import http.client
import json
import re

from .channel import repodata, zstd
from .daemon import PATIENCE

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
PACKAGES = {".conda": "application/vnd.conda.package.v2", ".tar.bz2": "application/vnd.conda.package.v1"}
REPODATA = "application/vnd.conda.repodata.v1+json"


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class OciChannel:
    """`name` in the registry at `host`: "oci://HOST/NAME"."""

    def __init__(self, host, name="mirrors/forge", login=None):
        self.host, self.name = host, name
        self.url = f"oci://{host}/{name}"
        self.headers = {}
        if login:
            self.headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()

    def ask(self, method, path, body=b"", expected=201, **headers):
        connection = http.client.HTTPConnection(self.host, timeout=PATIENCE)
        try:
            connection.request(method, path, body, {**self.headers, **{k.replace("_", "-"): v for k, v in headers.items()}})
            answer = connection.getresponse()
            said = answer.read()
            assert answer.status == expected, (method, path, answer.status, said)
            return answer.getheader("Location", "")
        finally:
            connection.close()

    def blob(self, repository, content, media_type):
        place = self.ask("POST", f"/v2/{repository}/blobs/uploads/", expected=202)
        path = place[place.index("/v2/"):]
        self.ask("PUT", f"{path}{'&' if '?' in path else '?'}digest={digest_of(content)}", content)
        return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}

    def put(self, subdir, name, tag, layers):
        """One manifest whose layers are (content, media type)."""
        repository = f"{self.name}/{subdir}/{name}"
        document = {"schemaVersion": 2, "mediaType": MANIFEST,
                    "config": self.blob(repository, b"{}", "application/vnd.unknown.config.v1+json"),
                    "layers": [self.blob(repository, *layer) for layer in layers]}
        self.ask("PUT", f"/v2/{repository}/manifests/{tag}", json.dumps(document).encode(), Content_Type=MANIFEST)

    def package(self, subdir, file_name, content):
        """Beside the file lies what mirrors add; its layer is told by its type, not by its place."""
        name, version, build, ending = re.fullmatch(r"(.+)-([^-]+)-([^-]+?)(\.conda|\.tar\.bz2)", file_name).groups()
        tag = f"{version}-{build}".replace("+", "__p__").replace("!", "__e__").replace("=", "__eq__")
        info = (b"an archive of info/", "application/vnd.conda.info.v1.tar+gzip")
        self.put(subdir, ("zzz" + name) if name.startswith("_") else name, tag, [info, (content, PACKAGES[ending])])

    def repodata(self, subdir, *records, form="zst", **info):
        text = repodata(*records, subdir=subdir, **info)
        layers = {"zst": [(zstd(text), REPODATA + "+zst")], "plain": [(text, REPODATA)]}
        self.put(subdir, "repodata.json", "latest", layers[form])
