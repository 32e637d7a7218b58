import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { NixpushError } from '../../src/base/errors.ts';
import * as commands from '../../src/cli/commands/index.ts';
import * as exitCodes from '../../src/cli/exit-codes.ts';
import * as help from '../../src/cli/help.ts';
import { copyDocument } from '../../src/cli/output/copy-report.ts';
import { indexDocument } from '../../src/cli/output/index-report.ts';
import { mirrorDocument } from '../../src/cli/output/mirror-report.ts';
import { pushDocument } from '../../src/cli/output/push-report.ts';
import { pushSystemsDocument } from '../../src/cli/output/push-systems-report.ts';
import { errorDocument } from '../../src/cli/print-error.ts';
import type { CopyResult } from '../../src/verbs/copy.ts';
import type { IndexResult } from '../../src/verbs/index-images.ts';
import type { InspectedImage, InspectedIndex } from '../../src/verbs/inspect.ts';
import type { MirrorResult } from '../../src/verbs/mirror/mirror-result.ts';
import type { PushResult } from '../../src/verbs/push-result.ts';
import type { PushSystemsResult } from '../../src/verbs/push-systems.ts';
import { repoRoot } from '../support/repo.ts';

interface Renderer {
  readonly cliDocument: (cli: object) => string;
}

interface Examples {
  push: PushResult;
  copy: CopyResult;
  mirror: MirrorResult & { summary: object };
  madeIndex: IndexResult;
  pushSystems: PushSystemsResult;
  image: InspectedImage;
  index: InspectedIndex;
  error: ConstructorParameters<typeof NixpushError>[2] & { message: string };
}

async function script<T>(name: string): Promise<T> {
  return (await import(pathToFileURL(join(repoRoot, 'scripts', name)).href)) as T;
}

describe('docs/cli.md', () => {
  test('is what npm run docs writes', async () => {
    const { cliDocument } = await script<Renderer>('cli-document.js');
    const written = readFileSync(join(repoRoot, 'docs/cli.md'), 'utf8');
    assert.equal(written, cliDocument({ ...commands, ...exitCodes, ...help }));
  });

  test('shows the JSON of a push as it is', async () => {
    const { push, error } = await script<Examples>('cli-json-documents.js');
    const [destination] = push.destinations;
    const failed = { ...destination!, error: new NixpushError('ERR_DENIED', error.message, error) };
    const document: unknown = JSON.parse(JSON.stringify(pushDocument({ ...push, destinations: [failed] })));
    assert.deepEqual(document, push);
  });

  test('shows the JSON of a copy as it is', async () => {
    const { copy, error } = await script<Examples>('cli-json-documents.js');
    const [destination] = copy.destinations;
    const failed = { ...destination!, error: new NixpushError('ERR_DENIED', error.message, error) };
    const document: unknown = JSON.parse(JSON.stringify(copyDocument({ ...copy, destinations: [failed] })));
    assert.deepEqual(document, copy);
  });

  test('shows the JSON of a mirror as it is', async () => {
    const { mirror, error } = await script<Examples>('cli-json-documents.js');
    const failure = new NixpushError('ERR_DENIED', error.message, error);
    const repositories = mirror.repositories.map(({ images, ...repository }) => ({
      ...repository,
      images: images.map((image) => ({ ...image, error: failure })),
      error: failure,
    }));
    const document: unknown = JSON.parse(JSON.stringify(mirrorDocument({ repositories })));
    assert.deepEqual(document, mirror);
  });

  test('shows the JSON of an index, and of a push for several systems, as it is', async () => {
    const { madeIndex, pushSystems } = await script<Examples>('cli-json-documents.js');
    const plain = (document: object): unknown => JSON.parse(JSON.stringify(document));
    const { error: _, ...destination } = pushSystems.destinations[0]!;
    const destinations = [destination];
    const expected = { ...pushSystems, destinations };
    assert.deepEqual(plain(pushSystemsDocument(expected)), expected);
    assert.deepEqual(plain(indexDocument({ ...madeIndex, destinations })), { ...madeIndex, destinations });
  });

  test('shows the JSON of an error as it is', async () => {
    const { error } = await script<Examples>('cli-json-documents.js');
    assert.deepEqual(errorDocument(new NixpushError('ERR_DENIED', error.message, error)), error);
  });
});
