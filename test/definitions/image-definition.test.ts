import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { sha256 } from '../../src/base/digest.ts';
import { atOnce } from '../../src/base/steps.ts';
import { Accounts } from '../../src/definitions/accounts.ts';
import { definedClosure, definedRoots, onlyCopied } from '../../src/definitions/definition-closure.ts';
import type { ImageDefinition } from '../../src/definitions/image-definition.ts';
import { readImageInput } from '../../src/definitions/image-input.ts';
import { IMAGE_SCHEMA } from '../../src/definitions/image-schema.ts';
import { addNixDatabase } from '../../src/definitions/nix-database-files.ts';
import { permissionRules } from '../../src/definitions/permission-rules.ts';
import { readDefinition } from '../../src/definitions/read-definition.ts';
import { definedRoot } from '../../src/definitions/root-layer.ts';
import type { WrittenEntry } from '../../src/layers/content.ts';
import { permissionsOf, permittedEntry } from '../../src/layers/permissions.ts';
import type { ClosurePath } from '../../src/nix/closure.ts';
import { ClosureFile } from '../../src/nix/closure-file.ts';
import { TreeListings } from '../../src/nix/tree-listings.ts';
import { repoRoot } from '../support/repo.ts';
import { StoreBuilder, type Node } from '../support/store-builder.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const FILE = 'image.json';
const HELLO = '/nix/store/00000000000000000000000000000001-hello';

const read = (keys: object): Promise<ImageDefinition> => readDefinition({ nixpush: 1, ...keys }, FILE);

