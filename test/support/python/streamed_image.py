#!/usr/bin/env python3
"""An independent reading of streamLayeredImage's configuration, as a test oracle: which image the script stands for.

usage: streamed_image.py CONF ROOT

Prints the image's config as JSON.  ROOT is the directory that holds nix/store.  Store layers are written by Python's
own tarfile; layers of the base image and the customisation layer are hashed as they lie there.
"""
import datetime
import hashlib
import json
import os
import stat
import sys
import tarfile

from tar_writer import HashingFile, text


def when(value):
    return datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))


class StoreLayers:
    def __init__(self, conf, root):
        self.root = os.fsencode(root)
        self.owner = {
            "uid": int(conf.get("uid", 0)),
            "gid": int(conf.get("gid", 0)),
            "uname": conf.get("uname", "root"),
            "gname": conf.get("gname", "root"),
            "mtime": int(when(conf.get("mtime", conf["created"])).timestamp()),
        }

    def digest(self, paths):
        output = HashingFile()
        with tarfile.open(fileobj=output, mode="w|", format=tarfile.PAX_FORMAT, encoding="utf-8",
                          errors="surrogateescape") as tar:
            for parent in ("/nix", "/nix/store"):
                self.add(tar, parent, tarfile.DIRTYPE, 0o755)
            for path in paths:
                self.walk(tar, os.fsencode(path))
        return output.sha256.hexdigest()

    def walk(self, tar, name):
        physical = self.root + name
        status = os.lstat(physical)
        if stat.S_ISLNK(status.st_mode):
            self.add(tar, text(name), tarfile.SYMTYPE, 0o777, target=text(os.readlink(physical)))
        elif stat.S_ISDIR(status.st_mode):
            self.add(tar, text(name), tarfile.DIRTYPE, 0o555)
            for child in sorted(os.listdir(physical), key=text):
                self.walk(tar, name + b"/" + child)
        else:
            mode = 0o555 if status.st_mode & 0o100 else 0o444
            with open(physical, "rb") as content:
                self.add(tar, text(name), tarfile.REGTYPE, mode, status.st_size, content=content)

    def add(self, tar, name, kind, mode, size=0, target="", content=None):
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.size, info.linkname = kind, mode, size, target
        for key, value in self.owner.items():
            setattr(info, key, value)
        tar.addfile(info, content)


def base_image(path):
    """Members that are layers with their digests, and the config, of the first image in an archive."""
    with tarfile.open(path) as archive:
        image = json.load(archive.extractfile("manifest.json"))[0]
        config = json.load(archive.extractfile(image["Config"]))
        layers = [(name, hashlib.sha256(archive.extractfile(name).read()).hexdigest()) for name in image["Layers"]]
    return layers, config


def variables(base, own):
    merged = {}
    for variable in (base or []) + (own or []):
        merged[variable.split("=", 1)[0]] = variable
    return list(merged.values())


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    root = sys.argv[2]
    with open(sys.argv[1]) as file:
        conf = json.load(file)
    config = conf["config"]
    layers = []  # (what the history names, digest)
    if conf.get("from_image"):
        base_layers, base = base_image(root + conf["from_image"])
        layers += [([name], digest) for name, digest in base_layers]
        env = variables(base.get("config", {}).get("Env"), config.get("Env"))
        if env:
            config = {**config, "Env": env}
    store = StoreLayers(conf, root)
    layers += [(paths, store.digest(paths)) for paths in conf["store_layers"]]
    top = conf["customisation_layer"]
    with open(f"{root}{top}/layer.tar", "rb") as file:
        layers.append(([top], hashlib.sha256(file.read()).hexdigest()))
    created = when(conf["created"]).isoformat()
    print(json.dumps({
        "architecture": conf["architecture"],
        "os": "linux",
        "created": created,
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for _, digest in layers]},
        "history": [{"created": created, "comment": f"store paths: {names}"} for names, _ in layers],
    }))


if __name__ == "__main__":
    main()
