import { digestHex, sha256, type Digest } from '../../base/digest.ts';
import { NixpushError } from '../../base/errors.ts';
import { rawMembers } from './go-json.ts';
import { encodeTarHeader, TAR_BLOCK, tarPadding } from './tar-header.ts';

/** An image as `skopeo copy … docker-archive:` gets it. */
export interface SkopeoImage {
  /** With the host spelt out: `docker.io/library/debian`. */
  readonly name: string;
  readonly tag: string;
  readonly config: Buffer;
  /** Lowest first. */
  readonly layers: readonly UncompressedLayer[];
}

export interface UncompressedLayer {
  readonly diffId: Digest;
  /** Bytes. */
  readonly size: number;
  readonly open: () => AsyncIterable<Uint8Array>;
}

/** Go's archive/tar goes over to another form of header for what is larger. */
const MOST_BYTES = 8 ** 11 - 1;

/**
 * Byte for byte what `skopeo copy docker://… docker-archive:FILE:NAME:TAG` writes (containers/image,
 * docker/internal/tarfile/writer.go), which is what the hash of nixpkgs' `dockerTools.pullImage` is of: the layers as
 * tars, the config, a directory for each layer as Docker had them before version 1.10, manifest.json, repositories.
 * Throws ERR_FORMAT for a layer of 8 GiB, ERR_INTEGRITY for one of another size than it should be.
 */
export async function* skopeoArchive(image: SkopeoImage): AsyncGenerator<Uint8Array, void, void> {
  const { name, tag, config, layers } = image;
  const written = new Set<Digest>();
  for (const layer of layers) {
    if (!written.has(layer.diffId)) yield* layerMember(layer);
    written.add(layer.diffId);
  }
  const configName = `${digestHex(sha256(config))}.json`;
  yield* member(configName, config);
  const legacy = legacyLayers(image);
  for (const { id, json, target } of legacy) {
    yield encodeTarHeader(`${id}/layer.tar`, 0, target);
    yield* member(`${id}/VERSION`, Buffer.from('1.0'));
    yield* member(`${id}/json`, json);
  }
  const entry = {
    Config: configName,
    RepoTags: [`${name}:${tag}`],
    Layers: layers.map(({ diffId }) => tarName(diffId)),
  };
  yield* member('manifest.json', Buffer.from(JSON.stringify([entry])));
  const top = legacy.at(-1);
  const repositories = top === undefined ? {} : { [name]: { [tag]: top.id } };
  yield* member('repositories', Buffer.from(JSON.stringify(repositories)));
  yield Buffer.alloc(2 * TAR_BLOCK);
}

function tarName(diffId: Digest): string {
  return `${digestHex(diffId)}.tar`;
}

function* member(name: string, bytes: Uint8Array): Generator<Uint8Array, void, void> {
  yield encodeTarHeader(name, bytes.byteLength);
  yield bytes;
  yield Buffer.alloc(tarPadding(bytes.byteLength));
}

async function* layerMember({
  diffId,
  size,
  open,
}: UncompressedLayer): AsyncGenerator<Uint8Array, void, void> {
  if (size > MOST_BYTES)
    throw new NixpushError('ERR_FORMAT', `the layer ${diffId} has ${size} bytes; up to 8 GiB can be hashed`);
  yield encodeTarHeader(tarName(diffId), size);
  let left = size;
  for await (const piece of open()) {
    left -= piece.byteLength;
    yield piece;
  }
  if (left !== 0)
    throw new NixpushError('ERR_INTEGRITY', `the layer ${diffId} has changed while it was read`, {
      digest: diffId,
    });
  yield Buffer.alloc(tarPadding(size));
}

interface LegacyLayer {
  readonly id: string;
  readonly json: Buffer;
  /** Of its link to the tar. */
  readonly target: string;
}

/** Of the config, the top layer tells this. */
const TOP_KEYS = [
  'architecture',
  'config',
  'container',
  'container_config',
  'created',
  'docker_version',
  'os',
];

/** One for each layer, the same tar twice or not. A layer's name is a hash of what it says and of those below it. */
function legacyLayers({ config, layers }: SkopeoImage): LegacyLayer[] {
  const members = rawMembers(config);
  const legacy: LegacyLayer[] = [];
  let chainId: Digest | undefined;
  for (const [at, { diffId }] of layers.entries()) {
    chainId = chainId === undefined ? diffId : sha256(`${chainId} ${diffId}`);
    const parent = legacy.at(-1)?.id;
    const values: Record<string, string> = {
      ...(at === layers.length - 1 &&
        Object.fromEntries(TOP_KEYS.map((key) => [key, members.get(key) ?? 'null']))),
      ...(parent !== undefined && { parent: JSON.stringify(parent) }),
    };
    const id = digestHex(sha256(objectOf({ ...values, layer_id: JSON.stringify(chainId) })));
    const json = objectOf({ ...values, id: JSON.stringify(id) });
    legacy.push({ id, json, target: `../${tarName(diffId)}` });
  }
  return legacy;
}

/** As Go writes a map: keys sorted. */
function objectOf(values: Readonly<Record<string, string>>): Buffer {
  const members = Object.keys(values)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${values[key]}`);
  return Buffer.from(`{${members.join(',')}}`, 'latin1');
}
