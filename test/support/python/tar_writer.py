#!/usr/bin/env python3
"""An independent writer of the layer format, as a test oracle: Python's own tarfile does the encoding.

usage: tar_writer.py STORE_DIR PHYSICAL_DIR PATH...    one layer, paths in this order
       tar_writer.py STORE_DIR PHYSICAL_DIR < LAYERS   one layer per line, paths separated by spaces

Prints "sha256:HEX" of each layer's tar.  The format is that of the store layers of nixpkgs' streamLayeredImage:
PAX as Python writes it, absolute names, /nix and /nix/store first, each path followed by what is in it in the order
of the names' code points, owner root:root, mtime 1, no hard links, padded to 10240 bytes.  Modes are those a NAR
keeps: 0555 for directories and executables, 0444 for other files, 0777 for symbolic links.

STORE_DIR is the logical store (/nix/store), PHYSICAL_DIR where it lies on this machine.
"""
import hashlib
import os
import stat
import sys
import tarfile


class HashingFile:
    """As much of a file as tarfile wants to write to."""

    def __init__(self):
        self.sha256 = hashlib.sha256()

    def write(self, data):
        self.sha256.update(data)
        return len(data)


def text(name):
    return name.decode("utf-8", "surrogateescape")


def member(name, kind, mode, size=0, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size, info.linkname = kind, mode, size, target
    info.mtime, info.uname, info.gname = 1, "root", "root"
    return info


def add(tar, name, physical):
    status = os.lstat(physical)
    if stat.S_ISLNK(status.st_mode):
        tar.addfile(member(text(name), tarfile.SYMTYPE, 0o777, target=text(os.readlink(physical))))
    elif stat.S_ISDIR(status.st_mode):
        tar.addfile(member(text(name), tarfile.DIRTYPE, 0o555))
        for child in sorted(os.listdir(physical), key=text):  # as pathlib sorts, which streamLayeredImage uses
            add(tar, name + b"/" + child, physical + b"/" + child)
    else:
        mode = 0o555 if status.st_mode & 0o100 else 0o444
        with open(physical, "rb") as content:
            tar.addfile(member(text(name), tarfile.REGTYPE, mode, status.st_size), content)


def layer_digest(store, physical, paths):
    output = HashingFile()
    with tarfile.open(fileobj=output, mode="w|", format=tarfile.PAX_FORMAT, encoding="utf-8",
                      errors="surrogateescape") as tar:
        parts = store.split("/")
        for depth in range(2, len(parts) + 1):
            tar.addfile(member("/".join(parts[:depth]), tarfile.DIRTYPE, 0o755))
        for path in paths:
            base = os.path.basename(path)
            add(tar, os.fsencode(path), os.fsencode(os.path.join(physical, base)))
    return "sha256:" + output.sha256.hexdigest()


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    store, physical, *paths = sys.argv[1:]
    layers = [paths] if paths else [line.split() for line in sys.stdin]
    for layer in layers:
        print(layer_digest(store, physical, layer), flush=True)


if __name__ == "__main__":
    main()
