"""Bills of materials: as a file, attached to the image in the store, in archives and in a registry."""
import hashlib
import json
import os
import re
import tarfile
import unittest
import urllib.request

from conda_test import COPY_ENV, CondaTest
from support.registry import RegistryCase

TYPES = {"spdx": "application/spdx+json", "cyclonedx": "application/vnd.cyclonedx+json"}
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


class SbomTest(CondaTest):
    def setUp(self):
        super().setUp()
        self.kilnd = self.daemon_with_base()
        _, self.lock = self.pack()

    def make(self, *words):
        return self.good(self.build_with(self.kilnd, self.lock, "FROM base:1\n" + COPY_ENV, "-t", "app:1", *words)).line

    def referrers(self, image="app:1"):
        return self.good(self.kilnd.kiln("inspect", image)).json["referrers"]

    def blob(self, digest):
        with open(os.path.join(self.kilnd.root, "blobs/sha256", digest.split(":")[1]), "rb") as file:
            content = file.read()
        self.assertEqual("sha256:" + hashlib.sha256(content).hexdigest(), digest)
        return content

    def attached(self, manifest, subject, form):
        """The document's descriptor, when the manifest attaches one of this form as image-spec 1.1 wants it."""
        self.assertEqual((manifest["schemaVersion"], manifest["mediaType"]), (2, MANIFEST))
        self.assertEqual(manifest["artifactType"], TYPES[form])
        self.assertEqual(manifest["subject"]["digest"], subject)
        self.assertEqual(manifest["subject"]["mediaType"], MANIFEST)
        self.assertEqual(manifest["config"]["mediaType"], "application/vnd.oci.empty.v1+json")
        (document,) = manifest["layers"]
        self.assertEqual(document["mediaType"], TYPES[form])
        return document