suite('an image definition', () => {
  test('is described by the schema that is published', () => {
    const published = readFileSync(join(repoRoot, 'schemas/image.json'), 'utf8');
    assert.deepEqual(JSON.parse(published), IMAGE_SCHEMA, 'npm run docs writes it');
  });

  test('may have every key', async () => {
    const definition = {
      nixpush: 1,
      name: 'Redis',
      tag: null,
      contents: [HELLO],
      copyToRoot: [HELLO],
      profile: false,
      config: { Healthcheck: { Test: ['NONE'] }, Shell: ['/bin/sh'], OnBuild: ['RUN x'], Cmd: ['redis'] },
      annotations: { a: 'b' },
      fromImage: 'debian:12',
      maxLayers: 5,
      layers: 'auto',
      files: { '/a': 'text', '/b': { base64: 'AA==', mode: '0600', owner: 'redis' } },
      directories: { '/tmp': { mode: '1777' }, '/data': { owner: 'redis:redis' }, '/x': {} },
      links: { '/bin/sh': `${HELLO}/bin/sh` },
      users: { redis: { uid: 999, group: 'redis', home: '/data', shell: '/bin/sh', description: 'Redis' } },
      groups: { redis: { gid: 999, members: ['redis'] } },
      permissions: [
        { path: HELLO, regex: '.*', mode: '0644', uid: 1, gid: 2, uname: 'a', gname: 'b' },
        { path: '/nix/store/**', owner: '0:0', capabilities: ['CAP_NET_RAW'] },
      ],
      includeStorePaths: true,
      includeNixDB: false,
      created: 'now',
      mtime: '2024-01-01T00:00:00Z',
      system: 'aarch64-linux',
      architecture: 'arm64',
      variant: 'v8',
      uid: 1,
      gid: 1,
      uname: 'a',
      gname: 'b',
      closure: [],
    };
    assert.deepEqual(await readDefinition(definition, FILE), definition);
    const { properties } = IMAGE_SCHEMA as { properties: object };
    assert.deepEqual(
      Object.keys(properties).filter((key) => key !== '$schema'),
      Object.keys(definition).sort(
        (a, b) => Object.keys(properties).indexOf(a) - Object.keys(properties).indexOf(b),
      ),
    );
  });

  const mistakes: [what: string, keys: object, message: RegExp, hint?: RegExp][] = [
    [
      'an unknown key',
      { copytoroot: [] },
      /^image\.json: copytoroot is not a known key$/,
      /Did you mean copyToRoot\?/,
    ],
    ['an unknown key further down', { users: { redis: { id: 1 } } }, /^image\.json: users\.redis/],
    ['another version', { nixpush: 2 }, /^image\.json: nixpush must be 1/],
    ['a wrong type', { contents: 'hello' }, /^image\.json: contents must be a list$/],
    ['a wrong type in a list', { contents: [HELLO, 7] }, /^image\.json: contents\[1\] must be a text/],
    [
      'a path outside the store',
      { contents: [HELLO, '/usr/bin'] },
      /^image\.json: contents\[1\]: "\/usr\/bin" is not a store path: it does not lie in \/nix\/store$/,
    ],
    [
      'a path inside a store path',
      { copyToRoot: [`${HELLO}/bin`] },
      /^image\.json: copyToRoot\[0\]: .* is not a store path: it is a path inside a store path$/,
    ],
    [
      'a wrong mode',
      { directories: { '/tmp': { mode: '1999' } } },
      /^image\.json: directories\."?\/tmp"?\.mode must be octal permissions like "0755" or "1777"/,
    ],
    [
      'a name that is none',
      { users: { 'Re dis': { uid: 9 } } },
      /^image\.json: users\."Re dis" must be a name like "redis"$/,
    ],
    [
      'a wrong config',
      { config: { Env: ['A'] } },
      /^image\.json: config: Env must be a list of KEY=VALUE strings$/,
    ],
    [
      'a capability that is none',
      { permissions: [{ path: '/x', capabilities: ['CAP_FLY'] }] },
      /^image\.json: permissions\[0\]\.capabilities\[0\] is none of the 41 that are known$/,
      /^Known here: CAP_CHOWN, /,
    ],
    [
      'a capability that is spelt in another way',
      { permissions: [{ path: '/x', capabilities: ['net_bind_service'] }] },
      /capabilities\[0\] is none of the 41 that are known$/,
      /^Did you mean CAP_NET_BIND_SERVICE\?$/,
    ],
    [
      'runAsRoot',
      { runAsRoot: 'mkdir /data' },
      /^image\.json: runAsRoot: nothing is run while an image is pushed$/,
      /mkdir as directories, groupadd, useradd and shadowSetup as users and groups, chown.* as permissions/,
    ],
    ['fakeRootCommands', { fakeRootCommands: 'chown' }, /^image\.json: fakeRootCommands: nothing is run/],
  ];
  for (const [what, keys, message, hint] of mistakes)
    test(`is refused with ${what}, and the place`, async () => {
      await assert.rejects(read(keys), (error: Error & { code: string; hint?: string }) => {
        assert.equal(error.code, 'ERR_FORMAT');
        assert.match(error.message, message);
        if (hint !== undefined) assert.match(error.hint ?? '', hint);
        return true;
      });
    });
});

test('a definition with a comma too many is told to be one', async (t) => {
  const { trees, directory } = new StoreBuilder(temporaryDirectory(t));
  writeFileSync(join(directory, FILE), '{ "nixpush": 1, "contents": [], }');
  await assert.rejects(readImageInput([FILE], { trees, cwd: directory }), {
    code: 'ERR_FORMAT',
    message: /^image\.json is not JSON: /,
  });
});

