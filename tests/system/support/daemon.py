"""A private kilnd, and the client that talks to it: real programs, a root and a socket of their own."""
import collections
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading

KILND = os.environ.get("KILND", "kilnd")
KILN = os.environ.get("KILN", "kiln")
PATIENCE = 240  # seconds; only ever reached by something that hangs
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


def die_with_the_test():
    """A test that is itself killed, by CTest's timeout say, leaves no daemon behind."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Answer:
    """What one run of the client said."""

    def __init__(self, words, code, stdout, stderr):
        self.words, self.code, self.raw = words, code, stdout
        self.stdout = stdout.decode("utf-8", "replace")
        self.stderr = stderr.decode("utf-8", "replace")

    @property
    def line(self):
        return self.stdout.strip()

    @property
    def json(self):
        return json.loads(self.stdout)

    def __str__(self):
        return f"kiln {' '.join(map(str, self.words))}: exit {self.code}\n{self.stdout}{self.stderr}"


class Daemon:
    """kilnd on a directory; `home` is where its clients keep their caches and credentials."""

    def __init__(self, directory, root=None, arguments=(), environment=None, prefix=(), umask=None):
        self.directory = str(directory)
        self.root = str(root or os.path.join(self.directory, "store"))
        self.socket = os.path.join(self.directory, "kilnd.sock")
        self.home = os.path.join(self.directory, "home")
        self.arguments, self.prefix, self.umask = list(arguments), list(prefix), umask
        self.environment = environment or {}
        self.process, self.log = None, collections.deque(maxlen=4000)
        os.makedirs(self.home, exist_ok=True)

    def start(self):
        """Returns when the socket accepts."""
        command = [*self.prefix, KILND, "--root", self.root, "--socket", self.socket, *self.arguments]
        options = {} if self.umask is None else {"umask": self.umask}
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
            env={**os.environ, **self.environment}, start_new_session=True,
            preexec_fn=die_with_the_test, **options)
        ready = threading.Event()
        self.reader = threading.Thread(target=self._read, args=(self.process.stderr, ready))
        self.reader.daemon = True
        self.reader.start()
        if not ready.wait(PATIENCE) or "listening on" not in self.log_text:
            self.kill()
            raise AssertionError(f"kilnd did not start:\n{self.log_text}")
        return self

    def _read(self, stream, ready):
        for line in stream:
            self.log.append(line.decode("utf-8", "replace"))
            if "listening on" in self.log[-1]:
                ready.set()
        stream.close()
        ready.set()

    @property
    def log_text(self):
        return "".join(self.log)

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        """SIGTERM; returns the exit code."""
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self._ended(self.process.wait(30))
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"kilnd did not end after SIGTERM:\n{self.log_text}") from None

    def kill(self):
        """SIGKILL, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self._ended(self.process.wait(PATIENCE))

    def _ended(self, code):
        self.reader.join(PATIENCE)
        self.process = None
        return code

    def client_environment(self, **more):
        cleaned = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "KILN_HOST"))}
        return {**cleaned, "HOME": self.home, "KILN_HOST": f"unix://{self.socket}", **more}

    def begin(self, *words, environment=None, stdin=subprocess.DEVNULL, **options):
        """A client that runs on; the caller waits for it."""
        return subprocess.Popen(
            [KILN, *map(str, words)], env=self.client_environment(**(environment or {})), stdin=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def kiln(self, *words, stdin=None, environment=None, prefix=(), **options):
        """Runs the client to its end, whatever that is."""
        done = subprocess.run(
            [*prefix, KILN, *map(str, words)], env=self.client_environment(**(environment or {})),
            input=stdin or b"", capture_output=True, timeout=PATIENCE, check=False, **options)
        return Answer(words, done.returncode, done.stdout, done.stderr)

    def connect(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE)
        connection.connect(self.socket)
        return connection

    def request(self, method, target, body=b"", headers=()):
        """One raw exchange on a connection of its own: (status, body)."""
        lines = [f"{method} {target} HTTP/1.1", "Host: kiln", "Connection: close", *headers]
        if not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers):
            lines.append(f"Content-Length: {len(body)}")
        with self.connect() as connection:
            try:
                connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
            except (BrokenPipeError, ConnectionResetError):
                pass  # a daemon that refuses says so before it has read everything
            return read_answer(connection)

    def api(self, method, target, record=None):
        """(status, decoded body) of a JSON exchange."""
        body = b"" if record is None else json.dumps(record).encode()
        status, answer = self.request(method, target, body, ["Content-Type: application/json"])
        return status, json.loads(answer) if answer else None


def read_answer(connection):
    """Up to the end that the answer itself announces: a daemon may wait for the rest of a request."""
    received = bytearray()
    while not is_whole(received):
        try:
            piece = connection.recv(1 << 16)
        except ConnectionResetError:
            piece = b""
        if not piece:
            break
        received += piece
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    if not head:
        raise AssertionError("the daemon closed the connection without an answer")
    if b"transfer-encoding: chunked" in head.lower():
        body = unchunk(body)
    return int(head.split(None, 2)[1]), body


def is_whole(received):
    head, ended, body = bytes(received).partition(b"\r\n\r\n")
    size = re.search(rb"(?im)^content-length: (\d+)", head)
    return bool(ended and size) and len(body) >= int(size[1])


def unchunk(body):
    whole = bytearray()
    while body:
        size, _, body = body.partition(b"\r\n")
        count = int(size.split(b";")[0], 16)
        whole += body[:count]
        body = body[count + 2:]
    return bytes(whole)


def have(*programs):
    return all(shutil.which(program) for program in programs)
