import { checkDocument, type DocumentSchema } from '../base/check-document.ts';
import type { Digest } from '../base/digest.ts';
import { readAt } from '../base/read-at.ts';
import { parseCreated } from '../image/created.ts';
import { checkImageConfig, type ImageConfig } from '../image/image-config.ts';
import type { HistoryEntry } from '../image/history.ts';
import { parsePlatform } from '../image/platform.ts';
import type { Nix2containerPath, Nix2containerPermission } from '../layers/content.ts';
import { parseStorePath } from '../nix/store-path.ts';

/** What nix2container's `buildImage` makes (nix2container, types/types.go). What it claims is still to be checked. */
export interface Nix2containerImage {
  readonly version: number;
  readonly 'image-config'?: ImageConfig | null;
  readonly layers: readonly Nix2containerLayer[];
  /** Go's GOARCH; not in the JSON of a base image. */
  readonly arch: string;
  readonly created?: string | null;
}

export interface Nix2containerLayer {
  /** Of the blob, which is the tar itself unless it comes from a base image. */
  readonly digest: Digest;
  /** Bytes of the blob; 0 in layers of a base image. */
  readonly size?: number;
  readonly diff_ids: Digest;
  readonly paths?: readonly PathOfLayer[] | null;
  readonly mediatype: string;
  /** A blob that exists: of a base image, or of what is not reproducible. */
  readonly 'layer-path'?: string;
  readonly History?: HistoryEntry;
}

interface PathOfLayer {
  readonly path: string;
  readonly options?: {
    readonly rewrite?: { readonly regex: string; readonly repl: string };
    readonly perms?: readonly Permission[] | null;
  } | null;
}

interface Permission {
  readonly regex: string;
  /** Octal digits; empty for none. */
  readonly mode?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly uname?: string;
  readonly gname?: string;
}

const TEXT = { type: 'string' };
const ID = { type: 'integer', minimum: 0 };
const DIGEST = { type: 'string', pattern: '^sha256:[0-9a-f]{64}$', title: 'a SHA-256 digest' };

const PERMISSION = {
  type: 'object',
  required: ['regex'],
  properties: {
    regex: TEXT,
    mode: { type: 'string', pattern: '^[0-7]{0,4}$', title: 'an octal mode', examples: ['0755'] },
    uid: ID,
    gid: ID,
    uname: TEXT,
    gname: TEXT,
  },
};

const PATH = {
  type: 'object',
  required: ['path'],
  properties: {
    path: TEXT,
    options: {
      type: ['object', 'null'],
      properties: {
        rewrite: { type: 'object', required: ['regex', 'repl'], properties: { regex: TEXT, repl: TEXT } },
        perms: { type: ['array', 'null'], items: PERMISSION },
      },
    },
  },
};

const SCHEMA: DocumentSchema = {
  type: 'object',
  required: ['version', 'layers', 'arch'],
  properties: {
    version: { const: 1 },
    'image-config': { type: ['object', 'null'] },
    arch: { type: 'string', minLength: 1 },
    created: { type: ['string', 'null'] },
    layers: {
      type: 'array',
      items: {
        type: 'object',
        required: ['digest', 'diff_ids', 'mediatype'],
        properties: {
          digest: DIGEST,
          diff_ids: DIGEST,
          size: { type: 'integer', minimum: 0 },
          mediatype: TEXT,
          'layer-path': TEXT,
          History: { type: 'object' },
          paths: { type: ['array', 'null'], items: PATH },
        },
      },
    },
  },
};

export function isNix2containerImage(document: object): boolean {
  return 'image-config' in document && 'layers' in document && 'version' in document;
}

/** Throws ERR_FORMAT that names `file` and the place in it. */
export async function readNix2containerImage(document: object, file: string): Promise<Nix2containerImage> {
  const image = await checkDocument<Nix2containerImage>(document, SCHEMA, file);
  for (const [at, layer] of image.layers.entries())
    for (const { path } of layer.paths ?? []) parseStorePath(path, `${file}: layers[${at}].paths`);
  readAt(`${file}: arch`, () => parsePlatform(`linux/${image.arch}`));
  readAt(`${file}: created`, () => parseCreated(image.created ?? undefined));
  return { ...image, 'image-config': checkImageConfig(image['image-config'] ?? {}, `${file}: image-config`) };
}

/** The store paths of a layer with what is to be changed in them. */
export function pathsOfLayer({ paths }: Nix2containerLayer): Nix2containerPath[] {
  return (paths ?? []).map(({ path, options }) => {
    const { rewrite, perms } = options ?? {};
    const moved = rewrite !== undefined && rewrite.regex !== '';
    return {
      path,
      ...(moved && { rewrite: { regex: rewrite.regex, replacement: rewrite.repl } }),
      permissions: (perms ?? []).map(permissionOf),
    };
  });
}

/** As nix2container takes them: ids are always given, with 0 as default; what else is empty changes nothing. */
function permissionOf({ regex, mode, uid = 0, gid = 0, uname, gname }: Permission): Nix2containerPermission {
  return {
    regex,
    ...(mode && { mode: Number.parseInt(mode, 8) }),
    owner: { uid, gid, ...(uname && { uname }), ...(gname && { gname }) },
  };
}
