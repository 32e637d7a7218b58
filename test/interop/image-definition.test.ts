import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { openLayout } from '../../src/stores/layout/layout-store.ts';
import { putBaseImage } from '../support/base-images.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { withBuilder } from '../support/nix-closures.ts';
import { nixBuild, nixEnvironment, nixSettings } from '../support/nix.ts';
import { nixpush, type Run } from '../support/nixpush.ts';
import { needs, needsRoot } from '../support/peers.ts';
import { repoRoot } from '../support/repo.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const PROGRAMS = `
  shell = mk "busybox-1.35" ''
    mkdir -p $out/bin
    cp \${tools}/busybox $out/bin/busybox
    for name in sh cat echo env id ls stat; do ln -s busybox $out/bin/$name; done
  '' { };
  script = name: text: mk name ''
    mkdir -p $out/bin
    printf '#!%s/bin/sh\\n%s\\n' "$shell" "$text" > $out/bin/$program
    \${tools}/busybox chmod 755 $out/bin/$program
  '' { inherit shell text; program = builtins.head (builtins.split "-" name); };
  cowsay = script "cowsay-3.8" "echo \\"< $* >\\"";
  curl = script "curl-8.0" "cat $SSL_CERT_FILE; echo $PATH";
  cacert = mk "nss-cacert-3.86" ''
    mkdir -p $out/etc/ssl/certs
    echo certificates > $out/etc/ssl/certs/ca-bundle.crt
  '' { };
  redis = script "redis-7.2" "id -un; id -gn; echo $PWD; stat -c %a:%U:%G /data /tmp; echo $*";
  entrypoint = mk "entrypoint.sh" ''
    printf '#!%s/bin/sh\\nset -e\\nexec "$@"\\n' "$shell" > $out
    \${tools}/busybox chmod 755 $out
  '' { inherit shell; };
  static = mk "static-1.0" "mkdir -p $out/bin; cp \${tools}/busybox $out/bin/echo" { };
`;

/** Nix' result of an image, with all of the programs above at hand; nothing of nixpkgs is. */
function build(image: string): string {
  return nixBuild(
    withBuilder(`let nixpush = import ${repoRoot}/nix { }; ${PROGRAMS} in nixpush.image { ${image} }`),
  );
}

/** What a container runtime does, without the containment. */
const START = `
import json, os, sys
process = json.loads(sys.argv[1])
os.chroot(process["root"])
os.chdir(process["cwd"])
os.setgroups([])
os.setgid(process["gid"])
os.setuid(process["uid"])
os.environ.clear()
os.environ.update(variable.split("=", 1) for variable in process["env"])
os.execvp(process["args"][0], process["args"])
`;

interface Pushed {
  readonly root: string;
  readonly tag: string;
  readonly layers: number;
  readonly config: {
    readonly architecture: string;
    readonly config: Readonly<Record<string, unknown>>;
    readonly history: readonly { readonly comment: string }[];
  };
  /** Runs the command that the image says, in its root, as the user it names. */
  readonly start: (...args: string[]) => string;
}

/** Without `nix`: whatever is to be known of the closure is in the definition. */
function push(definition: string, ...args: string[]): Promise<Run> {
  return nixpush([definition, ...args], {
    env: { NIX_REMOTE: 'unix:///nowhere', NIX_STATE_DIR: '/nowhere' },
  });
}

/** Pushes, has skopeo look at it, podman load it, and umoci unpack it. */
async function pushed(t: TestContext, definition: string, ...args: string[]): Promise<Pushed> {
  const directory = temporaryDirectory(t);
  const layout = join(directory, 'layout');
  const { host } = await startDockerRegistry(t);
  const result = await push(
    definition,
    '--to',
    `${host}/image`,
    '--to',
    `docker-archive:${directory}/image.tar`,
    ...args,
  );
  assert.equal(result.status, 0, result.stderr);
  const tag = /"tags":\["([^"]+)"\]/.exec(run('curl', '-s', `http://${host}/v2/image/tags/list`))![1]!;
  const image = `docker://${host}/image:${tag}`;
  const seen = JSON.parse(run('skopeo', 'inspect', '--tls-verify=false', image)) as { Layers: string[] };
  const config = JSON.parse(
    run('skopeo', 'inspect', '--config', '--raw', '--tls-verify=false', image),
  ) as Pushed['config'];
  const podman = [
    '--storage-driver',
    'vfs',
    '--root',
    `${directory}/podman`,
    '--runroot',
    `${directory}/run`,
  ];
  assert.match(run('podman', ...podman, 'load', '-q', '-i', `${directory}/image.tar`), /^Loaded image/);
  run('podman', ...podman, 'rmi', '--all', '--force');
  mkdirSync(layout);
  run('skopeo', 'copy', '--insecure-policy', '--src-tls-verify=false', image, `oci:${layout}:image`);
  run('umoci', 'unpack', '--image', `${layout}:image`, join(directory, 'bundle'));
  const root = join(directory, 'bundle/rootfs');
  const spec = JSON.parse(readFileSync(join(directory, 'bundle/config.json'), 'utf8')) as {
    process: { user: { uid: number; gid: number }; cwd: string; env: string[]; args: string[] };
  };
  const start = (...more: string[]): string => {
    const { user, cwd, env, args } = spec.process;
    const variables = env.filter((each) => !/^(HOME|TERM)=/.test(each));
    const process = JSON.stringify({ root, ...user, cwd, env: variables, args: [...args, ...more] });
    return run('python3', '-c', START, process);
  };
  return { root, tag, layers: seen.Layers.length, config, start };
}

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