suite('the closure of a definition', () => {
  const path = (letter: string): string => `/nix/store/${letter.repeat(32)}-${letter}`;
  const info = (letter: string, ...references: string[]): object => ({
    path: path(letter),
    narHash: sha256(letter),
    narSize: 100,
    references: references.map(path),
  });
  const close = async (definition: object): Promise<string[]> => {
    const source = new ClosureFile('/nowhere', {
      kind: 'directory',
      storeDir: '/nix/store',
      directory: '/nix/store',
    });
    const { paths } = await definedClosure({ nixpush: 1, ...definition }, FILE, source);
    return paths.map((each) => each.path);
  };

  test('begins with all store paths that are named, in texts too, but for those of base, layers and rules', () => {
    const definition: ImageDefinition = {
      nixpush: 1,
      config: { Entrypoint: [`${path('b')}/bin/x`], Env: [`A=${path('c')}:${path('d')}/lib`] },
      contents: [path('a')],
      files: { '/x': `see ${path('f')}/share.` },
      fromImage: path('g'),
      permissions: [{ path: path('h') }],
      layers: [['subcomponent_out', [path('j')]]],
      closure: [info('i')],
    };
    assert.deepEqual(definedRoots(definition), ['a', 'b', 'c', 'd', 'f'].map(path));
  });

  test('needs no nix if the definition has it', async () => {
    const closure = [info('b'), info('a', 'b', 'a'), info('c')];
    assert.deepEqual(await close({ contents: [path('a')], closure }), ['a', 'b'].map(path));
  });

  test('is empty without store paths', async () => {
    assert.deepEqual(await close({}), []);
  });

  test('leaves out of the store what is only copied to the root', () => {
    const closure = [info('a', 'b'), info('b'), info('c', 'c'), info('d')];
    const copied = (keys: object): string[] => {
      const definition = {
        nixpush: 1,
        copyToRoot: ['a', 'b', 'c', 'd'].map(path),
        closure,
        ...keys,
      } as ImageDefinition;
      return [...onlyCopied(definition, { roots: [], paths: closure as ClosurePath[] })];
    };
    assert.deepEqual(copied({}), ['a', 'd'].map(path));
    assert.deepEqual(copied({ config: { Cmd: [`${path('d')}/bin/d`] }, contents: [path('a')] }), []);
    assert.deepEqual(copied({ closure: undefined }), []);
  });

  test('is refused if a path is not in it', async () => {
    await assert.rejects(close({ contents: [path('a')], closure: [info('b')] }), {
      message: `image.json: closure: it does not describe ${path('a')}`,
    });
    await assert.rejects(close({ contents: [path('a')], closure: [info('a', 'b')] }), {
      message: new RegExp(
        `^image.json: closure: ${path('a')} refers to ${path('b')}, which is not described`,
      ),
    });
  });

  test('is refused if it goes in a circle, which is shown', async () => {
    const closure = [info('a', 'b'), info('b', 'c', 'd'), info('c'), info('d', 'b')];
    await assert.rejects(close({ contents: [path('a')], closure }), {
      code: 'ERR_FORMAT',
      message: `image.json: closure: the references go in a circle: ${['b', 'd', 'b'].map(path).join(' -> ')}`,
    });
  });
});

