#!/usr/bin/env python3
"""A docker-archive of store paths as dockerTools.streamLayeredImage's script writes it, at the cost that it has.

usage: stream_layered_image.py < LAYERS > ARCHIVE    one layer per line, store paths separated by spaces

Every layer is written twice, once for its hash and once into the archive, by Python's tarfile.
"""
import hashlib
import io
import json
import os
import pathlib
import sys
import tarfile
import threading

CREATED = "1970-01-01T00:00:01+00:00"


class Hash:
    def __init__(self):
        self.sha256, self.size = hashlib.sha256(), 0

    def write(self, data):
        self.sha256.update(data)
        self.size += len(data)
        return len(data)


def store_form(info):
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    info.mtime = 1
    if info.isdir():
        info.mode = 0o555
    elif info.isfile():
        info.mode = 0o555 if info.mode & 0o100 else 0o444
    return info


def write_layer(output, paths):
    with tarfile.open(fileobj=output, mode="w|", format=tarfile.PAX_FORMAT, errors="surrogateescape") as tar:
        for parent in ("/nix", "/nix/store"):
            info = tarfile.TarInfo(parent)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(store_form(info))
        tar.inodes = {}
        for path in map(pathlib.Path, paths):
            for file in [path, *sorted(path.rglob("*"))]:
                info = store_form(tar.gettarinfo(file, arcname=str(file)))
                info.name = str(file)
                tar.inodes.clear()  # no hard links
                if info.isfile():
                    with open(file, "rb") as content:
                        tar.addfile(info, content)
                else:
                    tar.addfile(info)


def add_layer(archive, paths):
    hashed = Hash()
    write_layer(hashed, paths)
    checksum = hashed.sha256.hexdigest()
    info = tarfile.TarInfo(f"{checksum}/layer.tar")
    info.size, info.mtime = hashed.size, 1
    read, write = os.pipe()

    def produce():
        with open(write, "wb") as output:
            write_layer(output, paths)

    producer = threading.Thread(target=produce)
    producer.start()
    with open(read, "rb") as content:
        archive.addfile(info, content)
    producer.join()
    return checksum


def add_file(archive, name, data):
    info = tarfile.TarInfo(name)
    info.size, info.mtime = len(data), 1
    archive.addfile(info, io.BytesIO(data))


def main():
    layers = [line.split() for line in sys.stdin if line.strip()]
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as archive:
        checksums = [add_layer(archive, paths) for paths in layers]
        config = json.dumps({
            "created": CREATED, "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": {"diff_ids": [f"sha256:{each}" for each in checksums], "type": "layers"},
            "history": [{"created": CREATED, "comment": f"store paths: {paths}"} for paths in layers],
        }).encode()
        name = f"{hashlib.sha256(config).hexdigest()}.json"
        add_file(archive, name, config)
        manifest = [{"Config": name, "RepoTags": ["image:latest"],
                     "Layers": [f"{each}/layer.tar" for each in checksums]}]
        add_file(archive, "manifest.json", json.dumps(manifest).encode())


main()
