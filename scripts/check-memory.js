#!/usr/bin/env node
// Pushes a closure of 1.5 GB, and a single file of 6 GB, to a registry that forgets everything, and fails if the peak
// memory of a push is above 400 MB. Needs 1.5 GB of disk in $TMPDIR for some minutes, and `npm run build` before.
// usage: node scripts/check-memory.js [gzip] [zstd] [none]   (all three without an argument)
import { spawn } from 'node:child_process';
import { createCipheriv, createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NarSize } from '../dist/nix/nar-size.js';

const LIMIT_MB = 400;
const MIB = 2 ** 20;
const directory = mkdtempSync(join(tmpdir(), 'nixpush-memory-'));

/** Takes whatever it is sent, as fast as it comes. */
const registry = createServer(async (request, response) => {
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
});

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

function closureOf1500Megabytes() {
  return store('closure', (add) => {
    for (let n = 0; n < 249; n += 1)
      add(`package-${n}`, (path) => {
        writeFileSync(path, noise(`${n}`, 6 * MIB));
        return [{ type: 'file', executable: false, size: 6 * MIB }];
      });
    add('many-files', (path) => {
      mkdirSync(path);
      const names = Array.from({ length: 20_000 }, (_, n) => `file-${n}`);
      for (const name of names) writeFileSync(join(path, name), name);
      return [
        { type: 'directory' },
        ...names.map((name) => ({
          type: 'file',
          name: Buffer.from(name),
          executable: false,
          size: name.length,
        })),
      ];
    });
  });
}

function fileOf6Gigabytes() {
  return store('file', (add) => {
    const size = 6 * 1024 * MIB;
    add('large', (path) => {
      writeFileSync(path, '');
      truncateSync(path, size);
      return [{ type: 'file', executable: false, size }];
    });
  });
}

/** Runs the command line and gives its peak resident memory in MB. */
async function peakOf(args) {
  const tell = `process.on('exit', () => process.stderr.write('peak ' + process.resourceUsage().maxRSS + '\\n'))`;
  const command = ['--import', `data:text/javascript,${encodeURIComponent(tell)}`, 'bin/nixpush.js', ...args];
  const child = spawn(process.execPath, command, {
    cwd: join(import.meta.dirname, '..'),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (text) => (stderr += text));
  const status = await new Promise((resolve) => child.on('close', resolve));
  const peak = /^peak (\d+)$/m.exec(stderr)?.[1];
  if (status !== 0 || peak === undefined) throw new Error(`nixpush ended with ${status}:\n${stderr}`);
  return Number(peak) / 1000;
}

await new Promise((resolve) => registry.listen(0, '127.0.0.1', resolve));
try {
  const to = ['--to', `127.0.0.1:${registry.address().port}/app`, '--no-cache'];
  const codecs = process.argv.length > 2 ? process.argv.slice(2) : ['gzip', 'zstd', 'none'];
  for (const { what, args } of [
    { what: 'closure of 1.5 GB', args: closureOf1500Megabytes() },
    { what: 'file of 6 GB', args: fileOf6Gigabytes() },
  ]) {
    for (const codec of codecs) {
      const start = performance.now();
      const peak = await peakOf([...args, ...to, '--compression', codec]);
      const seconds = (performance.now() - start) / 1000;
      const verdict = peak < LIMIT_MB ? 'ok' : `above ${LIMIT_MB} MB`;
      console.log(`${what}, ${codec}: ${peak.toFixed(0)} MB, ${verdict}, in ${seconds.toFixed(1)} s`);
      if (peak >= LIMIT_MB) process.exitCode = 1;
    }
  }
} finally {
  registry.close();
  registry.closeAllConnections();
  rmSync(directory, { recursive: true, force: true });
}
