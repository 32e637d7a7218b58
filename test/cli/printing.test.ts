import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OCI_INDEX } from '../../src/image/media-types.ts';
import type { Digest } from '../../src/base/digest.ts';
import { NixpushError, type ErrorCode } from '../../src/base/errors.ts';
import { EXIT_CODES, exitCodeOf } from '../../src/cli/exit-codes.ts';
import { formatBytes, formatClock, formatDuration, formatTable } from '../../src/cli/format.ts';
import { inspectText } from '../../src/cli/output/inspect-text.ts';
import { planTable, pushDocument } from '../../src/cli/output/push-report.ts';
import { printError, type PrintErrorOptions } from '../../src/cli/print-error.ts';
import { safeText, withoutUrlSecrets } from '../../src/cli/safe-text.ts';
import { suggest } from '../../src/base/suggest.ts';

const DIGEST: Digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
const STORE_PATH = '/nix/store/0dczwaqyb02ay7vx399ashww848y804z-hello-1.0';

function printed(error: unknown, options: Partial<PrintErrorOptions> = {}): string {
  let text = '';
  printError(error, { write: (more) => (text += more) }, { json: false, verbose: false, ...options });
  return text;
}

describe('an error', () => {
  const denied = new NixpushError('ERR_DENIED', 'ghcr.io refuses a push to me/x', {
    detail: 'denied: no\nsecond line',
    hint: 'Use another token.',
    host: 'ghcr.io',
    status: 403,
    cause: new Error('inner', { cause: new Error('innermost') }),
  });

  test('is a line, what the server said, and a hint', () => {
    assert.equal(
      printed(denied),
      'nixpush: ghcr.io refuses a push to me/x\n  denied: no\n  second line\n  hint: Use another token.\n',
    );
  });

  test('is one line of JSON with --json', () => {
    const text = printed(denied, { json: true });
    assert.equal(text.indexOf('\n'), text.length - 1);
    assert.deepEqual(JSON.parse(text), {
      error: {
        code: 'ERR_DENIED',
        exitCode: 3,
        message: 'ghcr.io refuses a push to me/x',
        detail: 'denied: no\nsecond line',
        hint: 'Use another token.',
        host: 'ghcr.io',
        status: 403,
      },
    });
  });

  test('shows stack and causes with --verbose only', () => {
    assert.doesNotMatch(printed(denied), /inner|at /);
    const text = printed(denied, { verbose: true });
    assert.match(text, /caused by: Error: inner\n.*\n[^]*caused by: Error: innermost\n/);
    assert.match(text, /^ +at /m);
  });

  test('that causes itself ends', () => {
    const error = new Error('loop');
    error.cause = error;
    assert.match(printed(error, { verbose: true }), /Error: loop/);
  });

  test('cannot steer the terminal', () => {
    const hostile = new NixpushError('ERR_REGISTRY', 'no\u001B[2J\u0007', {
      detail: '\u001B]0;x\u0007\n\u202Eevil',
    });
    // oxlint-disable-next-line no-control-regex -- control characters are what this is about
    assert.doesNotMatch(printed(hostile), /[\u0000-\u0009\u000B-\u001F\u202E]/);
  });

  test('says what a server said only once', () => {
    const detail = 'NAME_UNKNOWN: no such repository';
    const text = printed(
      new NixpushError('ERR_NOT_FOUND', `listing tags failed (404 ${detail})`, { detail }),
    );
    assert.equal(text, `nixpush: listing tags failed (404 ${detail})\n`);
  });

  test('with a long detail keeps its end', () => {
    const detail = Array.from({ length: 40 }, (_, line) => `line ${line}`).join('\n');
    const text = printed(new NixpushError('ERR_COMMAND', 'nix failed', { detail }));
    assert.match(text, /28 lines left out\)\n {2}line 28\n[^]*line 39\n$/);
  });

  test('that nobody foresaw asks for a report, without the secrets of URLs', () => {
    const text = printed(new TypeError('bad https://me:secret@host/x?sig=abc here'));
    assert.match(text, /^nixpush: unexpected error: bad https:\/\/host\/x\?… here\n {2}hint: .*--verbose/);
  });

  test('has an exit code that the help explains', () => {
    const codes: ErrorCode[] = [
      'ERR_USAGE',
      'ERR_UNAUTHORIZED',
      'ERR_DENIED',
      'ERR_NOT_FOUND',
      'ERR_INTEGRITY',
    ];
    codes.push('ERR_NETWORK', 'ERR_REGISTRY', 'ERR_FORMAT', 'ERR_IO', 'ERR_COMMAND', 'ERR_ABORTED');
    assert.deepEqual(
      codes.map((code) => exitCodeOf(new NixpushError(code, ''))),
      [2, 3, 3, 4, 5, 6, 6, 1, 1, 1, 130],
    );
    assert.equal(exitCodeOf(new Error('x')), 1);
    const explained = new Set(EXIT_CODES.map(([code]) => code));
    assert.ok(codes.every((code) => explained.has(exitCodeOf(new NixpushError(code, '')))));
  });
});

