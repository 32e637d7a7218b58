import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { push, type ProgressListener, type PushOptions } from '../../src/index.ts';
import { StoreBuilder } from '../support/store-builder.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** A program that needs a library that needs another one. */
function scene(t: TestContext): {
  directory: string;
  layers: (options: Partial<PushOptions>) => Promise<string[]>;
} {
  const directory = temporaryDirectory(t);
  const store = new StoreBuilder(directory);
  const glibc = store.add('glibc-2.36', { lib: 'c' });
  const python = store.add('python3-3.11.2', { bin: { python3: { program: 'p' } } });
  const app = store.add('app-1.0', { bin: { app: { program: 'a' } } });
  const references = new Map([
    [app, [python, glibc]],
    [python, [glibc]],
    [glibc, []],
  ]);
  const closure = join(directory, 'closure.json');
  const described = [...references].map(([path, needed]) => ({
    ...path,
    references: needed.map((each) => each.path),
  }));
  writeFileSync(closure, JSON.stringify(described));
  return {
    directory,
    layers: async (options) => {
      const plan = { paths: [app.path], store: directory, closure, to: [], dryRun: true, noCache: true };
      const noLinks = options.paths === undefined;
      const result = await push({ ...plan, noLinks, ...options });
      return result.layers.map(({ paths }) =>
        paths.map((path) => /-([a-z]+)[^/]*$/.exec(path)![1]).join(' '),
      );
    },
  };
}

suite('--layers', () => {
  test('takes groups out of a file', async (t) => {
    const { directory, layers } = scene(t);
    const file = join(directory, 'layers.json');
    writeFileSync(file, JSON.stringify({ groups: [['glibc'], ['python*']] }));
    assert.deepEqual(await layers({ layers: file }), ['glibc', 'python', 'app']);
  });

  test('warns of what groups name and the closure has not', async (t) => {
    const { layers } = scene(t);
    const warnings: string[] = [];
    const onProgress: ProgressListener = (event) => {
      if (event.type === 'warning' && event.message.includes('layers')) warnings.push(event.message);
    };
    const groups = [['glibc', 'gilbc'], ['python*'], ['perl*']];
    assert.deepEqual(await layers({ layers: { groups }, onProgress }), ['glibc', 'python', 'app']);
    assert.deepEqual(warnings, [
      'the groups of layers name "gilbc", "perl*": the closure has no such store path',
    ]);
  });

  test('takes a pipeline, as a value in the library', async (t) => {
    const { layers } = scene(t);
    assert.deepEqual(await layers({ layers: [['subcomponent_out', ['python3']]] }), ['glibc python', 'app']);
  });

  test('makes a single layer with --max-layers 1', async (t) => {
    const { layers } = scene(t);
    assert.equal((await layers({ maxLayers: 1 })).length, 1);
  });

  test('counts the layers that were decided on against --max-layers', async (t) => {
    const { layers } = scene(t);
    await assert.rejects(layers({ layers: { groups: [['glibc'], ['python3']] }, maxLayers: 2 }), {
      code: 'ERR_USAGE',
    });
  });

  test('refuses what is neither a strategy nor a file', async (t) => {
    const { layers } = scene(t);
    await assert.rejects(layers({ layers: 'popularty' }), {
      code: 'ERR_USAGE',
      message: '--layers popularty is no strategy and no file',
      hint: 'Strategies are expected, auto, popularity.',
    });
    await assert.rejects(layers({ layers: './none.json' }), { code: 'ERR_NOT_FOUND' });
  });

  test('stands in an image definition as well', async (t) => {
    const { directory, layers } = scene(t);
    const file = join(directory, 'image.json');
    const contents = ['/nix/store/00000000000000000000000000000003-app-1.0'];
    const write = (decided: unknown): void =>
      writeFileSync(file, JSON.stringify({ nixpush: 1, contents, layers: decided }));
    write({ groups: [['glibc'], ['python3']] });
    assert.deepEqual((await layers({ paths: [file] })).slice(0, 3), ['glibc', 'python', 'app']);
    write([['limit_layers', 0]]);
    await assert.rejects(layers({ paths: [file] }), {
      code: 'ERR_FORMAT',
      message: `${file}: layers[0][1] must be a whole number above 0`,
    });
    write('best');
    await assert.rejects(layers({ paths: [file] }), { code: 'ERR_FORMAT' });
  });
});
