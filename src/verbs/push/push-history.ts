import { join } from 'node:path';
import { isDigest } from '../../base/digest.ts';
import { FileCache } from '../../base/file-cache.ts';
import type { EarlierPlan } from '../../layers/plan/earlier-plan.ts';

/** Plans that are kept: those used last. Each takes 80 bytes a store path. */
const MOST_PLANS = 200;

/** What names an image whose plan is remembered. */
export interface PushedPlace {
  /** As `ImageStore.name`. */
  readonly repository: string;
  readonly tag: string | undefined;
  /** `linux/amd64`. */
  readonly platform: string;
}

/** How the layers of images were planned that were pushed from here. */
export class PushHistory {
  readonly #files: FileCache;

  /** `directory` is the cache directory of nixpush. */
  constructor(directory: string) {
    this.#files = new FileCache(join(directory, 'history'), MOST_PLANS);
  }

  /** The last plan under the tag; if it is a new one, the last of the repository: the next version of the same image, most likely. */
  last(place: PushedPlace): EarlierPlan | undefined {
    return parse(this.#files.read(key(place))) ?? parse(this.#files.read(key({ ...place, tag: undefined })));
  }

  remember(place: PushedPlace, { inputs, layers }: EarlierPlan): void {
    const text = JSON.stringify({ inputs, layers });
    for (const name of new Set([key(place), key({ ...place, tag: undefined })]))
      if (this.#files.read(name) !== text) this.#files.write(name, text);
  }
}

/** The number is that of the format. */
function key({ repository, tag, platform }: PushedPlace): string {
  return ['plan 1', repository, tag ?? '', platform].join('\n');
}

/** undefined for what is damaged. */
function parse(text: string | undefined): EarlierPlan | undefined {
  if (text === undefined) return undefined;
  try {
    const { inputs, layers } = JSON.parse(text) as { inputs?: unknown; layers: unknown[] };
    return isDigest(inputs) && layers.every(isLayer) ? { inputs, layers } : undefined;
  } catch {
    return undefined;
  }
}

function isLayer(paths: unknown): paths is string[] {
  return Array.isArray(paths) && paths.every((path) => typeof path === 'string');
}