describe('texts for people', () => {
  test('give sizes three digits', () => {
    const sizes = [0, 999, 1000, 1024, 8.14 * 2 ** 20, 512 * 2 ** 20, 1000 * 2 ** 20, 6 * 2 ** 30];
    assert.deepEqual(sizes.map(formatBytes), [
      '0 B',
      '999 B',
      '1.0 KiB',
      '1.0 KiB',
      '8.1 MiB',
      '512 MiB',
      '1.0 GiB',
      '6.0 GiB',
    ]);
  });

  test('give times in the fitting unit', () => {
    assert.deepEqual([0, 3210, 9960, 59_400, 65_000, 7_380_000].map(formatDuration), [
      '0.0 s',
      '3.2 s',
      '10 s',
      '59 s',
      '1 min 05 s',
      '2 h 03 min',
    ]);
    assert.deepEqual([6001, 750_000, 3_723_000].map(formatClock), ['0:07', '12:30', '1:02:03']);
  });

  test('align tables', () => {
    assert.deepEqual(
      formatTable(
        [
          ['a', '1', 'x'],
          ['long', '22', ''],
        ],
        new Set([1]),
      ),
      ['a      1  x', 'long  22'],
    );
  });

  test('show control characters', () => {
    assert.equal(safeText('a\u001B[1mb\n\u0085\u200F\uD800é'), 'a\\e[1mb\\n\\u{85}\\u{200f}\\u{d800}é');
  });

  test('lose queries and users of URLs only', () => {
    assert.equal(
      withoutUrlSecrets('PUT "https://u:p@h:1/v2/x?sig=1&k=2" then http://h/y and a?b'),
      'PUT "https://h:1/v2/x?…" then http://h/y and a?b',
    );
  });

  test('suggest only what is near', () => {
    const names = ['inspect', 'push', 'env'];
    assert.deepEqual(
      ['inspct', 'psuh', 'evn', 'result'].map((text) => suggest(text, names)),
      ['inspect', 'push', 'env', undefined],
    );
  });
});

