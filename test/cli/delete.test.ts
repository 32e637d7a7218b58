import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PassThrough } from 'node:stream';
import { Arguments } from '../../src/cli/arguments.ts';
import type { CliContext, Verbs } from '../../src/cli/command.ts';
import { deleteCommand } from '../../src/cli/commands/delete.ts';
import type { Deletion, DeleteOptions, DeleteResult } from '../../src/verbs/delete-image.ts';

const DIGEST = `sha256:${'a'.repeat(64)}` as const;
const manifest = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: DIGEST, size: 7 };

interface Run {
  readonly status: number;
  readonly out: string;
  readonly err: string;
  readonly deleted: boolean;
}

/** Runs the verb on a terminal where `answer` is typed, or without one; what is deleted is only told. */
async function run(options: Record<string, boolean>, deletion: Deletion, answer?: string): Promise<Run> {
  const stdin = Object.assign(new PassThrough(), { isTTY: answer !== undefined, setRawMode: () => stdin });
  const said = { out: '', err: '' };
  const stderr = new PassThrough();
  stderr.on('data', (text: Buffer) => (said.err += text.toString()));
  let deleted = false;
  const deleteImage = async (_reference: string, { confirm }: DeleteOptions = {}): Promise<DeleteResult> => {
    if (answer !== undefined) stdin.write(`${answer}\n`);
    deleted = confirm === undefined || (await confirm(deletion));
    return { ...deletion, deleted };
  };
  const context = {
    loadVerbs: async () => ({ deleteImage }) as unknown as Verbs,
    out: (text: string) => (said.out += text),
    stdin,
    stderr,
    env: {},
    signal: new AbortController().signal,
  } as unknown as CliContext;
  const status = await deleteCommand.run(new Arguments([deletion.reference], options), context);
  return { status, ...said, deleted };
}

describe('nixpush delete', () => {
  const tag = { reference: 'ghcr.io/x/demo:1', manifest, tags: ['1'] };
  const image = { reference: `ghcr.io/x/demo@${DIGEST}`, manifest, tags: ['1', '2'] };

  test('asks on a terminal, and takes only a yes for one', async () => {
    for (const answer of ['y', 'YES']) assert.equal((await run({}, tag, answer)).deleted, true);
    for (const answer of ['', 'n', 'yellow']) {
      const { status, deleted, out, err } = await run({}, tag, answer);
      assert.deepEqual([status, deleted, out], [1, false, '']);
      assert.match(err, /nothing was deleted\n$/);
    }
  });

  test('says what will go', async () => {
    assert.ok((await run({}, tag, 'n')).err.includes(`delete ghcr.io/x/demo:1 (${DIGEST})? [y/N]`));
    assert.ok((await run({}, image, 'n')).err.includes(`@${DIGEST} with the tags 1, 2? [y/N]`));
    const { reference } = image;
    assert.ok((await run({}, { reference, manifest }, 'n')).err.includes('with all its tags?'));
    assert.ok((await run({}, { reference, manifest, tags: [] }, 'n')).err.includes('with no tag?'));
  });

  test('wants --yes where there is no terminal', async () => {
    await assert.rejects(run({}, tag), { code: 'ERR_USAGE', hint: /--yes/ });
    const { status, out, err } = await run({ yes: true }, tag);
    assert.deepEqual([status, out, err], [0, `deleted ghcr.io/x/demo:1 (${DIGEST})\n`, '']);
  });

  test('prints one document with --json', async () => {
    const { out } = await run({ yes: true, json: true }, image);
    assert.deepEqual(JSON.parse(out), { ...image, deleted: true });
  });
});
