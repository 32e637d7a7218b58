import { appendFile, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { isDigest, type Digest } from '../base/digest.ts';
import type { LayerFacts } from './layer-blob.ts';

/** About 30,000 recipes; then the older half is dropped. */
const MAX_BYTES = 8 * 2 ** 20;

/**
 * What recipes came to. Since a recipe determines its layer, an entry never goes stale; a lost one only costs time.
 * One file, one line an entry, appended in one write each: many processes at once and crashes at any moment leave at
 * worst a broken line, which is passed over: the digest stands last, so a cut line never looks whole.
 */
export class RecipeCache {
  readonly file: string;
  #facts: Promise<Map<Digest, LayerFacts>> | undefined;

  constructor(directory: string) {
    this.file = join(directory, 'recipes');
  }

  async get(recipe: Digest): Promise<LayerFacts | undefined> {
    this.#facts ??= read(this.file).then(parse);
    return (await this.#facts).get(recipe);
  }

  /** Never fails: a cache that cannot be written is no reason to stop a push. */
  async set(recipe: Digest, { diffId, digest, size }: LayerFacts): Promise<void> {
    const known = await this.get(recipe);
    if (known?.digest === digest && known.diffId === diffId) return;
    (await this.#facts)?.set(recipe, { diffId, digest, size });
    try {
      await mkdir(dirname(this.file), { recursive: true });
      // The newline in front ends a line that a killed process left unfinished.
      await appendFile(this.file, `\n${recipe} ${size} ${diffId} ${digest}\n`);
      await this.#shrink();
    } catch {
      // Read-only home, full disk: the next push computes the layer again.
    }
  }

  async #shrink(): Promise<void> {
    if ((await stat(this.file)).size <= MAX_BYTES) return;
    const lines = (await readFile(this.file, 'utf8')).split('\n').filter((line) => line !== '');
    const temporary = `${this.file}.${randomUUID()}`;
    try {
      await writeFile(temporary, `${lines.slice(lines.length / 2).join('\n')}\n`);
      await rename(temporary, this.file);
    } finally {
      await rm(temporary, { force: true });
    }
  }
}

/** `$XDG_CACHE_HOME/nixpush`, by default `~/.cache/nixpush`. */
export function cacheDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'nixpush');
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    return '';
  }
}

function parse(text: string): Map<Digest, LayerFacts> {
  const facts = new Map<Digest, LayerFacts>();
  for (const line of text.split('\n')) {
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
