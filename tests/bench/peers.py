"""kiln and the programs it is measured against, each in directories of its own, started and ended here."""
import os
import shutil
import subprocess
import time


def run(command, env=None, check=True, stdin=None):
    done = subprocess.run(command, env=env, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done


class Process:
    """A daemon that answers at a Unix socket."""

    def __init__(self, command, socket, log, env=None):
        self.log = open(log, "ab")
        self.started = time.perf_counter()
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, env=env)
        while not os.path.exists(socket):
            if self.process.poll() is not None:
                raise RuntimeError(f"{command[0]} ended with {self.process.returncode}; see {log}")
            time.sleep(0.001)
        self.ready_seconds = time.perf_counter() - self.started

    def memory_mib(self, field):
        with open(f"/proc/{self.process.pid}/status") as status:
            for line in status:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) / 1024
        return 0.0

    def reset_peak(self):
        with open(f"/proc/{self.process.pid}/clear_refs", "w") as refs:
            refs.write("5")

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        self.log.close()


class Kiln:
    name = "kiln"

    def __init__(self, build, work):
        self.daemon_program = f"{build}/daemon/kilnd"
        self.client = f"{build}/client/kiln"
        self.root, self.socket = f"{work}/kiln", f"{work}/kilnd.sock"
        self.log = f"{work}/kilnd.log"
        self.env = {**os.environ, "KILN_HOST": f"unix://{self.socket}", "XDG_CACHE_HOME": f"{work}/cache"}
        self.daemon = None

    def start(self, *arguments):
        command = [self.daemon_program, "--root", self.root, "--socket", self.socket, *arguments]
        self.daemon = Process(command, self.socket, self.log)

    def stop(self):
        self.daemon.stop()

    def __call__(self, *arguments):
        return run([self.client, "-q", *arguments], env=self.env)

    def build(self, context, tag, *options, dockerfile=None):
        file = ["-f", dockerfile] if dockerfile else []
        return self("build", "-t", tag, *options, *file, context)

    def no_cache(self, context, tag, dockerfile=None):
        return self.build(context, tag, "--no-cache", dockerfile=dockerfile)


class Docker:
    """dockerd of Debian with its BuildKit, and Debian's client: a newer one wants a plugin to build."""
    name = "dockerd"
    client = "/usr/bin/docker"

    def __init__(self, work):
        self.work, self.socket = f"{work}/docker", f"{work}/docker.sock"
        self.env = {**os.environ, "DOCKER_HOST": f"unix://{self.socket}", "DOCKER_BUILDKIT": "1"}

    def start(self):
        os.makedirs(self.work, exist_ok=True)
        self.daemon = Process(
            ["dockerd", "--data-root", f"{self.work}/data", "--exec-root", f"{self.work}/exec", "--pidfile",
             f"{self.work}/pid", "--host", f"unix://{self.socket}", "--iptables=false", "--ip6tables=false",
             "--bridge=none", "--ip-masq=false"],
            self.socket, f"{self.work}.log")
        while run([self.client, "version"], env=self.env, check=False).returncode != 0:
            time.sleep(0.1)

    def stop(self):
        self.daemon.stop()

    def load(self, archive):
        run([self.client, "load", "-i", archive], env=self.env)

    def build(self, context, tag, *options, dockerfile=None):
        file = ["-f", dockerfile] if dockerfile else []
        return run([self.client, "build", "-q", "--network", "host", "-t", tag, *options, *file, context], env=self.env)

    def no_cache(self, context, tag, dockerfile=None):
        return self.build(context, tag, "--no-cache", dockerfile=dockerfile)


class Buildah:
    name = "buildah"

    def __init__(self, work):
        self.base = ["buildah", "--root", f"{work}/buildah", "--runroot", f"{work}/buildah-run", "--storage-driver", "overlay"]

    def start(self):
        run([*self.base, "images"])

    def stop(self):
        run([*self.base, "rmi", "--all", "--force"], check=False)

    def load(self, archive):
        run([*self.base, "pull", "-q", f"docker-archive:{archive}"])

    def build(self, context, tag, *options, dockerfile=None):
        file = ["-f", dockerfile] if dockerfile else []
        return run([*self.base, "bud", "-q", "--layers", "--isolation", "chroot", "--pull-never", "-t", tag, *options, *file, context])

    def no_cache(self, context, tag, dockerfile=None):
        return self.build(context, tag, "--no-cache", dockerfile=dockerfile)


def available_peers(work):
    """Those that are installed and start here; the reason for each that does not is printed."""
    peers = []
    for peer in (Docker(work), Buildah(work)):
        program = "dockerd" if peer.name == "dockerd" else "buildah"
        if shutil.which(program) is None:
            print(f"# {peer.name} is not installed")
            continue
        try:
            peer.start()
            peers.append(peer)
        except (RuntimeError, OSError) as error:
            print(f"# {peer.name} does not start here: {error}")
    return peers
