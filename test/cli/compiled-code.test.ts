import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { temporaryDirectory } from '../support/temporary.ts';

/** A cache of its own for one test: where compiled code is kept, and a file to run. */
class Place {
  readonly kept: string;
  readonly #directory: string;

  constructor(t: TestContext) {
    this.#directory = temporaryDirectory(t);
    const before = process.env['XDG_CACHE_HOME'];
    process.env['XDG_CACHE_HOME'] = this.#directory;
    t.after(() => (process.env['XDG_CACHE_HOME'] = before));
    this.kept = join(this.#directory, 'nixpush/compiled');
  }

  get names(): string[] {
    return readdirSync(this.kept);
  }

  write(name: string, body: string): string {
    const file = join(this.#directory, name);
    writeFileSync(file, `(function (exports, require, module, __filename) {${body}})`);
    return file;
  }
}

const RUN = `
  import { createRequire } from 'node:module';
  import { runCompiled } from ${JSON.stringify(new URL('../../src/cli/compiled-code.js', import.meta.url).href)};
  const module = { exports: {} };
  runCompiled(process.argv[1], module, createRequire(process.argv[1]));
  const { value } = module.exports;
  process.stdout.write(String(typeof value === 'function' ? value() : value));`;

/** What the file exports as `value`, or what that gives, in a process of its own: V8 knows what it has compiled. */
function valueOf(file: string): string {
  return execFileSync(process.execPath, ['--input-type=module', '--eval', RUN, file], { encoding: 'utf8' });
}

suite('code that is kept compiled', () => {
  test('is run as by require', (t) => {
    const place = new Place(t);
    const file = place.write(
      'a.cjs',
      `exports.value = () => [require('node:path').basename(__filename), module.exports === exports]`,
    );
    for (const round of ['compiled', 'kept']) assert.equal(valueOf(file), 'a.cjs,true', round);
  });

  test('takes the place of the text', (t) => {
    const place = new Place(t);
    valueOf(place.write('one.cjs', 'exports.value = 1'));
    const [one] = place.names;
    const other = place.write('two.cjs', 'exports.value = 2');
    valueOf(other);
    const two = place.names.find((name) => name !== one)!;
    copyFileSync(join(place.kept, one!), join(place.kept, two));
    assert.equal(valueOf(other), '1');
  });

  test('is compiled anew when its file has changed, be it as long as before', (t) => {
    const place = new Place(t);
    valueOf(place.write('a.cjs', 'exports.value = 1'));
    assert.equal(valueOf(place.write('a.cjs', 'exports.value = 2')), '2');
  });

  test('is compiled anew where it is damaged', (t) => {
    const place = new Place(t);
    const file = place.write('a.cjs', 'exports.value = 1');
    valueOf(file);
    const kept = join(place.kept, place.names[0]!);
    const whole = readFileSync(kept);
    const flipped = whole.map((byte, at) => (at === whole.length - 8 ? byte ^ 1 : byte));
    for (const damaged of [Buffer.alloc(0), Buffer.from('x'), whole.subarray(0, whole.length / 2), flipped]) {
      writeFileSync(kept, damaged);
      assert.equal(valueOf(file), '1');
      assert.notDeepEqual(readFileSync(kept), Buffer.from(damaged));
    }
  });

  test('is nowhere but in a directory that nobody else can write to', (t) => {
    const place = new Place(t);
    mkdirSync(place.kept, { recursive: true });
    chmodSync(place.kept, 0o777);
    assert.equal(valueOf(place.write('a.cjs', 'exports.value = 1')), '1');
    assert.deepEqual(place.names, []);
  });

  test('is done without where no directory can be made', (t) => {
    const place = new Place(t);
    const file = place.write('nixpush', 'exports.value = 1');
    assert.equal(valueOf(file), '1');
  });
});
