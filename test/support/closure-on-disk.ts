import { randomBytes } from 'node:crypto';
import { chmodSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { StorePathContent } from '../../src/layers/content.ts';
import { nixpush, startNixpush, type Run } from './nixpush.ts';
import { StoreBuilder } from './store-builder.ts';
import { temporaryDirectory } from './temporary.ts';

/** A relocated store with its closure file: one root that needs all the others. */
export class ClosureOnDisk {
  readonly #builder: StoreBuilder;
  readonly #paths: StorePathContent[] = [];

  constructor(t: Pick<TestContext, 'after'>) {
    this.#builder = new StoreBuilder(temporaryDirectory(t));
  }

  addTree(...[name, tree]: Parameters<StoreBuilder['add']>): string {
    return this.#register(this.#builder.add(name, tree));
  }

  addNoise(name: string, bytes: number): string {
    return this.addTree(name, randomBytes(bytes));
  }

  /** Takes no room on the disk. */
  addZeros(name: string, bytes: number): string {
    const { path } = this.#builder.add(name, '');
    chmodSync(this.physical(path), 0o644);
    truncateSync(this.physical(path), bytes);
    return this.#register(this.#builder.describe(path));
  }

  physical(path: string): string {
    return join(this.#builder.directory, path);
  }

  async push(destination: string, ...options: string[]): Promise<Run> {
    return this.run(['--to', destination, ...options]);
  }

  async run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Run> {
    return nixpush(this.#arguments(args), { env });
  }

  start(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): ReturnType<typeof startNixpush> {
    return startNixpush(this.#arguments(args), { env });
  }

  #register(content: StorePathContent): string {
    this.#paths.push(content);
    return content.path;
  }

  #arguments(args: readonly string[]): string[] {
    const roots = this.#paths.map(({ path }) => path);
    const file = join(this.#builder.directory, 'closure.json');
    writeFileSync(file, JSON.stringify(this.#paths.map((path) => ({ ...path, references: [] }))));
    return [...roots, '--store', this.#builder.directory, '--closure', file, '--no-links', ...args];
  }
}
