#!/usr/bin/env python3
"""Independent writers of docker-archives, as test oracles: Python's own tarfile does the encoding.

usage: docker_archive.py FORM NAME LAYER... > ARCHIVE    each LAYER is a file with a layer's tar

Forms, and whose they are:
  docker-old      docker save before 25: a directory for each layer, repositories, links for repeated layers
  docker-new      docker save since 25: an image layout with manifest.json, everything a blob
  build-image     dockerTools.buildImage: like docker-old, sorted, the archive compressed by gzip
  stream-layered  dockerTools.streamLayeredImage: layers first, manifest.json last, nothing else

Prints the config's digest and the diffIDs on stderr, one a line.
"""
import gzip
import hashlib
import io
import json
import sys
import tarfile


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def add(archive, name, data=None, link=None, directory=False):
    info = tarfile.TarInfo(name)
    info.mtime = 1
    if link is not None:
        info.type, info.linkname = tarfile.SYMTYPE, link
    elif directory:
        info.type, info.mode = tarfile.DIRTYPE, 0o755
    else:
        info.size = len(data)
    archive.addfile(info, None if data is None else io.BytesIO(data))


def dump(value, indent=None):
    return json.dumps(value, indent=indent).encode()


def old_layout(archive, name, layers, config, config_hex, sort):
    members, names, first, parent = [], [], {}, None
    for number, layer in enumerate(layers):
        identity = sha256(f"{parent}{number}{sha256(layer)}".encode())
        v1 = {"id": identity, **({"parent": parent} if parent else {})}
        members.append((f"{identity}/", {"directory": True}))
        members.append((f"{identity}/VERSION", {"data": b"1.0"}))
        members.append((f"{identity}/json", {"data": dump(v1)}))
        known = first.get(sha256(layer))
        layer_name = f"{identity}/layer.tar"
        if known is None:
            first[sha256(layer)] = identity
            members.append((layer_name, {"data": layer}))
        else:
            members.append((layer_name, {"link": f"../{known}/layer.tar"}))
        names.append(layer_name)
        parent = identity
    members.append((f"{config_hex}.json", {"data": config}))
    members.append(("manifest.json", {"data": dump([{"Config": f"{config_hex}.json", "RepoTags": [name], "Layers": names}])}))
    repository, tag = name.rsplit(":", 1)
    members.append(("repositories", {"data": dump({repository: {tag: parent}})}))
    for member, content in sorted(members) if sort else members:
        add(archive, member, **content)


def new_layout(archive, name, layers, config, config_hex):
    def blob(data):
        return f"blobs/sha256/{sha256(data)}"

    def descriptor(kind, data):
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{sha256(data)}", "size": len(data)}

    manifest = dump({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("config.v1+json", config),
        "layers": [descriptor("layer.v1.tar", layer) for layer in layers],
    })
    for directory in ("blobs/", "blobs/sha256/"):
        add(archive, directory, directory=True)
    for data in sorted({config, manifest, *layers}, key=sha256):
        add(archive, blob(data), data)
    entry = {**descriptor("manifest.v1+json", manifest), "annotations": {"io.containerd.image.name": name}}
    add(archive, "index.json", dump({"schemaVersion": 2, "manifests": [entry]}))
    docker = {"Config": blob(config), "RepoTags": [name], "Layers": [blob(layer) for layer in layers]}
    add(archive, "manifest.json", dump([docker]))
    add(archive, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
    add(archive, "repositories", dump({}))


def stream_layered(archive, name, layers, config, config_hex):
    names = [f"{sha256(layer)}/layer.tar" for layer in layers]
    for layer_name, layer in zip(names, layers):
        add(archive, layer_name, layer)
    add(archive, f"{config_hex}.json", config)
    add(archive, "manifest.json", dump([{"Config": f"{config_hex}.json", "RepoTags": [name], "Layers": names}], indent=4))


def main(form, name, *files):
    layers = []
    for file in files:
        with open(file, "rb") as stream:
            layers.append(stream.read())
    diff_ids = [f"sha256:{sha256(layer)}" for layer in layers]
    config = dump({
        "architecture": "amd64",
        "os": "linux",
        "created": "1970-01-01T00:00:01+00:00",
        "config": {"Cmd": ["/bin/hello"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created": "1970-01-01T00:00:01+00:00", "comment": "store paths: []"} for _ in layers],
    }, indent=4)
    config_hex = sha256(config)
    output = io.BytesIO()
    with tarfile.open(mode="w|", fileobj=output) as archive:
        if form in ("docker-old", "build-image"):
            old_layout(archive, name, layers, config, config_hex, sort=form == "build-image")
        elif form == "docker-new":
            new_layout(archive, name, layers, config, config_hex)
        else:
            stream_layered(archive, name, layers, config, config_hex)
    data = output.getvalue()
    sys.stdout.buffer.write(gzip.compress(data, mtime=0) if form == "build-image" else data)
    print("\n".join([f"sha256:{config_hex}", *diff_ids]), file=sys.stderr)


main(*sys.argv[1:])
