"""Small root file systems to build on: a static busybox, made in a moment."""
import io
import subprocess
import tarfile

BUSYBOX = "/bin/busybox"
EPOCH = 1_600_000_000
PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:App:/home/app:/bin/sh\n"
GROUP = "root:x:0:\napp:x:1000:\naudio:x:29:app\n"


def entry(name, kind=tarfile.REGTYPE, mode=0o644, link="", size=0, uid=0, gid=0, xattrs=()):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname, info.size = kind, mode, link, size
    info.uid, info.gid, info.mtime = uid, gid, EPOCH
    info.pax_headers = {f"SCHILY.xattr.{key}": value for key, value in dict(xattrs).items()}
    return info


def directory(name, mode=0o755, **more):
    return entry(name, tarfile.DIRTYPE, mode, **more), None


def file(name, content, mode=0o644, **more):
    content = content.encode() if isinstance(content, str) else content
    return entry(name, mode=mode, size=len(content), **more), content


def symlink(name, target):
    return entry(name, tarfile.SYMTYPE, 0o777, target), None


def hard_link(name, target):
    return entry(name, tarfile.LNKTYPE, 0o644, target), None


def tar(entries, form=tarfile.PAX_FORMAT):
    """The bytes of a tar with exactly these entries, in this order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for info, content in entries:
            archive.addfile(info, None if content is None else io.BytesIO(content))
    return out.getvalue()


def busybox_entries():
    applets = subprocess.run([BUSYBOX, "--list"], capture_output=True, check=True, text=True).stdout.split()
    with open(BUSYBOX, "rb") as program:
        yield directory("bin")
        yield file("bin/busybox", program.read(), 0o755)
    for applet in sorted(set(applets) - {"busybox"}):
        yield symlink(f"bin/{applet}", "busybox")
    yield directory("etc")
    yield file("etc/passwd", PASSWD)
    yield file("etc/group", GROUP)
    yield directory("home")
    yield directory("root", 0o700)
    yield directory("tmp", 0o1777)


def busybox_tar():
    return tar(busybox_entries())


def rich_tar():
    """busybox, and one of everything that a tree can hold."""
    long_name = "a-name-of-" + "more-than-a-hundred-bytes-" * 5
    return tar([
        *busybox_entries(),
        directory("usr"), directory("usr/share", 0o2755, gid=29),
        file("usr/share/empty", ""),
        file("usr/share/big", bytes(range(256)) * 20000, 0o640, uid=1000, gid=1000),
        file("usr/share/set-uid", "#!/bin/sh\n", 0o4755),
        file(f"usr/share/{long_name}", "long\n"),
        file("usr/share/größe", "not ascii\n"),
        file("usr/share/marked", "xattr\n", xattrs={"user.note": "kept"}),
        hard_link("usr/share/again", "usr/share/big"),
        symlink("usr/share/absolute", "/etc/passwd"), symlink("usr/share/dangling", "../nowhere"),
        (entry("usr/share/pipe", tarfile.FIFOTYPE, 0o600), None),
    ])


def glibc_tar():
    """busybox beside this machine's glibc and libX11: what conda packages expect of a base."""
    folder = "lib/x86_64-linux-gnu"
    names = ["ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1",
             "libutil.so.1", "libresolv.so.2",
             "libX11.so.6", "libxcb.so.1", "libXau.so.6", "libXdmcp.so.6", "libbsd.so.0", "libmd.so.0"]
    libraries = []
    for name in names:
        with open(f"/{folder}/{name}", "rb") as library:
            libraries.append(file(f"{folder}/{name}", library.read(), 0o755))
    return tar([*busybox_entries(), directory("lib"), directory(folder), *libraries, directory("lib64"),
                symlink("lib64/ld-linux-x86-64.so.2", f"/{folder}/ld-linux-x86-64.so.2")])
