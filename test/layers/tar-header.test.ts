import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { suite, test } from 'node:test';
import { ROOT_OWNER, type TarOwner } from '../../src/layers/recipe.ts';
import { encodeTarHeader, tarEnd, type TarEntry } from '../../src/layers/tar-header.ts';
import { needs } from '../support/peers.ts';

const PYTHON = `
import json, sys, tarfile
for line in sys.stdin:
    spec = json.loads(line)
    info = tarfile.TarInfo(bytes.fromhex(spec.pop("name")).decode("utf-8", "surrogateescape"))
    for key, value in spec.items():
        setattr(info, key, value.encode("latin1") if key == "type" else value)
    print(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape").hex())
`;

/** Headers as tarfile writes them. */
function pythonHeaders(entries: readonly [TarEntry, TarOwner][]): Buffer[] {
  const specs = entries.map(([entry, owner]) =>
    JSON.stringify({
      name: entry.path.toString('hex'),
      type: { directory: '5', file: '0', symlink: '2' }[entry.type],
      mode: entry.mode,
      size: entry.size,
      ...owner,
    }),
  );
  const output = execFileSync('python3', ['-c', PYTHON], { input: specs.join('\n'), encoding: 'utf8' });
  return output
    .trim()
    .split('\n')
    .map((hex) => Buffer.from(hex, 'hex'));
}

suite("headers are those of Python's tarfile", () => {
  const file = (size: number, path = '/nix/store/x'): TarEntry => ({
    path: Buffer.from(path),
    type: 'file',
    mode: 0o444,
    size,
  });
  const cases: Record<string, [TarEntry, TarOwner]> = {
    'a file of 8 GiB less one byte': [file(2 ** 33 - 1), ROOT_OWNER],
    'a file of 8 GiB': [file(2 ** 33), ROOT_OWNER],
    'a file of 9 TB with a long name': [file(9e12, `/${'n'.repeat(150)}`), ROOT_OWNER],
    'a large user id': [file(1), { ...ROOT_OWNER, uid: 2 ** 21, gid: 2 ** 21 - 1 }],
    'a large group id': [file(1), { ...ROOT_OWNER, gid: 4_294_967_294 }],
    'a time after ustar’s end': [file(1), { ...ROOT_OWNER, mtime: 2 ** 33 }],
    'an owner name beyond ASCII': [file(1), { ...ROOT_OWNER, uname: 'jürgen', gname: 'g'.repeat(33) }],
    'an owner name of 32': [file(1), { ...ROOT_OWNER, uname: 'u'.repeat(32) }],
    'no owner names': [file(1), { ...ROOT_OWNER, uname: '', gname: '' }],
    'truncated UTF-8': [
      { ...file(1), path: Buffer.from([0x2f, 0xe2, 0x98, 0x41, 0xf0, 0x9f, 0x98]) },
      ROOT_OWNER,
    ],
    // A record's length counts its own digits: these cross from two to three digits.
    ...Object.fromEntries(
      Array.from({ length: 6 }, (_, i) => [
        `a record near 100 bytes (${i})`,
        [file(1, `/é${'r'.repeat(84 + i)}`), ROOT_OWNER] as const,
      ]),
    ),
  };

  test('for everything that does not fit', needs('python3'), () => {
    const expected = pythonHeaders(Object.values(cases));
    Object.entries(cases).forEach(([name, [entry, owner]], at) => {
      assert.equal(encodeTarHeader(entry, owner).toString('hex'), expected[at]!.toString('hex'), name);
    });
  });
});

test('an archive ends with two zero blocks, padded to 10,240 bytes', () => {
  for (const size of [0, 512, 9216, 9728, 10_240, 1_000_448]) {
    assert.ok(tarEnd(size) >= 1024, String(size));
    assert.ok(tarEnd(size) < 1024 + 10_240, String(size));
    assert.equal((size + tarEnd(size)) % 10_240, 0, String(size));
  }
});
