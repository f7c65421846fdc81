"""Wheels, archives of sources and an index, all written by the test that uses them."""
import base64
import functools
import hashlib
import http.server
import io
import os
import tarfile
import threading
import zipfile


def wheel(name, version="1.0", requires=(), files=None, scripts=None):
    """(file name, bytes) of a pure python wheel."""
    top = name.replace("-", "_")
    about = f"{top}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(
        f"Requires-Dist: {each}\n" for each in requires)
    contents = {f"{top}.py": f'VERSION = "{version}"\n\n\ndef main():\n    print("{name}", VERSION)\n', **(files or {}),
                f"{about}/METADATA": metadata,
                f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    if scripts:
        contents[f"{about}/entry_points.txt"] = "[console_scripts]\n" + "".join(f"{k} = {v}\n" for k, v in scripts.items())
    rows = [f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},{len(text)}"
            for path, text in contents.items()]
    contents[f"{about}/RECORD"] = "\n".join([*rows, f"{about}/RECORD,,"]) + "\n"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path, text in contents.items():
            archive.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), text)
    return f"{top}-{version}-py3-none-any.whl", out.getvalue()


def sources(name, version="1.0"):
    """(file name, bytes) of an archive of sources that setuptools builds."""
    texts = {"setup.py": f"from setuptools import setup\nsetup(name='{name}', version='{version}', py_modules=['{name}'])\n",
             f"{name}.py": f"VERSION = '{version}'\n",
             "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for path, text in texts.items():
            info = tarfile.TarInfo(f"{name}-{version}/{path}")
            info.size, info.mtime = len(text), 1_600_000_000
            archive.addfile(info, io.BytesIO(text.encode()))
    return f"{name}-{version}.tar.gz", out.getvalue()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Index:
    """PEP 503 over HTTP, of wheels in a directory."""

    def __init__(self, directory, *wheels, hashed=True):
        for file_name, content in wheels:
            os.makedirs(os.path.join(directory, "files"), exist_ok=True)
            with open(os.path.join(directory, "files", file_name), "wb") as file:
                file.write(content)
            anchor = "#sha256=" + hashlib.sha256(content).hexdigest() if hashed else ""
            page = os.path.join(directory, "simple", file_name.split("-")[0].replace("_", "-").lower())
            os.makedirs(page, exist_ok=True)
            with open(os.path.join(page, "index.html"), "a", encoding="utf-8") as file:
                file.write(f'<a href="../../files/{file_name}{anchor}">{file_name}</a>\n')
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=directory))
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.host}/simple"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
