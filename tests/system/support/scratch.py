"""Directories that disappear with their test."""
import os
import secrets
import tempfile


def scratch_directory(prefix="kiln-system."):
    """A new directory whose path is also a valid image name: buildah takes the path of an OCI layout as one, and
    mkdtemp's names end in an underscore now and then."""
    while True:
        path = os.path.join(tempfile.gettempdir(), prefix + secrets.token_hex(6))
        try:
            os.mkdir(path)
        except FileExistsError:
            continue
        os.chmod(path, 0o755)
        return path
