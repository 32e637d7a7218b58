import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { atOnce, type Steps } from '../../src/base/steps.ts';
import { baseHistory } from '../../src/image/base-history.ts';
import type { Platform } from '../../src/image/descriptor.ts';
import type { ImageConfig } from '../../src/image/image-config.ts';
import { inheritConfig } from '../../src/image/inherit-config.ts';
import { ociLayerType } from '../../src/image/layer-types.ts';
import { nearestPlatforms } from '../../src/image/nearest-platform.ts';
import { formatPlatform } from '../../src/image/platform.ts';
import { imageSettings } from '../../src/verbs/push/image-settings.ts';

suite('a config inherited from a base', () => {
  const table: Record<string, [base: ImageConfig, given: ImageConfig, result: ImageConfig]> = {
    'joins Env by key, in the order of the base': [
      { Env: ['PATH=/bin', 'A=1', 'B=2'] },
      { Env: ['C=3', 'A=9', 'PATH=/x=y'] },
      { Env: ['PATH=/x=y', 'A=9', 'B=2', 'C=3'] },
    ],
    'joins Labels, ExposedPorts and Volumes': [
      { Labels: { a: '1', b: '1' }, ExposedPorts: { '80/tcp': {} }, Volumes: { '/a': {} } },
      { Labels: { b: '2', c: '2' }, ExposedPorts: { '81/tcp': {} }, Volumes: { '/b': {} } },
      {
        Labels: { a: '1', b: '2', c: '2' },
        ExposedPorts: { '80/tcp': {}, '81/tcp': {} },
        Volumes: { '/a': {}, '/b': {} },
      },
    ],
    'takes every other key of the base, known or not': [
      { User: 'app', WorkingDir: '/srv', StopSignal: 'SIGINT', Healthcheck: { Test: ['NONE'] }, Odd: [1] },
      {},
      { User: 'app', WorkingDir: '/srv', StopSignal: 'SIGINT', Healthcheck: { Test: ['NONE'] }, Odd: [1] },
    ],
    'lets what is given win': [
      { User: 'app', WorkingDir: '/srv', Shell: ['sh'] },
      { User: '0', Shell: ['bash'] },
      { User: '0', WorkingDir: '/srv', Shell: ['bash'] },
    ],
    'keeps Entrypoint and Cmd together': [
      { Entrypoint: ['e'], Cmd: ['c'] },
      {},
      { Entrypoint: ['e'], Cmd: ['c'] },
    ],
    'keeps the Entrypoint if a Cmd is given': [
      { Entrypoint: ['e'], Cmd: ['c'] },
      { Cmd: ['mine'] },
      { Entrypoint: ['e'], Cmd: ['mine'] },
    ],
    "drops the base's Cmd if an Entrypoint is given": [
      { Entrypoint: ['e'], Cmd: ['c'] },
      { Entrypoint: ['mine'] },
      { Entrypoint: ['mine'] },
    ],
    'keeps both if both are given': [
      { Entrypoint: ['e'], Cmd: ['c'] },
      { Entrypoint: ['mine'], Cmd: ['too'] },
      { Entrypoint: ['mine'], Cmd: ['too'] },
    ],
    'does not inherit ONBUILD': [{ OnBuild: ['RUN x'], User: 'x' }, {}, { User: 'x' }],
    'knows keys in any spelling': [
      { env: ['A=1'], cmd: ['c'], ENTRYPOINT: ['e'] },
      { Env: ['B=2'] },
      { Env: ['A=1', 'B=2'], Cmd: ['c'], Entrypoint: ['e'] },
    ],
    'passes over what says nothing or is malformed': [
      { Cmd: null, Entrypoint: [], Env: ['A=1', 'NAME', '=x'], Labels: null, Volumes: ['/x'], Image: null },
      { Env: ['B=2'], Labels: { a: '1' } },
      { Env: ['A=1', 'B=2'], Labels: { a: '1' } },
    ],
  };
  for (const [name, [base, given, result]] of Object.entries(table))
    test(name, () => assert.deepEqual(inheritConfig(base, given), result));
});

