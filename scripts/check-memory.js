#!/usr/bin/env node
// Pushes closures, and a single file of 10 GB, to a registry that forgets everything, and fails if the peak memory of a
// push is above 250 MB; copies an image with one large layer between two such registries, and fails if that takes more
// than 200 MB. Says for how long the main thread was blocked at the most. Needs 1.5 GB of disk in $TMPDIR for some
// minutes, and `npm run build` before.
// usage: node scripts/check-memory.js [100MB] [1.5GB] [10GB] [file] [gzip] [zstd] [none] [copy|copy=GB]
// Without sizes: all of them; without codecs and copy: all of them, and a copy of 10 GB.
import { spawn } from 'node:child_process';
import { createCipheriv, createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { NarSize } from '../dist/nix/nar-size.js';

const PUSH_LIMIT_MB = 250;
const COPY_LIMIT_MB = 200;
const CODECS = ['gzip', 'zstd', 'none'];
const MIB = 2 ** 20;
const directory = mkdtempSync(join(tmpdir(), 'nixpush-memory-'));

/** What a registry that only gives has, by path. */
const given = new Map();

/** Gives what there is to give, and takes whatever it is sent, as fast as it comes. */
const registry = createServer((request, response) => {
  const gift = given.get(request.url);
  if (gift === undefined) void take(request, response);
  else {
    response.writeHead(200, { 'content-type': gift.mediaType, 'content-length': gift.size });
    Readable.from(gift.pieces()).pipe(response);
  }
});

async function take(request, response) {
  request.on('error', () => undefined);
  let bytes = 0;
  for await (const chunk of request) bytes += chunk.length;
  const url = new URL(request.url, 'http://registry');
  const upload = `/v2/app/blobs/uploads/1`;
  if (request.method === 'HEAD') response.writeHead(404);
  else if (request.method === 'POST') response.writeHead(202, { location: upload, range: '0-0' });
  else if (request.method === 'PATCH') response.writeHead(202, { location: upload, range: `0-${bytes - 1}` });
  else if (request.method === 'PUT') {
    const digest = url.searchParams.get('digest');
    response.writeHead(201, digest === null ? {} : { 'docker-content-digest': digest });
  } else response.writeHead(200);
  response.end();
}

/** A relocated store of one kind of thing; gives the arguments that push it. */
function store(name, fill) {
  const root = join(directory, name);
  const paths = [];
  mkdirSync(join(root, 'nix/store'), { recursive: true });
  fill((baseName, write) => {
    const hash = createHash('sha256').update(baseName).digest('hex');
    const path = `/nix/store/${hash.slice(0, 32).replaceAll('e', 'z')}-${baseName}`;
    const size = new NarSize();
    for (const entry of write(join(root, path))) size.add({ name: Buffer.alloc(0), ...entry });
    paths.push({ path, narHash: `sha256:${hash}`, narSize: size.total, references: [] });
    return path;
  });
  const closure = join(root, 'closure.json');
  writeFileSync(closure, JSON.stringify(paths));
  return [...paths.map(({ path }) => path), '--store', root, '--closure', closure, '--no-links'];
}

/** Text-like: three quarters of it are left after compression. */
function noise(seed, bytes) {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16));
  return cipher.update(Buffer.alloc((bytes / 4) * 3)).toString('base64');
}

/** `packages` of 6 MiB and 20,000 small files. The packages are holes in place of noise where that would fill the disk. */
function closureOf(name, packages, { hollow = false } = {}) {
  return store(name, (add) => {
    for (let n = 0; n < packages; n += 1)
      add(`package-${n}`, (path) => {
        writeFileSync(path, hollow ? '' : noise(`${n}`, 6 * MIB));
        if (hollow) truncateSync(path, 6 * MIB);
        return [{ type: 'file', executable: false, size: 6 * MIB }];
      });
    add('many-files', (path) => {
      mkdirSync(path);
      const names = Array.from({ length: 20_000 }, (_, n) => `file-${n}`);
      for (const each of names) writeFileSync(join(path, each), each);
      return [
        { type: 'directory' },
        ...names.map((each) => ({
          type: 'file',
          name: Buffer.from(each),
          executable: false,
          size: each.length,
        })),
      ];
    });
  });
}

function fileOf10Gigabytes() {
  return store('file', (add) => {
    const size = 10_000 * MIB;
    add('large', (path) => {
      writeFileSync(path, '');
      truncateSync(path, size);
      return [{ type: 'file', executable: false, size }];
    });
  });
}

const STORES = {
  '100MB': () => closureOf('small', 17),
  '1.5GB': () => closureOf('middle', 250),
  '10GB': () => closureOf('large', 1600, { hollow: true }),
  file: fileOf10Gigabytes,
};

