import { checkDocument, type DocumentSchema } from '../base/check-document.ts';
import { readAt } from '../base/read-at.ts';
import { parseCreated } from '../image/created.ts';
import { checkImageConfig, type ImageConfig } from '../image/image-config.ts';
import { parsePlatform } from '../image/platform.ts';
import { parseStorePath } from '../nix/store-path.ts';

/**
 * What `dockerTools.streamLayeredImage` hands to its script (nixpkgs, pkgs/build-support/docker/stream_layered_image.py).
 * Older ones lack what was added later: `from_image` (2021), owner (2023), `mtime` (2024), `variant` (2025).
 */
export interface StreamConfig {
  /** Go's GOARCH. */
  readonly architecture: string;
  readonly variant?: string;
  readonly config?: ImageConfig | null;
  /** A docker-archive. */
  readonly from_image?: string | null;
  /** Store paths of each layer, lowest first. */
  readonly store_layers: readonly (readonly string[])[];
  /** A directory with `layer.tar` and, in `checksum`, the SHA-256 of it: the uppermost layer. */
  readonly customisation_layer: string;
  /** `NAME:TAG`. */
  readonly repo_tag: string;
  /** ISO 8601 or `now`. */
  readonly created: string;
  /** The same, of the files in the store layers. */
  readonly mtime?: string;
  readonly uid?: number | string;
  readonly gid?: number | string;
  readonly uname?: string;
  readonly gname?: string;
}

const TEXT = { type: 'string' };
const ID = {
  anyOf: [
    { type: 'integer', minimum: 0 },
    { type: 'string', pattern: '^[0-9]+$', title: 'a number of a user or group' },
  ],
};

const SCHEMA: DocumentSchema = {
  type: 'object',
  required: ['architecture', 'store_layers', 'customisation_layer', 'repo_tag', 'created'],
  properties: {
    architecture: TEXT,
    variant: TEXT,
    config: { type: ['object', 'null'] },
    from_image: { type: ['string', 'null'] },
    store_layers: { type: 'array', items: { type: 'array', items: TEXT } },
    customisation_layer: TEXT,
    repo_tag: { type: 'string', pattern: '^.+:[^:/]+$', title: 'a name with a tag', examples: ['hello:1.0'] },
    created: TEXT,
    mtime: TEXT,
    uid: ID,
    gid: ID,
    uname: TEXT,
    gname: TEXT,
  },
};

export function isStreamConfig(document: object): boolean {
  return 'store_layers' in document && 'customisation_layer' in document;
}

/** Throws ERR_FORMAT that names `file` and the place in it. */
export async function readStreamConfig(document: object, file: string): Promise<StreamConfig> {
  const config = await checkDocument<StreamConfig>(document, SCHEMA, file);
  for (const [at, layer] of config.store_layers.entries())
    for (const path of layer) parseStorePath(path, `${file}: store_layers[${at}]`);
  parseStorePath(config.customisation_layer, `${file}: customisation_layer`);
  readAt(`${file}: architecture`, () => parsePlatform(`linux/${config.architecture}`));
  for (const key of ['created', 'mtime'] as const) readAt(`${file}: ${key}`, () => parseCreated(config[key]));
  return { ...config, config: checkImageConfig(config.config ?? {}, `${file}: config`) };
}

/**
 * The configuration that a script of streamLayeredImage hands on: makeWrapper writes
 * `exec "/nix/store/…-stream" /nix/store/…-hello-conf.json "$@"`. undefined for any other script. Nothing is run.
 */
export function streamConfigPath(script: string): string | undefined {
  const commands = script.split('\n').filter((line) => /^\s*exec\s/.test(line));
  const found = commands.flatMap(
    (line) => line.match(/\/nix\/store\/[0-9a-z]{32}-[\w.+?=-]+\.json\b/g) ?? [],
  );
  return commands.length === 1 && found.length === 1 ? found[0] : undefined;
}