suite('the command of an image on a base', () => {
  const settings = (
    given: ImageConfig,
    base: ImageConfig | undefined,
    found: readonly string[] | undefined,
  ): [ImageConfig, string[]] => {
    const warnings: string[] = [];
    function* command(): Steps<readonly string[] | undefined> {
      yield;
      return found;
    }
    const config = atOnce(imageSettings(given, base, command, (message) => void warnings.push(message)));
    return [config, warnings];
  };

  test("is the package's program in place of the base's Cmd", () => {
    assert.deepEqual(settings({}, { Cmd: ['bash'] }, ['/bin/x']), [{ Cmd: ['/bin/x'] }, []]);
    assert.deepEqual(settings({}, { Entrypoint: [], Cmd: null }, ['/bin/x']), [{ Cmd: ['/bin/x'] }, []]);
  });

  test("is the base's if it has an Entrypoint, and what was given in any case", () => {
    const base = { Entrypoint: ['tini', '--'], Cmd: ['bash'] };
    assert.deepEqual(settings({}, base, ['/bin/x']), [base, []]);
    assert.deepEqual(settings({ Cmd: ['y'] }, base, ['/bin/x']), [
      { Entrypoint: ['tini', '--'], Cmd: ['y'] },
      [],
    ]);
    assert.deepEqual(settings({ Entrypoint: ['y'] }, base, ['/bin/x']), [{ Entrypoint: ['y'] }, []]);
  });

  test("is the base's Cmd with a warning if the package has no single program", () => {
    const [config, [warning]] = settings({}, { Cmd: ['bash'] }, undefined);
    assert.deepEqual(config, { Cmd: ['bash'] });
    assert.match(warning!, /keeps the base image's command.*--cmd/);
    assert.match(settings({}, {}, undefined)[1][0]!, /no default command/);
  });

  test('does not run ONBUILD, and says so', () => {
    assert.match(settings({ Cmd: ['x'] }, { OnBuild: ['RUN x'] }, undefined)[1][0]!, /ONBUILD/);
    assert.deepEqual(settings({ Cmd: ['x'] }, { OnBuild: null }, undefined)[1], []);
  });
});

suite('the history of a base', () => {
  test('is kept as it is, entries of empty layers included', () => {
    const history = [
      { created: '2024-01-01T00:00:00Z', created_by: 'ADD' },
      { created_by: 'ENV', empty_layer: true, comment: 'buildkit' },
      { author: 'someone' },
    ];
    assert.deepEqual(baseHistory(history, 2), history);
  });

  test('that does not fit the layers becomes one entry for each', () => {
    const entry = { comment: 'layer of the base image' };
    assert.deepEqual(baseHistory([], 2), [entry, entry]);
    assert.deepEqual(baseHistory([{}, {}], 1), [entry]);
  });

  test('loses what has the wrong type', () => {
    const odd = [{ created: 5, comment: ['x'], empty_layer: false, more: 'y', author: 'z' }] as object[];
    assert.deepEqual(baseHistory(odd, 1), [{ author: 'z' }]);
  });
});

suite('the platforms that will do', () => {
  const platform = (text: string): Platform => {
    const [os = '', architecture = '', variant] = text.split('/');
    return { os, architecture, ...(variant !== undefined && { variant }) };
  };
  const table: [wanted: string, there: string, nearest: string][] = [
    ['linux/amd64', 'linux/arm64 linux/amd64 windows/amd64', 'linux/amd64'],
    ['linux/amd64', 'linux/amd64/v3 linux/amd64/v2 linux/amd64', 'linux/amd64 linux/amd64/v2 linux/amd64/v3'],
    ['linux/amd64/v3', 'linux/amd64 linux/amd64/v4 linux/amd64/v2', 'linux/amd64/v2 linux/amd64'],
    ['linux/arm64', 'linux/arm/v7 linux/arm64/v8', 'linux/arm64/v8'],
    ['linux/arm64/v8', 'linux/arm64', 'linux/arm64'],
    ['linux/arm64/v9', 'linux/arm64/v8.2 linux/arm64', 'linux/arm64/v8.2 linux/arm64'],
    ['linux/arm/v7', 'linux/arm/v5 linux/arm/v6 linux/arm/v8', 'linux/arm/v6 linux/arm/v5'],
    ['linux/arm/v6', 'linux/arm/v7', ''],
    ['linux/arm', 'linux/arm/v8 linux/arm/v6 linux/arm/v7', 'linux/arm/v7 linux/arm/v6 linux/arm/v8'],
    ['linux/mips/x', 'linux/mips linux/mips/x', 'linux/mips/x'],
  ];
  for (const [wanted, there, nearest] of table)
    test(`for ${wanted} of ${there}: ${nearest || 'none'}`, () => {
      const candidates = there.split(' ').map((text) => ({ platform: platform(text) }));
      const found = nearestPlatforms([{}, ...candidates], platform(wanted));
      assert.equal(
        found.map((each) => formatPlatform((each as { platform: Platform }).platform)).join(' '),
        nearest,
      );
    });
});

suite('the media type of a layer of a base', () => {
  test("is OCI's for the same bytes", () => {
    const types = ['rootfs.diff.tar', 'rootfs.diff.tar.gzip', 'rootfs.diff.tar.zstd'].map((type) =>
      ociLayerType(`application/vnd.docker.image.${type}`, 'x').slice(
        'application/vnd.oci.image.layer.v1.'.length,
      ),
    );
    assert.deepEqual(types, ['tar', 'tar+gzip', 'tar+zstd']);
    assert.equal(
      ociLayerType('application/vnd.oci.image.layer.v1.tar+zstd', 'x'),
      'application/vnd.oci.image.layer.v1.tar+zstd',
    );
  });

  test('is refused if it is foreign or unknown', () => {
    for (const type of [
      'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
      'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
    ])
      assert.throws(() => ociLayerType(type, 'layer 1'), {
        code: 'ERR_FORMAT',
        message: /may not be redistributed/,
      });
    assert.throws(() => ociLayerType('application/vnd.oci.image.layer.v1.tar+gzip+encrypted', 'layer 1'), {
      code: 'ERR_FORMAT',
      message: /no layer of an OCI image/,
    });
  });
});
