import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { Ajv } from 'ajv';
import { parseAllDocuments } from 'yaml';
import { readMirrorFile, type MirrorFile, type NixpushError } from '../../../src/index.ts';
import { MIRROR_SCHEMA } from '../../../src/verbs/mirror/mirror-schema.ts';
import { nixpush } from '../../support/nixpush.ts';
import { repoRoot } from '../../support/repo.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

/** Reads `text` as `mirror.yaml`, which messages name without its directory. */
async function read(t: TestContext, text: string, environment: NodeJS.ProcessEnv = {}): Promise<MirrorFile> {
  const file = join(temporaryDirectory(t), 'mirror.yaml');
  writeFileSync(file, text);
  const read = await readMirrorFile(file, environment).catch((error: NixpushError) => {
    error.message = error.message.replaceAll(file, 'mirror.yaml');
    throw error;
  });
  return JSON.parse(JSON.stringify(read).replaceAll(file, 'mirror.yaml')) as MirrorFile;
}

const WHOLE = `
# what is mirrored every night
registries:
  registry.example:5000: { username: mirror, password: "\${TOKEN}" }
  localhost:5000: { insecure: true }
images:
  - from: debian
    to: \${HOST}/mirror/debian
    tags: "12*"
    platforms: linux/amd64
  - from: docker.io/library/nginx
    to: oci:nginx
    tags: [latest, { semver: [">=1.26"], exclude: "*-rc*", newest: 5 }]
    platforms: [linux/amd64, linux/arm64]
`;

describe('a mirror file', () => {
  test('says what to mirror and how to log in', async (t) => {
    const { images, registry } = await read(t, WHOLE, { TOKEN: 's3cret', HOST: 'registry.example:5000' });
    assert.deepEqual(registry, {
      logins: { 'registry.example:5000': { username: 'mirror', password: 's3cret', source: 'mirror.yaml' } },
      insecure: ['localhost:5000'],
    });
    assert.deepEqual(images, [
      { from: 'debian', to: 'registry.example:5000/mirror/debian', tags: '12*', platforms: ['linux/amd64'] },
      {
        from: 'docker.io/library/nginx',
        to: 'oci:nginx',
        tags: ['latest', { semver: ['>=1.26'], exclude: '*-rc*', newest: 5 }],
        platforms: ['linux/amd64', 'linux/arm64'],
      },
    ]);
  });

  test('may be JSON', async (t) => {
    const { images } = await read(t, '{"images": [{"from": "a/b", "to": "oci:x"}]}');
    assert.deepEqual(images, [{ from: 'a/b', to: 'oci:x' }]);
  });

  test('takes platforms with commas between them, as --platform does', async (t) => {
    const platforms = 'linux/amd64,linux/arm64';
    const { images } = await read(t, `images: [{ from: a/b, to: c.example/d, platforms: "${platforms}" }]`);
    assert.deepEqual(images[0]!.platforms, [platforms]);
  });

  test('takes the text of a variable for text, whatever is in it', async (t) => {
    const text = 'images: [{ from: a/b, to: "oci:${DIR}" }]';
    const { images } = await read(t, text, { DIR: '${HOME} }, { from x' });
    assert.equal(images[0]!.to, 'oci:${HOME} }, { from x');
  });

  const image = (more: string): string => `images: [{ from: a/b, to: c.example/d, ${more} }]`;
  const wrong: [text: string, message: string][] = [
    ['', 'the document must be a mapping, not null'],
    ['images: []', 'images is empty'],
    ['- from: a', 'the document must be a mapping, not a list'],
    ['images: [{ from: a/b }]', 'images[0].to is missing'],
    [image('tag: x'), 'images[0].tag is not a known key'],
    [image('tags: {}'), 'images[0].tags is empty'],
    [image('tags: 12'), 'images[0].tags must be a pattern, a filter or a list of these, not 12'],
    [image('tags: [12]'), 'images[0].tags[0] must be a pattern or a filter, not 12'],
    [image('tags: { newest: 0 }'), 'images[0].tags.newest must be 1 or more, not 0'],
    [image('tags: { newest: "3" }'), 'images[0].tags.newest must be a whole number'],
    [image('tags: [a, { semver: 1 }]'), 'images[0].tags[1].semver must be a text or a list, not 1'],
    [image('tags: { semver: ["1.x", nope] }'), 'images[0].tags.semver[1]: "nope" is no range of versions'],
    [
      image('tags: [{ regex: "(" }]'),
      'images[0].tags[0].regex: Invalid regular expression: /(/: Unterminated group',
    ],
    [
      image('platforms: [amd64]'),
      'images[0].platforms: "amd64" is not a platform: write OS/ARCH[/VARIANT], like linux/arm64',
    ],
    [
      'images: [{ from: "a/b:1", to: c.example/d }]',
      'images[0].from: a/b:1: a mirror is of a whole repository',
    ],
    [
      'images: [{ from: a/B, to: c.example/d }]',
      'images[0].from: "a/B": "B" is not a component of a repository',
    ],
    [
      'registries: { x.example: { username: a } }\nimages: [{ from: a, to: b }]',
      'registries."x.example".password is missing',
    ],
    [
      'registries: { a/b: {} }\nimages: [{ from: a, to: oci:b }]',
      'registries: "a/b" is a repository, not a registry',
    ],
    [image('tags: "${NOT_SET}"'), 'images[0].tags: the variable NOT_SET is not set'],
    [image('tags: "${EMPTY}"'), 'images[0].tags: the variable EMPTY is empty'],
    [image('tags: "${A-B}"'), 'images[0].tags: ${A-B} is not of the form ${NAME}'],
    [
      'images: [',
      'Flow sequence in block collection must be sufficiently indented and end with a ] at line 1, column 10',
    ],
    ['images: 1\nimages: 2', 'Map keys must be unique at line 2, column 1'],
  ];
  for (const [text, message] of wrong) {
    test(`is refused with its mistake's place: ${message}`, async (t) => {
      await assert.rejects(read(t, text, { EMPTY: '' }), {
        code: 'ERR_FORMAT',
        message: `mirror.yaml: ${message}`,
      });
    });
  }

  test('that multiplies itself is refused', async (t) => {
    const levels = Array.from(
      { length: 9 },
      (_, at) => `a${at + 1}: &a${at + 1} [${Array.from({ length: 9 }, () => `*a${at}`).join()}]`,
    );
    await assert.rejects(read(t, ['a0: &a0 [x]', ...levels].join('\n')), {
      code: 'ERR_FORMAT',
      message: /alias/,
    });
  });

  test('that is not there is an error of its own', async () => {
    await assert.rejects(readMirrorFile('/nonexistent/mirror.yaml'), {
      code: 'ERR_NOT_FOUND',
      message: 'cannot read /nonexistent/mirror.yaml: it does not exist',
    });
  });

  test('shows no secret, neither the one that it has nor the variable', async (t) => {
    const file = join(temporaryDirectory(t), 'mirror.yaml');
    const mistakes = [
      'registries: { a.example: { username: u, password: "${TOKEN}", x: 1 } }\nimages: []',
      'registries: { a.example: { username: u, password: ["${TOKEN}"] } }\nimages: []',
      'registries: { a.example: { username: u, password: hunter2 } \n}images: {',
      'registries: { "127.0.0.1:1": { username: u, password: "${TOKEN}" } }\nimages: [{ from: 127.0.0.1:1/a, to: oci:x }]',
    ];
    for (const text of mistakes) {
      writeFileSync(file, text);
      for (const output of ['--verbose', '--json']) {
        const args = ['mirror', '--file', file, '--dry-run', '--max-wait=0s', output];
        const { status, stdout, stderr } = await nixpush(args, { env: { TOKEN: 'hunter2' } });
        assert.notEqual(status, 0);
        assert.doesNotMatch(stdout + stderr, /hunter2/);
        assert.match(stderr, /\S/);
      }
    }
  });
});

