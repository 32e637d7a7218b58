import { join } from 'node:path';
import { AppendLog } from '../base/append-log.ts';
import { isDigest, type Digest } from '../base/digest.ts';
import type { LayerFacts } from './layer-blob.ts';

/** About 30,000 recipes; then the older half is dropped. */
const MAX_BYTES = 8 * 2 ** 20;

/**
 * What recipes came to. Since a recipe determines its layer, an entry never goes stale; a lost one only costs time. One
 * line an entry; the digest stands last, so a cut line never looks whole.
 */
export class RecipeCache {
  readonly #log: AppendLog;
  #facts: Promise<Map<Digest, LayerFacts>> | undefined;

  constructor(directory: string) {
    this.#log = new AppendLog(join(directory, 'recipes'), MAX_BYTES);
  }

  async get(recipe: Digest): Promise<LayerFacts | undefined> {
    this.#facts ??= this.#log.lines().then(parse);
    return (await this.#facts).get(recipe);
  }

  /** Never fails: a cache that cannot be written is no reason to stop a push. */
  async set(recipe: Digest, { diffId, digest, size }: LayerFacts): Promise<void> {
    const known = await this.get(recipe);
    if (known?.digest === digest && known.diffId === diffId) return;
    (await this.#facts)?.set(recipe, { diffId, digest, size });
    await this.#log.append(`${recipe} ${size} ${diffId} ${digest}`);
  }
}

function parse(lines: readonly string[]): Map<Digest, LayerFacts> {
  const facts = new Map<Digest, LayerFacts>();
  for (const line of lines) {
    const [recipe, size, diffId, digest, ...rest] = line.split(' ');
    if (
      isDigest(recipe) &&
      isDigest(diffId) &&
      isDigest(digest) &&
      /^[1-9]\d*$/.test(size ?? '') &&
      rest.length === 0
    )
      facts.set(recipe, { diffId, digest, size: Number(size) });
  }
  return facts;
}