const peers = needsRoot('nix', 'busybox', 'docker-registry', 'skopeo', 'umoci', 'podman', 'curl', 'python3');

describe('an image defined in Nix', peers, () => {
  test('cowsay at /bin with a Cmd, and a default tag: the hash of the definition', async (t) => {
    const definition = build('name = "MyImage"; contents = [ cowsay ]; config.Cmd = [ "/bin/cowsay" "hi" ];');
    const { start, tag, config, root } = await pushed(t, definition);
    assert.equal(start(), '< hi >\n');
    assert.equal(`/nix/store/${tag}-MyImage.json`, definition);
    assert.deepEqual(config.config, { Cmd: ['/bin/cowsay', 'hi'] });
    assert.match(readlinkSync(join(root, 'bin/cowsay')), /^\/nix\/store\/.*-cowsay-3.8\/bin\/cowsay$/);
  });

  test('curl and certificates in profile style', async (t) => {
    const definition = build(
      'name = "curl"; contents = [ curl cacert shell ]; profile = true; config.Cmd = [ "curl" ];',
    );
    const { start, config, root } = await pushed(t, definition);
    assert.deepEqual(config.config, {
      Env: [
        'PATH=/run/profile/bin',
        'NIX_SSL_CERT_FILE=/etc/ssl/certs/ca-bundle.crt',
        'SSL_CERT_FILE=/etc/ssl/certs/ca-bundle.crt',
      ],
      Cmd: ['curl'],
    });
    assert.equal(start(), 'certificates\n/run/profile/bin\n');
    assert.deepEqual(run('ls', root), 'etc\nnix\nrun\n');
  });

  test('curl and certificates by --profile are the same image', async (t) => {
    const defined = build('name = "curl"; tag = "latest"; contents = [ curl cacert ]; profile = true;');
    const paths = ['curl-8.0', 'nss-cacert-3.86'].map(
      (name) => new RegExp(`/nix/store/[^"/]*${name}`).exec(readFileSync(defined, 'utf8'))![0],
    );
    const image = join(temporaryDirectory(t), 'image');
    const [one, other] = [
      await push(defined, '--to', `oci:${image}:1`),
      await nixpush([...paths, '--profile', '--to', `oci:${image}:2`], { env: nixSettings }),
    ];
    assert.match(one.stdout, /@sha256:/, one.stderr);
    assert.equal(one.stdout, other.stdout, other.stderr);
  });

  test('a static program in a single layer', async (t) => {
    const definition = build(
      'name = "hello-docker"; copyToRoot = static; includeStorePaths = false; config.Cmd = [ "/bin/echo" "hello" ];',
    );
    const { start, tag, layers } = await pushed(t, definition);
    assert.equal(start(), 'hello\n');
    assert.equal(tag, definition.slice('/nix/store/'.length).slice(0, 32));
    assert.equal(layers, 1);
  });

  test('redis: entrypoint, user and group, /data, volume, working directory', async (t) => {
    const definition = build(`
      name = "redis"; tag = "latest";
      contents = [ redis ];
      users.redis = { uid = 999; home = "/data"; };
      groups.redis.gid = 998;
      directories."/data" = { owner = "redis"; mode = "0750"; };
      directories."/tmp".mode = "1777";
      binSh = shell;
      config = {
        Cmd = [ "redis-server" ];
        Entrypoint = [ entrypoint "/bin/redis" ];
        Env = [ "PATH=\${shell}/bin" ];
        WorkingDir = "/data";
        Volumes."/data" = { };
        User = "redis";
        Healthcheck = { Test = [ "CMD" "/bin/redis" ]; Interval = 1000000000; };
        Shell = [ "/bin/sh" "-c" ];
        OnBuild = [ "RUN true" ];
      };
    `);
    const { start, tag, config } = await pushed(t, definition);
    assert.equal(tag, 'latest');
    assert.equal(start('x'), 'redis\nredis\n/data\n750:redis:redis\n1777:root:root\nredis-server x\n');
    const { Healthcheck, Shell, OnBuild, Volumes } = config.config;
    assert.deepEqual(
      [Healthcheck, Shell, OnBuild, Volumes],
      [{ Interval: 1e9, Test: ['CMD', '/bin/redis'] }, ['/bin/sh', '-c'], ['RUN true'], { '/data': {} }],
    );
  });

  test('contents on a base image: only what is not in the base is added', async (t) => {
    const base = join(temporaryDirectory(t), 'base');
    const below = build('name = "base"; contents = [ shell ];');
    assert.equal((await push(below, '--to', `oci:${base}:1`)).status, 0);
    const definition = build(`
      name = "on-base"; fromImage = "oci:${base}:1"; contents = [ cowsay shell ];
      directories."/bin".mode = "0700"; config.Cmd = [ "/bin/cowsay" "moo" ];
    `);
    const { start, layers, config, root } = await pushed(t, definition);
    assert.equal(start(), '< moo >\n');
    assert.equal(layers, 4);
    const stored = config.history.map(({ comment }) => /^store paths: .*-([a-z]+)-/.exec(comment)?.[1]);
    assert.deepEqual(stored, ['busybox', undefined, 'cowsay', undefined]);
    assert.equal(statSync(join(root, 'bin')).mode & 0o777, 0o700);
  });

  test('is for the system, architecture and variant that it says', async () => {
    for (const [keys, expected] of [
      ['imageSystem = "aarch64-linux";', 'linux/arm64'],
      ['imageSystem = "armv7l-linux";', 'linux/arm/v7'],
      ['architecture = "arm"; variant = "v5";', 'linux/arm/v5'],
    ] as const) {
      const { stdout, stderr } = await push(build(`name = "x"; ${keys}`), '--dry-run', '--json');
      assert.equal((JSON.parse(stdout) as { platform: string }).platform, expected, stderr);
    }
    const wrong = await push(build('name = "x"; imageSystem = "sparc-solaris";'), '--dry-run');
    assert.equal(wrong.status, 1);
    assert.match(wrong.stderr, /-x\.json: system: "sparc-solaris" is not a system that images are made for/);
  });

  test('has modes, owners and capabilities by rule, in the store as well, and times of its own', async (t) => {
    const definition = build(`
      name = "rules"; contents = [ shell ]; mtime = "2020-01-01T00:00:00Z"; uid = 7; gid = 8;
      permissions = [
        { path = "\${shell}/bin/**"; owner = "1000:1000"; }
        { path = shell; regex = "/busybox$"; mode = "4755"; capabilities = [ "CAP_NET_RAW" "CAP_CHOWN" ]; }
        { path = "/bin"; mode = "0711"; }
      ];
    `);
    const { root } = await pushed(t, definition);
    const [store] = readFileSync(definition, 'utf8').match(/\/nix\/store\/[^"/]*busybox-1.35/)!;
    const status = (path: string): string => run('stat', '-c', '%a %u:%g %Y', join(root, path)).trim();
    assert.deepEqual([store, `${store}/bin`, `${store}/bin/busybox`, '/bin'].map(status), [
      '555 7:8 1577836800',
      '555 7:8 1577836800',
      '4755 1000:1000 1577836800',
      '711 0:0 1577836800',
    ]);
    const capabilities = run(
      'python3',
      '-c',
      `import os; print(os.getxattr("${root}${store}/bin/busybox", "security.capability").hex())`,
    );
    assert.equal(capabilities, '0100000201200000000000000000000000000000\n');
  });

  test('has a database that nix in the image can use', async (t) => {
    const definition = build('name = "db"; contents = [ cowsay ]; includeNixDB = true;');
    const { root } = await pushed(t, definition);
    const nixStore = (...args: string[]): string[] =>
      execFileSync('nix-store', ['--store', root, ...args], {
        encoding: 'utf8',
        env: nixEnvironment,
        stdio: ['ignore', 'pipe', 'ignore'],
      })
        .trim()
        .split('\n');
    const [cowsay] = readFileSync(definition, 'utf8').match(/\/nix\/store\/[^"/]*cowsay-3.8/)!;
    assert.match(nixStore('--query', '--references', cowsay).join(' '), /^\/nix\/store\/[^ ]*-busybox-1.35$/);
    assert.equal(nixStore('--query', '--requisites', cowsay).length, 2);
    nixStore('--verify', '--check-contents');
    assert.deepEqual(
      nixStore('--gc', '--print-dead').filter((line) => /cowsay|busybox/.test(line)),
      [],
    );
    assert.equal(
      (await push(definition, '--dry-run', '--json')).stdout,
      (await push(definition, '--dry-run', '--json')).stdout,
    );
  });

  test('conflicts are told with both origins', async () => {
    const { status, stderr } = await push(
      build('name = "x"; contents = [ shell (script "sh-1" "") ];'),
      '--dry-run',
    );
    assert.equal(status, 1);
    assert.match(
      stderr,
      /-x\.json: contents\[0\] \(.*-busybox-1\.35\) and contents\[1\] \(.*-sh-1\) both have \/bin\/sh: a link to .* and a link to /,
    );
  });

  test('scripts are refused where they stand, with what to write instead', () => {
    for (const script of ['runAsRoot = "mkdir /data";', 'fakeRootCommands = "chown";', 'extraCommands = "";'])
      assert.throws(
        () => build(`name = "x"; ${script}`),
        /nothing is run while an image is pushed[^]*mkdir as\s+directories, groupadd, useradd and shadowSetup as users/,
      );
    assert.throws(() => build('name = "x"; content = [ ];'), /unexpected argument 'content'/);
  });

  test('is pushed by a program of its own', async (t) => {
    const program = nixBuild(
      withBuilder(`let nixpush = import ${repoRoot}/nix { nixpush = client; };
        client = mk "nixpush" ''
          mkdir -p $out/bin
          printf '#!/bin/sh\\nexec %s %s "$@"\\n' ${process.execPath} ${join(import.meta.dirname, '../support/nixpush-cli.js')} > $out/bin/nixpush
          \${tools}/busybox chmod 755 $out/bin/nixpush
        '' { };
      in (nixpush.image { name = "x"; files."/a" = "b"; }).push`),
    );
    const directory = temporaryDirectory(t);
    symlinkSync(program, join(directory, 'result'));
    const image = join(directory, 'image');
    const said = execFileSync('./result/bin/push', ['--to', `oci:${image}:1`, '--quiet'], {
      cwd: directory,
      encoding: 'utf8',
      env: { ...process.env, XDG_CACHE_HOME: directory },
    });
    assert.match(said, /^oci:.*@sha256:[0-9a-f]{64}\n$/);
  });
});

describe('an image defined by hand', needs('nix', 'busybox'), () => {
  test('asks nix for the closure, and may be without store paths', async (t) => {
    const directory = temporaryDirectory(t);
    const file = join(directory, 'image.json');
    const cowsay = nixBuild(withBuilder(`let ${PROGRAMS} in cowsay`));
    for (const [keys, paths] of [
      [{ contents: [cowsay] }, 2],
      [{ files: { '/etc/motd': 'hi\n' } }, 0],
    ] as const) {
      writeFileSync(file, JSON.stringify({ nixpush: 1, ...keys }));
      const { stdout, stderr } = await nixpush(['image.json', '--dry-run', '--json'], {
        cwd: directory,
        env: nixSettings,
      });
      const { layers } = JSON.parse(stdout) as { layers: { paths: string[] }[] };
      assert.equal(layers.flatMap((layer) => layer.paths).length, paths, stderr);
    }
  });

  test('gives way to options', async (t) => {
    const directory = temporaryDirectory(t);
    const file = join(directory, 'image.json');
    writeFileSync(
      file,
      JSON.stringify({
        nixpush: 1,
        name: 'X',
        tag: '1',
        system: 'aarch64-linux',
        config: { Cmd: ['/a'], Env: ['A=1', 'B=1'] },
        annotations: { a: '1', b: '1' },
      }),
    );
    const image = join(directory, 'image');
    const flags = [
      '--cmd',
      '/b',
      '--env',
      'A=2',
      '--platform',
      'linux/s390x',
      '--annotation',
      'a=2',
      '--created',
      '2001-01-01',
    ];
    const { status, stderr } = await nixpush([file, '--to', `oci:${image}`, ...flags]);
    assert.equal(status, 0, stderr);
    const store = await openLayout(image);
    t.after(() => store.close());
    const { bytes } = await store.getManifest('1');
    const manifest = JSON.parse(Buffer.from(bytes).toString()) as {
      annotations: object;
      config: { digest: string };
    };
    assert.deepEqual(manifest.annotations, { a: '2', b: '1' });
    const blob = join(image, 'blobs', manifest.config.digest.replace(':', '/'));
    const { architecture, created, config } = JSON.parse(readFileSync(blob, 'utf8')) as Record<
      string,
      unknown
    >;
    assert.deepEqual(
      [architecture, created, config],
      ['s390x', '2001-01-01T00:00:00Z', { Env: ['A=2', 'B=1'], Cmd: ['/b'] }],
    );
  });

  test('tells of rules that match nothing', async (t) => {
    const directory = temporaryDirectory(t);
    const permissions = [
      { path: '/a', mode: '0600' },
      { path: '/b', mode: '0600' },
    ];
    const definition = { nixpush: 1, files: { '/a': '' }, permissions };
    writeFileSync(join(directory, 'image.json'), JSON.stringify(definition));
    const { stderr } = await nixpush(['image.json', '--dry-run'], { cwd: directory });
    assert.deepEqual(stderr.match(/permissions.*/g), ['permissions[1] matches no file of the image']);
  });

  const users = { redis: { uid: 999, group: 'root' } };
  const mistakes: [what: string, keys: object, message: string][] = [
    [
      'a user that is not declared',
      { users, config: { User: 'rdis' } },
      'config.User: there is no user rdis',
    ],
    [
      'a name that no image can have',
      { name: 'my image' },
      'name: "docker://my image:latest": "my image" is not',
    ],
    ['an architecture that is none', { architecture: 'x86' }, 'architecture: "linux/x86" is not a platform'],
  ];
  for (const [what, keys, message] of mistakes)
    test(`is refused with ${what}, and the place`, async (t) => {
      const directory = temporaryDirectory(t);
      writeFileSync(
        join(directory, 'image.json'),
        JSON.stringify({ nixpush: 1, files: { '/a': '' }, ...keys }),
      );
      const { status, stderr } = await nixpush(['image.json', '--dry-run'], { cwd: directory });
      assert.equal(status, 1, stderr);
      assert.ok(stderr.startsWith(`nixpush: image.json: ${message}`), stderr);
    });

  test('has no use for --no-links, and takes --profile', async (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(join(directory, 'image.json'), JSON.stringify({ nixpush: 1, files: { '/a': '' } }));
    const refused = await nixpush(['image.json', '--no-links', '--dry-run'], { cwd: directory });
    assert.deepEqual([refused.status, /--no-links has no use/.test(refused.stderr)], [2, true]);
    const to = ['--to', 'oci:image:1'];
    const { status, stderr } = await nixpush(['image.json', '--profile', ...to], { cwd: directory });
    assert.equal(status, 0, stderr);
  });

  test('puts its files over those of a base image, where that has them', async (t) => {
    const directory = temporaryDirectory(t);
    const layout = await openLayout(join(directory, 'base'), { create: true });
    const files = {
      'usr/': null,
      'usr/bin/': null,
      bin: { link: 'usr/bin' },
      'etc/': null,
      'etc/motd': 'old',
      'tmp/': null,
    };
    await putBaseImage(layout, { layers: [files] }, '1');
    const image = {
      fromImage: `oci:${directory}/base:1`,
      files: { '/etc/motd': 'new', '/bin/x': '' },
      directories: { '/tmp': { mode: '1777' } },
      system: 'x86_64-linux',
    };
    writeFileSync(join(directory, 'image.json'), JSON.stringify({ nixpush: 1, ...image }));
    const { status, stderr } = await nixpush(['image.json', '--to', 'docker-archive:made.tar:x:1'], {
      cwd: directory,
    });
    assert.equal(status, 0, stderr);
    assert.match(stderr, /the root layer takes the place of files of the base image: \/etc\/motd/);
    const layers = (
      JSON.parse(run('tar', '-xOf', join(directory, 'made.tar'), 'manifest.json')) as [{ Layers: string[] }]
    )[0].Layers;
    run('tar', '-C', directory, '-xf', join(directory, 'made.tar'), layers[1]!);
    const listed = run('tar', '-tvPf', join(directory, layers[1]!)).trim().split('\n');
    assert.deepEqual(
      listed.map((line) => `${line.slice(0, 10)} ${line.split(' ').at(-1)!}`),
      [
        'drwxr-xr-x /etc/',
        '-rw-r--r-- /etc/motd',
        'drwxrwxrwt /tmp/',
        'drwxr-xr-x /usr/',
        'drwxr-xr-x /usr/bin/',
        '-rw-r--r-- /usr/bin/x',
      ],
    );
  });
});

describe('users and groups on a base image', () => {
  const FILES = {
    'etc/': null,
    'etc/passwd': 'root:x:0:0:root:/root:/bin/bash\nwww:x:33:33::/:/x\nredis:x:5:5::/:/x\n',
    'etc/group': 'root:x:0:\nwww:x:33:\n',
    'etc/nsswitch.conf': 'x',
  };

  async function made(t: TestContext, keys: object): Promise<{ run: Run; read: (file: string) => string }> {
    const directory = temporaryDirectory(t);
    const layout = await openLayout(join(directory, 'base'), { create: true });
    await putBaseImage(layout, { layers: [{ 'etc/': null, 'etc/passwd': 'old' }, FILES] }, '1');
    const image = { nixpush: 1, fromImage: `oci:${directory}/base:1`, system: 'x86_64-linux', ...keys };
    writeFileSync(join(directory, 'image.json'), JSON.stringify(image));
    // The second time the files of the base are remembered.
    const env = { XDG_CACHE_HOME: directory };
    await nixpush(['image.json', '--dry-run'], { cwd: directory, env });
    const result = await nixpush(['image.json', '--to', 'docker-archive:made.tar:x:1'], {
      cwd: directory,
      env,
    });
    return {
      run: result,
      read: (file) => {
        const [{ Layers }] = JSON.parse(run('tar', '-xOf', `${directory}/made.tar`, 'manifest.json')) as [
          { Layers: string[] },
        ];
        run('tar', '-C', directory, '-xf', `${directory}/made.tar`, Layers[2]!);
        return run('tar', '-xPOf', join(directory, Layers[2]!), file);
      },
    };
  }

  test('are added to those of the base, or take their place', async (t) => {
    const { run: result, read } = await made(t, {
      users: { redis: { uid: 999 } },
      groups: { redis: { gid: 999 } },
      directories: { '/data': { owner: 'www' } },
    });
    assert.equal(result.status, 0, result.stderr);
    assert.doesNotMatch(result.stderr, /takes the place/);
    assert.equal(
      read('/etc/passwd'),
      'root:x:0:0:root:/root:/bin/bash\nwww:x:33:33::/:/x\nredis:x:999:999::/var/empty:/bin/sh\n',
    );
    assert.equal(read('/etc/group'), 'root:x:0:\nwww:x:33:\nredis:x:999:\n');
    assert.equal(read('/etc/shadow'), 'redis:!:1::::::\n');
    assert.throws(() => read('/etc/nsswitch.conf'));
  });

  test('cannot have the number of one of the base', async (t) => {
    const { run: result } = await made(t, { users: { me: { uid: 33, group: 'www' } } });
    assert.equal(result.status, 1);
    assert.match(result.stderr, /image\.json: users\.me has the number 33 of www/);
  });
});
