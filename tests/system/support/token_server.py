"""Gives tokens for a docker-registry (distribution's token authentication), signed by openssl."""
import base64
import http.server
import json
import subprocess
import threading
import time
import urllib.parse


def encoded(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class TokenServer:
    """Everyone with the login may do what they ask for; without one, only pull."""

    def __init__(self, directory, login="me:secret", lifetime=300):
        self.key, self.certificate = f"{directory}/token.key", f"{directory}/token.crt"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=kiln-test",
                        "-keyout", self.key, "-out", self.certificate], check=True, capture_output=True)
        self.login = "Basic " + base64.b64encode(login.encode()).decode()
        self.lifetime = lifetime
        self.asked = []  # (what was asked for, with credentials or not)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.url = f"http://{self.host}/token"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def token(self, scopes, may_push):
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            allowed = [action for action in actions.split(",") if may_push or action == "pull"]
            access.append({"type": kind, "name": name, "actions": allowed})
        with open(self.certificate, encoding="ascii") as file:
            chain = "".join(line.strip() for line in file if not line.startswith("-----"))
        now = int(time.time())
        head = {"typ": "JWT", "alg": "RS256", "x5c": [chain]}
        claims = {"iss": "kiln-test", "sub": "me", "aud": "kiln-test", "exp": now + self.lifetime, "nbf": now - 60,
                  "iat": now - 60, "jti": str(len(self.asked)), "access": access}
        text = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=text.encode(),
                                   check=True, capture_output=True).stdout
        return f"{text}.{encoded(signature)}"

    def handler(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                scopes = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query).get("scope", [])
                given = self.headers.get("Authorization")
                outer.asked.append((scopes, given is not None))
                if given not in (None, outer.login):
                    self.send_response(401)
                    self.end_headers()
                    return
                answer = {"access_token": outer.token(scopes, given is not None), "expires_in": outer.lifetime}
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

        return Handler
