"""What a directory tree is, as far as an image can say it: two trees are equal when these are."""
import hashlib
import os
import stat


def digest_of(path):
    whole = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            whole.update(piece)
    return whole.hexdigest()


def describe(root):
    """path -> (type, mode, owner, size, content or target, xattrs, first path of the same inode)."""
    root, rows, first = os.fsencode(root), {}, {}
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(folders + files):
            path = os.path.join(folder, name)
            row = describe_one(path, os.path.relpath(path, root), first)
            rows[os.fsdecode(os.path.relpath(path, root))] = row
    return rows


def describe_one(path, name, first):
    status = os.lstat(path)
    kind, content, size = stat.S_IFMT(status.st_mode), None, None
    if stat.S_ISREG(kind):
        content, size = digest_of(path), status.st_size
    elif stat.S_ISLNK(kind):
        content = os.readlink(path)
    elif stat.S_ISCHR(kind) or stat.S_ISBLK(kind):
        content = status.st_rdev
    xattrs = {key: os.getxattr(path, key, follow_symlinks=False)
              for key in os.listxattr(path, follow_symlinks=False)
              if key.startswith("user.") or key == "security.capability"}
    same = None
    if stat.S_ISREG(kind) and status.st_nlink > 1:
        same = first.setdefault((status.st_dev, status.st_ino), name)
    mode = None if stat.S_ISLNK(kind) else stat.S_IMODE(status.st_mode)
    return (oct(kind), mode and oct(mode), status.st_uid, status.st_gid, size, content, xattrs, same)


def differences(left, right):
    """Sentences; empty when the trees are equal."""
    left, right = describe(left), describe(right)
    only = [f"only left: {path}" for path in left.keys() - right.keys()]
    only += [f"only right: {path}" for path in right.keys() - left.keys()]
    return only + [f"{path}: {left[path]} is not {right[path]}"
                   for path in left.keys() & right.keys() if left[path] != right[path]]