suite('users and groups', () => {
  const accounts = (definition: Partial<ImageDefinition>): Accounts =>
    new Accounts({ nixpush: 1, ...definition }, FILE);
  const redis = { users: { redis: { uid: 999, home: '/data' } }, groups: { redis: { gid: 998 } } };

  test('come with root and nobody, in the order of their numbers', () => {
    const texts = Object.entries(accounts(redis).files()).map(([path, { text, mode }]) => [
      path,
      mode.toString(8),
      text,
    ]);
    assert.deepEqual(texts, [
      ['/etc/group', '644', 'root:x:0:\nredis:x:998:\nnobody:x:65534:\n'],
      ['/etc/nsswitch.conf', '644', 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n'],
      [
        '/etc/passwd',
        '644',
        'root:x:0:0:root user:/var/empty:/bin/sh\nredis:x:999:998::/data:/bin/sh\nnobody:x:65534:65534:nobody:/var/empty:/bin/sh\n',
      ],
      ['/etc/shadow', '600', 'root:!:1::::::\nredis:!:1::::::\nnobody:!:1::::::\n'],
    ]);
  });

  test('own files by name or number; a user alone brings the group along', () => {
    const owner = (text: string): object => accounts(redis).owner(text, 'x');
    const expected = { uid: 999, gid: 998, uname: 'redis', gname: 'redis' };
    assert.deepEqual(
      ['redis', 'redis:redis', '999:998', '999'].map(owner),
      Array.from({ length: 4 }, () => expected),
    );
    assert.deepEqual(owner('redis:0'), { ...expected, gid: 0, gname: 'root' });
    assert.deepEqual(owner('1000'), { uid: 1000, gid: 1000 });
    assert.throws(() => owner('mysql'), { message: 'image.json: x: there is no user mysql' });
    assert.throws(() => owner('redis:www'), { message: 'image.json: x: there is no group www' });
  });

  test('without the group of a user are refused', () => {
    assert.throws(() => accounts({ users: { redis: { uid: 999 } } }), {
      code: 'ERR_FORMAT',
      message: 'image.json: users.redis is in the group redis, which is not there',
      hint: /"groups": \{"redis": \{"gid": …\}\}/,
    });
  });

  test('with a number or a member twice or unknown are refused', () => {
    const groups = { redis: { gid: 999 } };
    assert.throws(() => accounts({ groups, users: { redis: { uid: 0 } } }), {
      message: /^image\.json: users\.redis has the number 0 of root$/,
    });
    assert.throws(() => accounts({ groups: { a: { gid: 7 }, b: { gid: 7 } } }), {
      message: /^image\.json: groups\.b has the number 7 of a$/,
    });
    assert.throws(() => accounts({ groups: { a: { gid: 7, members: ['x'] } } }), {
      message: 'image.json: groups.a.members[0]: there is no user x',
    });
  });

  test('root may be otherwise', () => {
    const { text } = accounts({ users: { root: { uid: 0, home: '/root' } } }).files()['/etc/passwd']!;
    assert.match(text, /^root:x:0:0::\/root:\/bin\/sh\n/);
  });
});

suite('the root of a definition', () => {
  const describe = ({ path, type, mode, target, owner, content }: WrittenEntry): string =>
    [
      path,
      type === 'symlink'
        ? `-> ${target!.replaceAll(/\/nix\/store\/0*/g, '#')}`
        : `${type} ${mode.toString(8)}`,
      ...(owner === undefined ? [] : [`${owner.uid}:${owner.gid}`]),
      ...(content === undefined
        ? []
        : ['bytes' in content ? JSON.stringify(Buffer.from(content.bytes).toString()) : content.name]),
    ].join(' ');

  function root(t: TestContext, nodes: Record<string, Node>, keys: (...paths: string[]) => object): string[] {
    const store = new StoreBuilder(temporaryDirectory(t));
    const infos = Object.entries(nodes).map(([name, node]) => ({ ...store.add(name, node), references: [] }));
    const paths = infos.map(({ path }) => path);
    const definition = { nixpush: 1, ...keys(...paths) } as ImageDefinition;
    const closure = { roots: paths, paths: infos };
    const accounts = new Accounts(definition, FILE);
    const options = { accounts, closure, listings: new TreeListings(store.trees), file: FILE };
    const tree = atOnce(definedRoot(definition, options));
    if (definition.includeNixDB) addNixDatabase(tree, definition, closure, 1);
    const permissions = permissionsOf(permissionRules(definition, accounts, FILE));
    return tree.files().entries.map((entry) => describe(permittedEntry(entry, permissions)));
  }

  test('has links to contents beside what is written down', (t) => {
    const made = root(t, { hello: { bin: { hello: { program: '' } } } }, (hello) => ({
      contents: [hello],
      directories: { '/tmp': { mode: '1777' }, '/data': { owner: '999:999', mode: '0700' } },
      files: { '/etc/motd': 'hi', '/etc/key': { base64: 'aGk=', mode: '0600', owner: '7' } },
      links: { '/usr/bin/env': `${hello}/bin/hello` },
    }));
    assert.deepEqual(made, [
      '/bin directory 755',
      '/bin/hello -> #1-hello/bin/hello',
      '/data directory 700 999:999',
      '/etc directory 755',
      '/etc/key file 600 7:7 "hi"',
      '/etc/motd file 644 "hi"',
      '/tmp directory 1777',
      '/usr directory 755',
      '/usr/bin directory 755',
      '/usr/bin/env -> #1-hello/bin/hello',
    ]);
  });

  test('has copies of what is to be copied, links as they are, without notes of Nix', (t) => {
    const nodes = {
      app: {
        bin: { app: { program: 'x' }, link: { link: 'app' } },
        'nix-support': { x: '' },
        etc: { conf: '' },
      },
      tool: { program: '' },
    };
    assert.deepEqual(
      root(t, nodes, (...copyToRoot) => ({ copyToRoot })),
      [
        '/bin directory 755',
        '/bin/app file 555 bin/app',
        '/bin/link -> app',
        '/bin/tool file 555 ',
        '/etc directory 755',
        '/etc/conf file 444 etc/conf',
      ],
    );
  });

  test('merges directories that are links in some contents, as buildEnv makes them', (t) => {
    const nodes = {
      a: { share: { a: '', doc: { x: '' } } },
      env: { share: { link: `/nix/store/${'0'.repeat(31)}1-a/share` } },
      b: { share: { b: '', doc: { y: '' } } },
    };
    for (const order of [
      [1, 2],
      [2, 1],
    ] as const)
      assert.deepEqual(
        root(t, nodes, (...paths) => ({ contents: order.map((at) => paths[at]) })),
        [
          '/share directory 755',
          '/share/a -> #1-a/share/a',
          '/share/b -> #3-b/share/b',
          '/share/doc directory 755',
          '/share/doc/x -> #1-a/share/doc/x',
          '/share/doc/y -> #3-b/share/doc/y',
        ],
      );
  });

  test('tells both origins of what two contents have, unless it is the same or declared', (t) => {
    const nodes = {
      a: { bin: { sh: { program: 'a' } } },
      b: { bin: { sh: { program: 'b' } } },
      c: { bin: { sh: { program: 'a' } } },
    };
    const links = { '/bin/sh': '/elsewhere' };
    assert.throws(() => root(t, nodes, (a, b) => ({ contents: [a, b] })), {
      code: 'ERR_FORMAT',
      message:
        /^image\.json: contents\[0\] \(\/nix\/store\/0{31}1-a\) and contents\[1\] \(.*2-b\) both have \/bin\/sh: a link to .*1-a\/bin\/sh and a link to .*2-b\/bin\/sh$/,
      hint: /Take one of them out/,
    });
    assert.throws(() => root(t, nodes, (a, b) => ({ contents: [a], copyToRoot: [b] })), {
      message:
        /contents\[0\].* and copyToRoot\[0\].* both have \/bin\/sh: a link to .* and the file .*2-b\/bin\/sh$/,
    });
    assert.deepEqual(
      root(t, nodes, (a, b) => ({ contents: [a, b], links })),
      ['/bin directory 755', '/bin/sh -> /elsewhere'],
    );
    assert.deepEqual(
      root(t, nodes, (a, _, c) => ({ copyToRoot: [a, c] })),
      ['/bin directory 755', '/bin/sh file 555 bin/sh'],
    );
  });

  test('refuses a file where there is a directory, and two declarations of one place', (t) => {
    const nodes = { a: { x: { y: '' } }, b: { x: '' } };
    assert.throws(() => root(t, nodes, (...contents) => ({ contents })), {
      message: /contents\[0\] .* and contents\[1\] .* both have \/x: a directory and a link to/,
    });
    assert.throws(() => root(t, nodes, (a) => ({ contents: [a], files: { '/x': '' } })), {
      message: /^image\.json: files\["\/x"\] and contents\[0\] .* both have \/x: a file and a directory$/,
    });
    assert.throws(() => root(t, {}, () => ({ files: { '/x': '' }, links: { '/x': 'y' } })), {
      message: 'image.json: links["/x"] and files["/x"] both have /x: a link to y and a file',
    });
  });

  test('refuses places in the store, and with dots', (t) => {
    const place = (path: string) => () => root(t, {}, () => ({ files: { [path]: '' } }));
    assert.throws(place('/nix/store/x'), {
      message: 'image.json: files["/nix/store/x"]: nothing can be put into /nix/store',
    });
    for (const path of ['/a/../b', '/a//b', '/./a'])
      assert.throws(place(path), {
        message: /^image\.json: files\[.*\]: write the path without empty names and dots$/,
      });
  });

  test('in profile style has the contents at /run/profile, and their /etc also there', (t) => {
    const nodes = {
      curl: { bin: { curl: { program: '' } } },
      cacert: { etc: { ssl: { certs: { 'ca-bundle.crt': '' } } } },
    };
    assert.deepEqual(
      root(t, nodes, (...contents) => ({ contents, profile: true })),
      [
        '/etc directory 755',
        '/etc/ssl directory 755',
        '/etc/ssl/certs directory 755',
        '/etc/ssl/certs/ca-bundle.crt -> #2-cacert/etc/ssl/certs/ca-bundle.crt',
        '/run directory 755',
        '/run/profile directory 755',
        '/run/profile/bin directory 755',
        '/run/profile/bin/curl -> #1-curl/bin/curl',
        '/run/profile/etc directory 755',
        '/run/profile/etc/ssl directory 755',
        '/run/profile/etc/ssl/certs directory 755',
        '/run/profile/etc/ssl/certs/ca-bundle.crt -> #2-cacert/etc/ssl/certs/ca-bundle.crt',
      ],
    );
  });

  test('has the files of users and groups if there are any', (t) => {
    const made = root(t, {}, () => ({ users: {}, groups: { redis: { gid: 999 } } }));
    assert.deepEqual(
      made.map((line) => line.split(' ')[0]),
      ['/etc', '/etc/group', '/etc/nsswitch.conf', '/etc/passwd', '/etc/shadow', '/var', '/var/empty'],
    );
    assert.deepEqual(
      root(t, {}, () => ({})),
      [],
    );
  });

  test('has a database and roots for nix', (t) => {
    const made = root(t, { hello: { x: '' } }, (hello) => ({
      links: { '/y': `${hello}/x` },
      contents: [hello],
      includeNixDB: true,
    }));
    assert.deepEqual(
      made.filter((line) => !line.includes('directory')).map((line) => line.split(' "')[0]!.slice(0, 80)),
      [
        '/nix/var/nix/db/db.sqlite file 644',
        '/nix/var/nix/db/schema file 644',
        `/nix/var/nix/gcroots/docker/${'0'.repeat(31)}1-hello -> #1-hello`,
        '/x -> #1-hello/x',
        '/y -> #1-hello/x',
      ],
    );
  });

  test('obeys rules for paths: literal, with stars, and regular expressions', (t) => {
    const permissions = [
      { path: '/a/*', mode: '0600' },
      { path: '/a/b/**', owner: '7:7' },
      { path: '/a', regex: 'e$', uid: 5 },
      { regex: '^/b$', mode: '0111' },
    ];
    const files = Object.fromEntries(
      ['/a/x', '/a/x.y', '/a/b/c', '/a/b/d/e', '/b', '/ae'].map((path) => [path, '']),
    );
    assert.deepEqual(
      root(t, {}, () => ({ files, permissions })),
      [
        '/a directory 755',
        '/a/b directory 600',
        '/a/b/c file 644 7:7 ""',
        '/a/b/d directory 755 7:7',
        '/a/b/d/e file 644 5:0 ""',
        '/a/x file 600 ""',
        '/a/x.y file 600 ""',
        '/ae file 644 ""',
        '/b file 111 ""',
      ],
    );
  });

  test('refuses a rule that says nothing of what it is for, or no regular expression', (t) => {
    const rule = (permission: object) => () =>
      root(t, {}, () => ({ permissions: [{}, permission].slice(1) }));
    assert.throws(rule({ mode: '0644' }), {
      message: /^image\.json: permissions\[0\] says neither path nor regex/,
    });
    assert.throws(rule({ regex: '(' }), {
      message: /^image\.json: permissions\[0\]\.regex is no regular expression: /,
    });
    assert.throws(rule({ path: 'x' }), {
      message: 'image.json: permissions[0].path must begin with a slash',
    });
  });
});
