// Real registries on this machine, with their storage in memory.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { cpuSecondsOf } from './measure.js';

// What scripts/setup-peers builds comes before what the system has.
process.env.PATH = [join(import.meta.dirname, '..', '..', '.peers', 'bin'), process.env.PATH].join(delimiter);

export function isInstalled(program) {
  return process.env.PATH.split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program));
      return true;
    } catch {
      return false;
    }
  });
}

/** A new directory in memory where the system has room for that, else on disk. */
export function scratchDirectory() {
  let parent = '/dev/shm';
  try {
    accessSync(parent);
  } catch {
    parent = tmpdir();
  }
  return mkdtempSync(join(parent, 'nixpush-bench-'));
}

/**
 * Starts an empty registry: `program` is `docker-registry` (Debian's distribution 2.8) or `registry` (distribution 3).
 * `host` is `127.0.0.1:PORT`, `cpuSeconds()` what it has cost so far, `requests()` how many it had, the one that it
 * makes itself included, `storedBytes()` what its
 * blobs take; `stop()` throws its storage away.
 */
export async function startRegistry(program, { onDisk = false } = {}) {
  const directory = onDisk ? mkdtempSync(join(tmpdir(), 'nixpush-bench-')) : scratchDirectory();
  const config = join(directory, 'config.yml');
  writeFileSync(
    config,
    [
      'version: 0.1',
      'log: {level: info}',
      `storage: {filesystem: {rootdirectory: ${join(directory, 'data')}}}`,
      'http: {addr: "127.0.0.1:0"}\n',
    ].join('\n'),
  );
  const child = spawn(program, ['serve', config], { stdio: ['ignore', 'pipe', 'pipe'] });
  const log = accessLog(child.stdout);
  const ended = new Promise((resolve) => child.on('close', resolve));
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(directory, { recursive: true, force: true });
  };
  const host = await listeningAt(child);
  if (host !== undefined)
    return {
      host,
      cpuSeconds: () => cpuSecondsOf(child.pid),
      requests: () => log.requestsUntil(host),
      storedBytes: () => bytesBelow(join(directory, 'data')),
      stop,
    };
  await stop();
  throw new Error(`${program} did not start`);
}

function bytesBelow(directory) {
  if (!existsSync(directory)) return 0;
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return files.reduce((sum, { path, name }) => sum + statSync(join(path, name)).size, 0);
}

/** A line a request. What was asked for last stands last: whoever counts asks for something that nobody else does. */
function accessLog(stream) {
  let lines = 0;
  let marked = () => undefined;
  createInterface({ input: stream }).on('line', (line) => {
    lines++;
    if (line.includes('/v2/counted')) marked();
  });
  return {
    async requestsUntil(host) {
      const mark = new Promise((resolve) => (marked = resolve));
      await fetch(`http://${host}/v2/counted`);
      await mark;
      return lines;
    },
  };
}

/** It says where it listens, once it does. */
async function listeningAt(child) {
  for await (const line of createInterface({ input: child.stderr })) {
    const match = /listening on (127\.0\.0\.1:\d+)/.exec(line);
    if (match === null) continue;
    child.stderr.resume();
    return match[1];
  }
  return undefined;
}

/** Stores bytes as a blob; gives its digest and size. */
export async function putBlob({ host }, repository, bytes) {
  const digest = sha256(bytes);
  const opened = await fetch(`http://${host}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
  const url = new URL(opened.headers.get('location'), `http://${host}`);
  url.searchParams.set('digest', digest);
  await sent(url, { method: 'PUT', body: bytes, headers: { 'content-type': 'application/octet-stream' } });
  return { digest, size: bytes.length };
}

export async function putManifest({ host }, repository, tag, manifest) {
  await sent(`http://${host}/v2/${repository}/manifests/${tag}`, {
    method: 'PUT',
    body: JSON.stringify(manifest),
    headers: { 'content-type': manifest.mediaType },
  });
}

async function sent(url, request) {
  const answer = await fetch(url, request);
  if (answer.status !== 201) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
}

/** Throws unless a tag is this manifest and the registry has all of its blobs, byte for byte. */
export async function verifyImage({ host }, repository, tag, manifest) {
  const read = async (path) => {
    const answer = await fetch(`http://${host}/v2/${repository}/${path}`, {
      headers: { accept: manifest.mediaType },
    });
    return sha256(Buffer.from(await answer.arrayBuffer()));
  };
  const wrong = (what) => new Error(`${host}/${repository}:${tag}: ${what} is not what was copied`);
  if ((await read(`manifests/${tag}`)) !== sha256(JSON.stringify(manifest))) throw wrong('the manifest');
  for (const { digest } of [manifest.config, ...manifest.layers])
    if ((await read(`blobs/${digest}`)) !== digest) throw wrong(digest);
}

function sha256(bytes) {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
