import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writePrivateFile } from '../private-file.ts';
import type { Clock } from '../clock.ts';
import { parseFacts, type ProfileFacts } from './registry-profile.ts';

/** Registries change, and so do the proxies before them. */
const LIFE_MS = 7 * 24 * 3_600_000;
const MOST_REGISTRIES = 200;

interface Entry {
  /** Milliseconds since 1970. */
  readonly learned: number;
  readonly facts: ProfileFacts;
}

/**
 * What pushes found out about registries, in one file for all of them. Of two processes that write at once one wins,
 * and the other's registry is found out anew. A file that cannot be read counts as empty, one that cannot be written
 * is left alone.
 */
export class ProfileCache {
  readonly file: string;
  readonly #clock: Clock;

  constructor(directory: string, clock: Clock) {
    this.file = join(directory, 'registries.json');
    this.#clock = clock;
  }

  async get(host: string): Promise<ProfileFacts | undefined> {
    return (await this.#read()).get(host)?.facts;
  }

  async set(host: string, facts: ProfileFacts): Promise<void> {
    const entries = await this.#read();
    entries.delete(host);
    const kept = [...entries].slice(1 - MOST_REGISTRIES);
    const all = Object.fromEntries([...kept, [host, { learned: this.#clock.now(), facts }]]);
    try {
      await writePrivateFile(this.file, `${JSON.stringify({ version: 1, registries: all })}\n`);
    } catch {
      // Read-only home, full disk: the next push finds it out again.
    }
  }

  /** Those that are not too old, oldest first. */
  async #read(): Promise<Map<string, Entry>> {
    let document: unknown;
    try {
      document = JSON.parse(await readFile(this.file, 'utf8'));
    } catch {
      return new Map();
    }
    const { version, registries } = (document ?? {}) as { version?: unknown; registries?: unknown };
    if (version !== 1) return new Map();
    const entries = Object.entries((registries ?? {}) as Record<string, unknown>).flatMap(([host, value]) => {
      const { learned, facts } = (value ?? {}) as { learned?: unknown; facts?: unknown };
      const age = this.#clock.now() - Number(learned);
      return age >= 0 && age < LIFE_MS
        ? [[host, { learned: Number(learned), facts: parseFacts(facts) }] as const]
        : [];
    });
    return new Map(entries);
  }
}