describe('the plan of a dry run', () => {
  const layer = { paths: [STORE_PATH], narSize: 2048, recipe: DIGEST };
  const known = { digest: DIGEST, size: 700 };

  test('says of each layer what is in it and whether it would move', () => {
    const table = planTable({
      platform: 'linux/amd64',
      layers: [
        { ...layer, reason: 'a layer of its own (hello)' },
        { ...layer, reason: 'kept', known, missingAt: [] },
        { ...layer, paths: [], narSize: 0, known, missingAt: ['x'] },
      ],
      destinations: [{ destination: 'x', tags: [], sentBytes: 0 }],
    });
    assert.deepEqual(table.split('\n'), [
      'LAYER  PATHS  UNPACKED  COMPRESSED  DIGEST                MOVES  WHY                         CONTENT',
      '    1      1   2.0 KiB           ?  ?                     ?      a layer of its own (hello)  hello-1.0',
      '    2      1   2.0 KiB       700 B  sha256:0123456789ab…  no     kept                        hello-1.0',
      '    3      0       0 B       700 B  sha256:0123456789ab…  yes    -                           links at /',
      'linux/amd64: 3 layers, 2 store paths, 4.0 KiB unpacked',
      'x: 1 layer to send (700 B); of 1 more it is not known yet',
      '',
    ]);
  });

  test('names the base image, its layers and what they hold already', () => {
    const result = {
      platform: 'linux/amd64',
      base: { reference: `x/debian@${DIGEST}`, storePaths: 2 },
      layers: [
        { base: true as const, paths: [], narSize: 700, known, missingAt: [] },
        { base: true as const, paths: [STORE_PATH], narSize: 700, known },
        layer,
      ],
      destinations: [],
    };
    assert.deepEqual(planTable(result).split('\n').slice(1), [
      '    1      0         -       700 B  sha256:0123456789ab…  ?      -    base',
      '    2      1         -       700 B  sha256:0123456789ab…  ?      -    base: hello-1.0',
      '    3      1   2.0 KiB           ?  ?                     ?      -    hello-1.0',
      'linux/amd64: 3 layers (2 of the base), 1 store path, 2.0 KiB unpacked',
      `base: x/debian@${DIGEST}; 2 store paths of the closure found in it`,
      '',
    ]);
    const document = pushDocument(result) as { base: unknown; layers: { base?: true }[] };
    assert.deepEqual(document.base, result.base);
    assert.equal(document.layers[0]!.base, true);
  });

  test('has the errors of failed destinations in its JSON document', () => {
    const error = new NixpushError('ERR_DENIED', 'no');
    const document = pushDocument({
      platform: 'linux/amd64',
      layers: [],
      destinations: [{ destination: 'x', tags: [], sentBytes: 0, error }],
    });
    assert.deepEqual(JSON.parse(JSON.stringify(document)), {
      platform: 'linux/amd64',
      layers: [],
      destinations: [
        {
          destination: 'x',
          tags: [],
          sentBytes: 0,
          error: { code: 'ERR_DENIED', exitCode: 3, message: 'no' },
        },
      ],
    });
  });
});

describe('an inspected image', () => {
  const descriptor = { mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd', digest: DIGEST, size: 2048 };

  test('shows config and store paths, with nothing that could steer the terminal', () => {
    const text = inspectText({
      kind: 'image',
      reference: `ghcr.io/me/x@${DIGEST}`,
      manifest: descriptor,
      annotations: { note: 'a\u001B[2J' },
      config: descriptor,
      platform: 'linux/amd64',
      settings: {
        Cmd: ['/bin/x'],
        Env: ['A=b', 'C=d'],
        Labels: { l: 'v' },
        ExposedPorts: { '80/tcp': {} },
        User: '',
      },
      layers: [
        { descriptor, paths: [STORE_PATH, `${STORE_PATH}-doc`] },
        { descriptor, paths: [], createdBy: 'RUN evil\nsecond' },
      ],
    });
    assert.match(text, /^Reference: +ghcr\.io\/me\/x@sha256:/);
    assert.match(text, /note: +a\\e\[2J\n/);
    assert.match(
      text,
      / Cmd: +\["\/bin\/x"\]\n +Env: +A=b\n +Env: +C=d\n +Labels: +l=v\n +ExposedPorts: +80\/tcp\n\n/,
    );
    assert.match(text, /Layers: 2, 4\.0 KiB compressed\n +1 +2\.0 KiB +sha256:0123456789ab… +zstd\n/);
    assert.match(text, /├─ \/nix\/store\/\S+-hello-1\.0\n +└─ \/nix\/store\/\S+-hello-1\.0-doc\n/);
    assert.match(text, / RUN evil\\nsecond\n$/);
  });

  test('that is an index lists its platforms', () => {
    const platform = { os: 'linux', architecture: 'arm64', variant: 'v8' };
    const text = inspectText({
      kind: 'index',
      reference: 'x',
      manifest: descriptor,
      annotations: {},
      manifests: [{ ...descriptor, platform }, descriptor, { ...descriptor, mediaType: OCI_INDEX }],
    });
    assert.match(
      text,
      /Index of 3 manifests; --platform shows one:\n {2}linux\/arm64\/v8 {2}sha256:.*\n {2}- {15}sha256:.*\n {2}index {11}sha256:/,
    );
  });
});