describe('the published schema', () => {
  test('is the one that files are checked with', () => {
    assert.deepEqual(JSON.parse(readFileSync(join(repoRoot, 'schemas/mirror.json'), 'utf8')), MIRROR_SCHEMA);
    const { files } = JSON.parse(readFileSync(join(repoRoot, 'package.json'), 'utf8')) as { files: string[] };
    assert.ok(files.includes('schemas'));
  });

  test('has a description for every key', () => {
    const bare: string[] = [];
    const visit = (schema: unknown, path: string): void => {
      const {
        properties = {},
        additionalProperties,
        items,
        anyOf = [],
      } = schema as Record<string, object | undefined>;
      for (const [key, value] of Object.entries(properties)) {
        if (!('description' in value)) bare.push(`${path}.${key}`);
        visit(value, `${path}.${key}`);
      }
      for (const below of [additionalProperties, items, ...(anyOf as object[])])
        if (typeof below === 'object') visit(below, path);
    };
    visit(MIRROR_SCHEMA, '');
    assert.deepEqual(bare, []);
  });

  test('is one by the rules of draft 7', () => {
    assert.equal(new Ajv({ strict: true, allowUnionTypes: true }).validateSchema(MIRROR_SCHEMA), true);
  });
});

test('the Job in examples/ is YAML whose mirror file is one, and whose shards are all there', async (t) => {
  const text = readFileSync(join(repoRoot, 'examples/mirror-job.yaml'), 'utf8');
  const documents = parseAllDocuments(text);
  assert.deepEqual(
    documents.flatMap(({ errors }) => errors),
    [],
  );
  const [config, job] = documents.map((document) => document.toJS() as unknown) as [
    { data: Record<string, string> },
    {
      spec: {
        completionMode: string;
        completions: number;
        template: { spec: { containers: { args: string[] }[] } };
      };
    },
  ];
  const { images } = await read(t, config.data['mirror.yaml']!, { REGISTRY_TOKEN: 'x' });
  assert.equal(images.length, 2);
  assert.equal(job.spec.completionMode, 'Indexed');
  const [{ args }] = job.spec.template.spec.containers as [{ args: string[] }];
  assert.deepEqual(args, [
    '--file=/etc/mirror/mirror.yaml',
    `--shard=$(JOB_COMPLETION_INDEX)/${job.spec.completions}`,
  ]);
});