/** Puts an image of one layer into the registry: a mebibyte again and again. Gives its reference. */
function imageOf(gigabytes) {
  const block = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(MIB));
  const times = gigabytes * 1024;
  const descriptor = (mediaType, pieces) => {
    const hash = createHash('sha256');
    let size = 0;
    for (const piece of pieces()) {
      hash.update(piece);
      size += piece.length;
    }
    return { mediaType, digest: `sha256:${hash.digest('hex')}`, size };
  };
  const give = (kind, mediaType, pieces) => {
    const what = descriptor(mediaType, pieces);
    given.set(`/v2/source/${kind}/${what.digest}`, { ...what, pieces });
    return what;
  };
  const document = (value) => () => [Buffer.from(JSON.stringify(value))];
  const layer = give('blobs', 'application/vnd.oci.image.layer.v1.tar+gzip', function* () {
    for (let n = 0; n < times; n += 1) yield block;
  });
  const config = give(
    'blobs',
    'application/vnd.oci.image.config.v1+json',
    document({
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: [layer.digest] },
    }),
  );
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = { schemaVersion: 2, mediaType, config, layers: [layer] };
  const { digest } = give('manifests', mediaType, document(manifest));
  return `127.0.0.1:${registry.address().port}/source@${digest}`;
}

/** Runs in the process that pushes: tells at its end what was measured in it. */
const tell = `
  import { readFileSync } from 'node:fs';
  import { monitorEventLoopDelay } from 'node:perf_hooks';
  import { isMainThread } from 'node:worker_threads';
  if (isMainThread) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    // Loading the program does not count.
    setTimeout(() => delay.enable(), 1000).unref();
    process.on('exit', () => {
      // Not resourceUsage().maxRSS: a process inherits that from the one that started it.
      const peak = Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
      const measured = { peak, blockedMs: delay.max / 1e6, p99: delay.percentile(99) / 1e6 };
      process.stderr.write('\\nmeasured ' + JSON.stringify(measured) + '\\n');
    });
  }`;

/** Runs the command line and gives its peak resident memory in bytes, and how long its main thread was blocked. */
async function measure(args) {
  const command = ['--import', `data:text/javascript,${encodeURIComponent(tell)}`, 'bin/nixpush.js', ...args];
  const child = spawn(process.execPath, command, {
    cwd: join(import.meta.dirname, '..'),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (text) => (stderr += text));
  const status = await new Promise((resolve) => child.on('close', resolve));
  const measured = /^measured (.*)$/m.exec(stderr)?.[1];
  if (status !== 0 || measured === undefined) throw new Error(`nixpush ended with ${status}:\n${stderr}`);
  return JSON.parse(measured);
}

async function check(what, args, limit) {
  const start = performance.now();
  const { peak, blockedMs, p99 } = await measure(args);
  const seconds = (performance.now() - start) / 1000;
  const verdict = peak / 1e6 < limit ? 'ok' : `above ${limit} MB`;
  const blocked = `main thread blocked ${p99.toFixed(0)} ms (99 %), ${blockedMs.toFixed(0)} ms (most)`;
  console.log(`${what}: ${(peak / 1e6).toFixed(0)} MB, ${verdict}; ${blocked}; ${seconds.toFixed(1)} s`);
  if (peak / 1e6 >= limit) process.exitCode = 1;
}

/** Those of `all` that the command line names. */
const named = (all) => all.filter((one) => process.argv.includes(one));

await new Promise((resolve) => registry.listen(0, '127.0.0.1', resolve));
try {
  const to = ['--to', `127.0.0.1:${registry.address().port}/app`];
  const all = Object.keys(STORES);
  const sizes = named(all).length > 0 ? named(all) : all;
  const copy = process.argv.find((one) => one.startsWith('copy'));
  const isAll = named(CODECS).length === 0 && copy === undefined;
  if (isAll || copy !== undefined) {
    const gigabytes = Number(isAll ? 10 : (copy.split('=')[1] ?? 2));
    await check(`copy of a layer of ${gigabytes} GiB`, ['copy', imageOf(gigabytes), ...to], COPY_LIMIT_MB);
  }
  const codecs = isAll ? CODECS : named(CODECS);
  for (const size of codecs.length > 0 ? sizes : []) {
    const args = STORES[size]();
    for (const codec of codecs)
      await check(`${size}, ${codec}`, [...args, ...to, '--no-cache', '--compression', codec], PUSH_LIMIT_MB);
  }
} finally {
  registry.close();
  registry.closeAllConnections();
  rmSync(directory, { recursive: true, force: true });
}