class DocumentTest(SbomTest):
    def test_spdx_is_what_the_specification_asks_for(self):
        digest = self.make()

        said = self.good(self.kilnd.kiln("sbom", "app:1"))

        document = said.json
        for field in ("spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace", "creationInfo"):
            self.assertIn(field, document)
        self.assertEqual((document["spdxVersion"], document["dataLicense"]), ("SPDX-2.3", "CC0-1.0"))
        self.assertRegex(document["documentNamespace"], r"\Ahttps://[^#]+\Z")
        self.assertRegex(document["creationInfo"]["created"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
        self.assertTrue(all(re.match(r"(Tool|Organization|Person): ", each) for each in document["creationInfo"]["creators"]))
        packages = {each["SPDXID"]: each for each in document["packages"]}
        self.assertEqual(len(packages), len(document["packages"]))
        for package in packages.values():
            self.assertRegex(package["SPDXID"], r"\ASPDXRef-[A-Za-z0-9.-]+\Z")
            for field in ("name", "downloadLocation"):
                self.assertIn(field, package)
            self.assertFalse(package["filesAnalyzed"])
            for checksum in package.get("checksums", []):
                self.assertRegex(checksum["checksumValue"], r"\A[0-9a-f]{%d}\Z" % {"SHA256": 64, "MD5": 32}[checksum["algorithm"]])
        for relation in document["relationships"]:
            for end in ("spdxElementId", "relatedSpdxElement"):
                self.assertTrue(relation[end] == "SPDXRef-DOCUMENT" or relation[end] in packages, relation)
            self.assertIn(relation["relationshipType"], ("DESCRIBES", "CONTAINS", "DEPENDS_ON"))
        self.assertIn("sha256:" + packages["SPDXRef-image"]["checksums"][0]["checksumValue"], digest)
        listed = self.kilnd.kiln("conda", "list", "app:1", "--format", "json").json["environments"][0]["packages"]
        self.assertEqual(len(packages), len(listed) + 1)
        self.assertIn("pkg:conda/xz@", said.stdout)

    def test_cyclonedx_is_what_the_specification_asks_for(self):
        self.make()

        document = self.good(self.kilnd.kiln("sbom", "app:1", "--format", "cyclonedx")).json

        self.assertEqual((document["bomFormat"], document["specVersion"], document["version"]), ("CycloneDX", "1.5", 1))
        self.assertRegex(document["serialNumber"],
                         r"\Aurn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
        self.assertEqual(document["metadata"]["component"]["type"], "container")
        references = [each["bom-ref"] for each in document["components"]] + [document["metadata"]["component"]["bom-ref"]]
        self.assertEqual(len(set(references)), len(references))
        for component in document["components"]:
            self.assertEqual(component["type"], "library")
            self.assertTrue(component["purl"].startswith("pkg:conda/"))
        for each in document["dependencies"]:
            self.assertIn(each["ref"], references)
            self.assertLessEqual(set(each["dependsOn"]), set(references))

    def test_it_is_the_same_whatever_the_image_is_called_and_goes_to_a_file(self):
        self.make()
        self.good(self.kilnd.kiln("tag", "app:1", "other:2"))
        target = self.path("sbom.json")

        self.good(self.kilnd.kiln("sbom", "other:2", "-o", target))

        with open(target, encoding="utf-8") as file:
            self.assertEqual(file.read(), self.kilnd.kiln("sbom", "app:1").stdout)
        self.refused(self.kilnd.kiln("sbom", "app:1", "--format", "xml"), 2, "xml")
        self.refused(self.kilnd.kiln("sbom", "nothing:1"), 4, "nothing:1")

    def test_an_image_without_conda_has_a_document_that_says_so(self):
        spdx = self.good(self.kilnd.kiln("sbom", "base:1")).json
        self.assertEqual([each["SPDXID"] for each in spdx["packages"]], ["SPDXRef-image"])
        self.assertIn("conda", spdx["comment"])
        cyclonedx = self.good(self.kilnd.kiln("sbom", "base:1", "--format", "cyclonedx")).json
        self.assertEqual(cyclonedx["components"], [])


class SystemPackagesTest(CondaTest):
    STATUS = ("Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc\nVersion: {}\n"
              "Description: GNU C Library\n .\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n")

    def setUp(self):
        super().setUp()
        self.kilnd = self.daemon()

    def make(self, tag, version):
        context = {"status": self.STATUS.format(version), "os-release": 'ID=debian\nVERSION_ID="12"\n'}
        dockerfile = "FROM scratch\nCOPY status /var/lib/dpkg/status\nCOPY os-release /etc/os-release\n"
        self.good(self.build(self.kilnd, dockerfile, context, "-t", tag))

    def test_what_dpkg_installed_is_listed_and_compared(self):
        self.make("base:1", "2.36-9+deb12u9")
        self.make("base:2", "2.36-9+deb12u10")

        spdx = self.good(self.kilnd.kiln("sbom", "base:1"))
        self.assertEqual([each["name"] for each in spdx.json["packages"][1:]], ["libc6"])
        self.assertIn("pkg:deb/debian/libc6@2.36-9%2Bdeb12u9?arch=amd64&distro=debian-12", spdx.stdout)
        said = self.good(self.kilnd.kiln("diff", "base:1", "base:2"))
        self.assertRegex(said.stdout, r"(?m)^# dpkg: 1 differ, 0 do not$")
        self.assertRegex(said.stdout, r"(?m)^upgraded +libc6 +2\.36-9\+deb12u9 +2\.36-9\+deb12u10$")
        back = self.good(self.kilnd.kiln("diff", "base:2", "base:1", "--format", "json")).json
        self.assertEqual(back["system"]["packages"][0]["change"], "downgraded")


class AttachedTest(SbomTest):
    def test_a_build_attaches_it_and_the_collector_keeps_it_with_the_image(self):
        digest = self.make("--sbom", "spdx")

        (referrer,) = self.referrers()
        self.assertEqual(referrer["artifact_type"], TYPES["spdx"])
        document = self.attached(json.loads(self.blob(referrer["digest"])), digest, "spdx")
        self.assertEqual(self.blob(document["digest"]).decode(), self.kilnd.kiln("sbom", "app:1").stdout)
        self.good(self.kilnd.kiln("gc", "--keep-size", "0"))
        self.assertEqual(self.referrers(), [referrer])
        self.blob(document["digest"])
        self.clean(self.kilnd)
        self.good(self.kilnd.kiln("rmi", "app:1"))
        self.good(self.kilnd.kiln("gc", "--keep-size", "0"))
        for gone in (referrer["digest"], document["digest"]):
            self.assertFalse(os.path.exists(os.path.join(self.kilnd.root, "blobs/sha256", gone.split(":")[1])))
        self.clean(self.kilnd)

    def test_the_store_is_a_layout_in_which_others_find_it(self):
        digest = self.make("--sbom", "cyclonedx")

        with open(os.path.join(self.kilnd.root, "index.json"), encoding="utf-8") as file:
            entries = json.load(file)["manifests"]

        (entry,) = [each for each in entries if each.get("artifactType")]
        self.assertEqual((entry["artifactType"], entry["mediaType"]), (TYPES["cyclonedx"], MANIFEST))
        self.assertEqual(len(self.blob(entry["digest"])), entry["size"])
        self.attached(json.loads(self.blob(entry["digest"])), digest, "cyclonedx")
        self.need("skopeo")
        self.assertEqual(json.loads(self.run_tool("skopeo", "inspect", f"oci:{self.kilnd.root}:app:1"))["Digest"], digest)
        self.good(self.kilnd.kiln("rmi", "app:1"))
        with open(os.path.join(self.kilnd.root, "index.json"), encoding="utf-8") as file:
            self.assertNotIn("artifactType", file.read())

    def test_building_again_changes_nothing_and_another_form_comes_beside_it(self):
        digest = self.make("--sbom", "spdx")
        before = self.referrers()

        self.assertEqual(self.make("--sbom", "spdx"), digest)
        self.assertEqual(self.referrers(), before)
        self.assertEqual(self.make("--sbom", "cyclonedx"), digest)
        self.assertEqual(sorted(each["artifact_type"] for each in self.referrers()), sorted(TYPES.values()))
        self.refused(self.build_with(self.kilnd, self.lock, "FROM base:1\n", "--sbom", "xml"), 2, "xml")

    def test_archives_carry_it_and_loading_brings_it_back(self):
        self.make("--sbom", "spdx")
        archive = self.path("app.tar")
        self.good(self.kilnd.kiln("save", "app:1", "-o", archive))
        other = self.daemon("other")

        self.good(other.kiln("load", "-i", archive))

        self.assertEqual(other.kiln("inspect", "app:1").json["referrers"], self.referrers())
        again = self.path("again.tar")
        self.good(other.kiln("save", "app:1", "-o", again))
        with tarfile.open(archive) as one, tarfile.open(again) as two:
            self.assertEqual(one.getnames(), two.getnames())
        self.clean(other)
        docker = self.path("docker.tar")
        self.good(self.kilnd.kiln("save", "app:1", "-o", docker, "--format", "docker"))
        with tarfile.open(docker) as opened:
            index = json.load(opened.extractfile("index.json"))
        self.assertEqual(len(index["manifests"]), 1)

    def test_an_archive_in_another_compression_gets_a_document_about_what_it_holds(self):
        self.make("--sbom", "spdx")
        archive = self.path("app.tar")

        self.good(self.kilnd.kiln("save", "app:1", "-o", archive, "--compression", "gzip"))

        with tarfile.open(archive) as opened:
            def read(name):
                return json.load(opened.extractfile(name))
            image, referrer = read("index.json")["manifests"]
            document = self.attached(read("blobs/sha256/" + referrer["digest"].split(":")[1]), image["digest"], "spdx")
            text = json.dumps(read("blobs/sha256/" + document["digest"].split(":")[1]))
        self.assertIn(image["digest"].split(":")[1], text)


class RegistrySbomTest(SbomTest, RegistryCase):
    def get(self, host, path, accept):
        request = urllib.request.Request(f"http://{host}/v2/{path}", headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def test_push_brings_it_along_under_the_tag_that_stands_in_for_the_referrers_api(self):
        host = self.registry(password=False)
        digest = self.make("--sbom", "spdx")
        name = f"{host}/team/app:1"

        self.good(self.kilnd.kiln("push", "app:1", name))

        tag = digest.replace(":", "-")
        index = self.get(host, f"team/app/manifests/{tag}", INDEX)
        self.assertEqual((index["schemaVersion"], index["mediaType"]), (2, INDEX))
        (entry,) = index["manifests"]
        self.assertEqual((entry["mediaType"], entry["artifactType"]), (MANIFEST, TYPES["spdx"]))
        self.assertEqual([each["digest"] for each in self.referrers()], [entry["digest"]])
        manifest = self.get(host, f"team/app/manifests/{entry['digest']}", MANIFEST)
        self.assertEqual(entry["annotations"], manifest["annotations"])
        document = self.attached(manifest, digest, "spdx")
        with urllib.request.urlopen(f"http://{host}/v2/team/app/blobs/{document['digest']}", timeout=60) as answer:
            self.assertEqual(answer.read().decode(), self.kilnd.kiln("sbom", "app:1").stdout)

        # A second kind is added to the list, and pushing once more adds nothing.
        self.make("--sbom", "cyclonedx")
        for _ in range(2):
            self.good(self.kilnd.kiln("push", "app:1", name))
        index = self.get(host, f"team/app/manifests/{tag}", INDEX)
        self.assertEqual(sorted(each["artifactType"] for each in index["manifests"]), sorted(TYPES.values()))

    def test_what_is_pushed_in_another_compression_has_a_document_of_its_own(self):
        host = self.registry(password=False)
        digest = self.make("--sbom", "cyclonedx")

        said = self.good(self.kilnd.kiln("push", "app:1", f"{host}/app:gz", "--compression", "gzip",
                                         "--force-compression"))

        pushed = re.search(r"sha256:[0-9a-f]{64}", said.stdout)[0]
        self.assertNotEqual(pushed, digest)
        (entry,) = self.get(host, f"app/manifests/{pushed.replace(':', '-')}", INDEX)["manifests"]
        document = self.attached(self.get(host, f"app/manifests/{entry['digest']}", MANIFEST), pushed, "cyclonedx")
        with urllib.request.urlopen(f"http://{host}/v2/app/blobs/{document['digest']}", timeout=60) as answer:
            self.assertEqual(json.load(answer)["metadata"]["component"]["bom-ref"], pushed)

    def test_a_build_pushes_it_too(self):
        host = self.registry(password=False)
        lock = self.write("env.lock", self.lock)

        digest = self.good(self.build(self.kilnd, "FROM env\n", {}, "--build-context", f"env=conda:{lock}",
                                      "-t", f"{host}/app:1", "--sbom", "spdx", "--push")).line

        index = self.get(host, f"app/manifests/{digest.replace(':', '-')}", INDEX)
        self.assertEqual(len(index["manifests"]), 1)


if __name__ == "__main__":
    unittest.main()
