"""Runs the rows and prints the table. Every figure is the median of several runs, kiln and peer in turn."""
import os
import shutil
import subprocess
import sys
import tempfile

import peers
import rows


class Workshop:
    """What the rows share: directories, the base image, kiln and the peers."""

    def __init__(self, build):
        self.source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        self.work = tempfile.mkdtemp(prefix="kiln-bench.", dir="/var/tmp")
        self.cache = f"{build}/bench"
        os.makedirs(self.cache, exist_ok=True)
        self.kiln = peers.Kiln(build, self.work)
        self.kiln.start()
        self.base_tar = self.make_base()
        self.kiln("load", "-i", self.base_tar, "-t", "base:1")
        self.peers = peers.available_peers(self.work)
        archive = f"{self.work}/base.docker.tar"
        self.kiln("save", "base:1", "-o", archive, "--format", "docker")
        for peer in self.peers:
            peer.load(archive)

    def make_base(self):
        path = f"{self.cache}/debian.tar"
        if not os.path.exists(path):
            print("# making a Debian root file system")
            subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", "bookworm", path + ".new.tar"], check=True)
            os.rename(path + ".new.tar", path)
        return path

    def close(self):
        for each in (self.kiln, *self.peers):
            each.stop()
        shutil.rmtree(self.work, ignore_errors=True)


def main():
    build, wanted = sys.argv[1], sys.argv[2:]
    unknown = [name for name in wanted if name not in rows.ALL]
    if unknown:
        sys.exit(f"there is no row {unknown[0]}; rows: {' '.join(rows.ALL)}")
    workshop = Workshop(build)
    table = []
    try:
        for name in wanted or rows.ALL:
            print(f"# {name}", flush=True)
            table += rows.ALL[name](workshop)
    finally:
        workshop.close()
    width = max(len(row.work) for row in table)
    print(f"\n{'work'.ljust(width)}  {'kiln':>10}  {'against':>34}  {'ratio':>7}  must reach")
    for row in table:
        print(f"{row.work.ljust(width)}  {row.ours:>10}  {row.against:>34}  {row.ratio:>7}  {row.goal}  {'ok' if row.reached else 'MISSED'}")
    return 0 if all(row.reached for row in table) else 1


if __name__ == "__main__":
    sys.exit(main())
