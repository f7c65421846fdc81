"""A docker-registry on loopback that a test owns."""
import socket
import subprocess
import time
import urllib.error
import urllib.request

from .case import SystemTest
from .daemon import PATIENCE


class RegistryCase(SystemTest):
    def registry(self, password=True, tokens=None):
        """host:port of a docker-registry that this test owns; the log tells what was asked."""
        self.need("docker-registry", "htpasswd", "skopeo")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        text = (f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {self.path('registry')}}}, delete: {{enabled: true}}}}\n"
                f"http: {{addr: '127.0.0.1:{port}'}}\nlog: {{level: info, accesslog: {{disabled: false}}}}\n")
        if tokens:
            text += (f"auth: {{token: {{realm: '{tokens.url}', service: kiln-test, issuer: kiln-test, "
                     f"rootcertbundle: {tokens.certificate}}}}}\n")
        elif password:
            users = self.run_tool("htpasswd", "-Bbn", "me", "secret")
            self.write("htpasswd", users)
            text += f"auth: {{htpasswd: {{realm: kiln, path: {self.path('htpasswd')}}}}}\n"
        self.log = open(self.path("registry.log"), "w+b")
        self.addCleanup(self.log.close)
        process = subprocess.Popen(["docker-registry", "serve", self.write("registry.yml", text)],
                                   stdout=self.log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.addCleanup(process.wait, PATIENCE)
        self.addCleanup(process.terminate)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=PATIENCE)
                break
            except urllib.error.HTTPError:
                break  # it wants a password: it is there
            except OSError:
                self.assertIsNone(process.poll(), self.asked())
        return f"127.0.0.1:{port}"

    def asked(self):
        self.log.flush()
        with open(self.path("registry.log"), encoding="utf-8", errors="replace") as file:
            return file.read()
