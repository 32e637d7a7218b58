import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { digestHex, sha256, type Digest } from '../../../src/base/digest.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../../../src/image/media-types.ts';
import { bytesSource } from '../../../src/stores/bytes-source.ts';
import type { BlobId } from '../../../src/stores/image-store.ts';
import { REF_NAME } from '../../../src/stores/layout/layout-index.ts';
import { openLayout, type LayoutStore } from '../../../src/stores/layout/layout-store.ts';
import { needs } from '../../support/peers.ts';
import { schemaErrors } from '../../support/schemas.ts';
import { putSmallImage, streamedSource } from '../../support/small-image.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

async function newLayout(t: TestContext): Promise<{ directory: string; store: LayoutStore }> {
  const directory = join(temporaryDirectory(t), 'layout');
  return { directory, store: await openLayout(directory, { create: true }) };
}

interface Entry {
  digest: string;
  annotations?: Record<string, string>;
}

function entries(directory: string): Entry[] {
  const { manifests } = JSON.parse(readFileSync(join(directory, 'index.json'), 'utf8')) as {
    manifests: Entry[];
  };
  return manifests;
}

function tags(directory: string): (string | undefined)[] {
  return entries(directory).map(({ annotations }) => annotations?.[REF_NAME]);
}

function pathOf(directory: string, digest: Digest): string {
  return join(directory, 'blobs/sha256', digestHex(digest));
}

/** All file names below the directory that are not those of a finished layout. */
function strayFiles(directory: string): string[] {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter(
    (entry) => !entry.isDirectory(),
  );
  return files
    .map(({ name }) => name)
    .filter((name) => !/^(oci-layout|index\.json|[0-9a-f]{64})$/.test(name));
}

async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

test('opening a missing directory for writing makes nothing yet', async (t) => {
  const { directory, store } = await newLayout(t);
  assert.deepEqual(await store.listTags(), []);
  assert.equal(await store.headManifest('latest'), undefined);
  assert.equal(await store.hasBlob({ digest: sha256('x'), size: 1 }), false);
  assert.equal(existsSync(directory), false);
});

test('an image that was put is found by tag and by digest, byte for byte', async (t) => {
  const { directory, store } = await newLayout(t);
  const manifest = await putSmallImage(store, 'hi', 'latest', 'v1');
  const reopened = await openLayout(directory);
  for (const reference of ['latest', 'v1', manifest.descriptor.digest]) {
    const found = await reopened.getManifest(reference);
    assert.deepEqual(found.descriptor, manifest.descriptor);
    assert.deepEqual(Buffer.from(found.bytes), manifest.bytes);
    assert.deepEqual(await reopened.headManifest(reference), manifest.descriptor);
  }
  assert.deepEqual(await reopened.listTags(), ['latest', 'v1']);
});

test('the layout fits the schemas of image-spec and holds nothing else', async (t) => {
  const { directory, store } = await newLayout(t);
  await putSmallImage(store, 'hi', 'latest', 'v1');
  assert.deepEqual(schemaErrors('image-layout-schema', readFileSync(join(directory, 'oci-layout'))), []);
  assert.deepEqual(schemaErrors('image-index-schema', readFileSync(join(directory, 'index.json'))), []);
  assert.deepEqual(strayFiles(directory), []);
  assert.deepEqual(readdirSync(directory).sort(), ['blobs', 'index.json', 'oci-layout']);
});

test('a layout is valid before the first tag', async (t) => {
  const { directory, store } = await newLayout(t);
  await store.putBlob(bytesSource('blob', Buffer.from('x')));
  assert.deepEqual(schemaErrors('image-index-schema', readFileSync(join(directory, 'index.json'))), []);
  assert.deepEqual(entries(directory), []);
});

test('a tag that moves replaces its own entry where it stands and no other', async (t) => {
  const { directory, store } = await newLayout(t);
  const old = await putSmallImage(store, 'old', 'a', 'b', 'c');
  const moved = await putSmallImage(store, 'new', 'b');
  assert.deepEqual(tags(directory), ['a', 'b', 'c']);
  const [a, b, c] = entries(directory);
  assert.deepEqual(
    [a?.digest, b?.digest, c?.digest],
    [old, moved, old].map(({ descriptor }) => descriptor.digest),
  );
});

test('an image without a tag keeps one untagged entry', async (t) => {
  const { directory, store } = await newLayout(t);
  const { descriptor } = await putSmallImage(store, 'hi');
  await putSmallImage(store, 'hi');
  assert.deepEqual(entries(directory), [{ ...descriptor }]);
  await putSmallImage(store, 'hi', 'latest');
  assert.deepEqual(tags(directory), [undefined, 'latest']);
});

test('what others wrote into index.json is kept', async (t) => {
  const { directory, store } = await newLayout(t);
  await putSmallImage(store, 'one', 'one');
  const path = join(directory, 'index.json');
  const index = JSON.parse(readFileSync(path, 'utf8')) as { manifests: object[] };
  const foreign = { ...index.manifests[0], annotations: { 'x.y': 'z' }, artifactType: 'a/b', future: [1] };
  writeFileSync(
    path,
    JSON.stringify({ ...index, manifests: [foreign, ...index.manifests], annotations: { k: 'v' }, more: 1 }),
  );
  await putSmallImage(store, 'two', 'two');
  const changed = JSON.parse(readFileSync(path, 'utf8')) as typeof index & {
    annotations: object;
    more: number;
  };
  assert.deepEqual(changed.manifests[0], foreign);
  assert.deepEqual([changed.annotations, changed.more], [{ k: 'v' }, 1]);
  assert.deepEqual(tags(directory), [undefined, 'one', 'two']);
});

test('a blob whose digest is known afterwards is stored under it', async (t) => {
  const { directory, store } = await newLayout(t);
  const parts = [Buffer.alloc(700_000, 1), Buffer.alloc(10, 2)];
  const digest = sha256(Buffer.concat(parts));
  const counted: number[] = [];
  const result = await store.putBlob(streamedSource(parts), { onBytes: (delta) => counted.push(delta) });
  assert.deepEqual(result, { digest, size: 700_010, outcome: 'uploaded', sentBytes: 700_010 });
  assert.deepEqual(counted, [700_000, 10]);
  assert.deepEqual(await readAll(store.getBlob(result)), Buffer.concat(parts));
  assert.equal(statSync(pathOf(directory, digest)).size, 700_010);
});

test('a blob that is there is not read again', async (t) => {
  const { store } = await newLayout(t);
  const source = streamedSource([Buffer.from('x')]);
  await store.putBlob(source);
  assert.deepEqual(await store.putBlob(source), { ...source.id, outcome: 'exists', sentBytes: 0 });
  assert.equal(source.passes, 1);
});

test('a blob file of another size is written again', async (t) => {
  const { directory, store } = await newLayout(t);
  const blob = await store.putBlob(bytesSource('blob', Buffer.from('content')));
  truncateSync(pathOf(directory, blob.digest), 3);
  assert.equal(await store.hasBlob(blob), false);
  assert.equal((await store.putBlob(bytesSource('blob', Buffer.from('content')))).outcome, 'uploaded');
  assert.equal((await readAll(store.getBlob(blob))).toString(), 'content');
});

test('the empty blob is stored', async (t) => {
  const { store } = await newLayout(t);
  const blob = await store.putBlob(bytesSource('empty', Buffer.alloc(0)));
  assert.deepEqual(await readAll(store.getBlob(blob)), Buffer.alloc(0));
});

test('a source that keeps not to its promise is refused and leaves nothing', async (t) => {
  const { directory, store } = await newLayout(t);
  const honest = bytesSource('layer 3', Buffer.from('what comes'));
  const promises: BlobId[] = [
    { digest: sha256('something else'), size: honest.id!.size },
    { digest: honest.id!.digest, size: 5 },
  ];
  for (const id of promises) {
    await assert.rejects(store.putBlob({ ...honest, id }), {
      code: 'ERR_INTEGRITY',
      message: /^layer 3 came as/,
    });
    assert.equal(existsSync(pathOf(directory, id.digest)), false);
  }
  assert.deepEqual(strayFiles(directory), []);
});

test('a source that fails half-way leaves nothing, and its error passes unchanged', async (t) => {
  const { directory, store } = await newLayout(t);
  const failure = new Error('the store path was deleted');
  const source = streamedSource([Buffer.alloc(10), Buffer.alloc(10)], (index) => {
    if (index === 1) throw failure;
  });
  await assert.rejects(store.putBlob(source), failure);
  assert.deepEqual(strayFiles(directory), []);
  assert.deepEqual(readdirSync(join(directory, 'blobs/sha256')), []);
});

test('an abort half-way leaves nothing and is reported as such', async (t) => {
  const { directory, store } = await newLayout(t);
  const controller = new AbortController();
  const source = streamedSource([Buffer.alloc(10), Buffer.alloc(10)], (index) => {
    if (index === 1) controller.abort();
  });
  await assert.rejects(store.putBlob(source, { signal: controller.signal }), { code: 'ERR_ABORTED' });
  assert.deepEqual(strayFiles(directory), []);
  assert.deepEqual(readdirSync(join(directory, 'blobs/sha256')), []);
});

test('after an abort no tag moves', async (t) => {
  const { directory, store } = await newLayout(t);
  const manifest = await putSmallImage(store, 'hi', 'latest');
  const signal = AbortSignal.abort();
  await assert.rejects(store.putManifest(manifest, ['next'], { signal }), { code: 'ERR_ABORTED' });
  assert.deepEqual(tags(directory), ['latest']);
});

test('reading a damaged blob fails at its end, or at once if the size is wrong', async (t) => {
  const { directory, store } = await newLayout(t);
  const blob = await store.putBlob(bytesSource('blob', Buffer.from('content')));
  writeFileSync(pathOf(directory, blob.digest), 'CONTENT');
  await assert.rejects(readAll(store.getBlob(blob)), { code: 'ERR_INTEGRITY', message: /other content/ });
  writeFileSync(pathOf(directory, blob.digest), 'content and more');
  const chunks = store.getBlob(blob)[Symbol.asyncIterator]();
  await assert.rejects(chunks.next(), { code: 'ERR_INTEGRITY', message: /16 bytes instead of 7/ });
});

test('reading a blob stops when the caller aborts', async (t) => {
  const { store } = await newLayout(t);
  const blob = await store.putBlob(bytesSource('blob', Buffer.alloc(600_000)));
  const controller = new AbortController();
  const chunks = store.getBlob(blob, { signal: controller.signal })[Symbol.asyncIterator]();
  await chunks.next();
  controller.abort();
  await assert.rejects(chunks.next(), { code: 'ERR_ABORTED' });
});

test('a missing blob is not found', async (t) => {
  const { store } = await newLayout(t);
  await assert.rejects(readAll(store.getBlob({ digest: sha256('x'), size: 1 })), { code: 'ERR_NOT_FOUND' });
});

test('a damaged manifest is refused', async (t) => {
  const { directory, store } = await newLayout(t);
  const { descriptor } = await putSmallImage(store, 'hi', 'latest');
  const path = pathOf(directory, descriptor.digest);
  writeFileSync(path, readFileSync(path, 'utf8').replace('sha256', 'sha512'));
  await assert.rejects(store.getManifest('latest'), { code: 'ERR_INTEGRITY', digest: descriptor.digest });
});

test('an entry of index.json that lies about the size is refused', async (t) => {
  const { directory, store } = await newLayout(t);
  const { descriptor } = await putSmallImage(store, 'hi', 'latest');
  const path = join(directory, 'index.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace(`"size":${descriptor.size}`, '"size":7'));
  await assert.rejects(store.getManifest('latest'), { code: 'ERR_INTEGRITY', message: /instead of 7/ });
});

test('a symbolic link is not followed, whatever it leads to', async (t) => {
  const { directory, store } = await newLayout(t);
  const { descriptor } = await putSmallImage(store, 'hi', 'latest');
  const path = pathOf(directory, descriptor.digest);
  renameSync(path, join(directory, 'outside'));
  symlinkSync(join(directory, 'outside'), path);
  assert.equal(await store.hasBlob(descriptor), false);
  await assert.rejects(readAll(store.getBlob(descriptor)), {
    code: 'ERR_FORMAT',
    message: /not a regular file/,
  });
  await assert.rejects(store.getManifest('latest'), { code: 'ERR_FORMAT' });
});

test('a FIFO in place of a blob does not make the reader wait', needs('mkfifo'), async (t) => {
  const { directory, store } = await newLayout(t);
  await store.putBlob(bytesSource('blob', Buffer.from('x')));
  execFileSync('mkfifo', [pathOf(directory, sha256('y'))]);
  await assert.rejects(readAll(store.getBlob({ digest: sha256('y'), size: 0 })), { code: 'ERR_FORMAT' });
});

test('a digest that would lead out of the directory is refused', async (t) => {
  const { store } = await newLayout(t);
  const digest = 'sha256:../../../../etc/passwd' as Digest;
  await assert.rejects(store.hasBlob({ digest, size: 1 }), { code: 'ERR_FORMAT' });
  await assert.rejects(readAll(store.getBlob({ digest, size: 1 })), { code: 'ERR_FORMAT' });
  await assert.rejects(store.getManifest(digest), { code: 'ERR_NOT_FOUND' });
});

test('an index.json with a digest that would lead out of the directory is refused', async (t) => {
  const { directory, store } = await newLayout(t);
  const { descriptor } = await putSmallImage(store, 'hi', 'latest');
  const path = join(directory, 'index.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace(descriptor.digest, 'sha256:../../x'));
  await assert.rejects(store.getManifest('latest'), {
    code: 'ERR_FORMAT',
    message: /index\.json: manifest 1/,
  });
});

test('an index.json that is no index is refused, and null is read as an empty list', async (t) => {
  const { directory, store } = await newLayout(t);
  await putSmallImage(store, 'hi', 'latest');
  const path = join(directory, 'index.json');
  for (const text of ['{', '[]', '{"manifests":[]}', '{"schemaVersion":2,"manifests":[],"layers":[]}']) {
    writeFileSync(path, text);
    await assert.rejects(store.listTags(), { code: 'ERR_FORMAT' }, text);
  }
  writeFileSync(path, '{"schemaVersion":2,"manifests":null}');
  assert.deepEqual(await store.listTags(), []);
});

test('a layout without index.json has no tags, and gets one with the next image', async (t) => {
  const { directory, store } = await newLayout(t);
  await putSmallImage(store, 'hi', 'old');
  rmSync(join(directory, 'index.json'));
  assert.deepEqual(await store.listTags(), []);
  await putSmallImage(await openLayout(directory, { create: true }), 'hi', 'new');
  assert.deepEqual(tags(directory), ['new']);
});

test('a sha512 digest is checked and stored as such', async (t) => {
  const { directory, store } = await newLayout(t);
  const bytes = Buffer.from('content');
  const hex = createHash('sha512').update(bytes).digest('hex');
  const id: BlobId = { digest: `sha512:${hex}`, size: bytes.byteLength };
  await store.putBlob({ ...bytesSource('blob', bytes), id });
  assert.deepEqual(await readAll(store.getBlob(id)), bytes);
  assert.deepEqual(readdirSync(join(directory, 'blobs/sha512')), [hex]);
});

test('a manifest that nobody would read again for its size is not put', async (t) => {
  const { store } = await newLayout(t);
  const bytes = Buffer.alloc(8 * 1024 * 1024 + 1, ' ');
  const descriptor = { mediaType: OCI_MANIFEST, digest: sha256(bytes), size: bytes.byteLength };
  await assert.rejects(store.putManifest({ descriptor, bytes }, ['x']), { code: 'ERR_FORMAT' });
  assert.equal(await store.hasBlob(descriptor), false);
});

test('files beyond their limits are refused unread', async (t) => {
  const { directory, store } = await newLayout(t);
  const { descriptor } = await putSmallImage(store, 'hi', 'latest');
  truncateSync(pathOf(directory, descriptor.digest), 8 * 1024 * 1024 + 1);
  await assert.rejects(store.getManifest('latest'), {
    code: 'ERR_FORMAT',
    message: /larger than 8388608 bytes/,
  });
  truncateSync(join(directory, 'index.json'), 16 * 1024 * 1024 + 1);
  await assert.rejects(store.listTags(), { code: 'ERR_FORMAT', message: /larger than 16777216 bytes/ });
});

test('the manifests of an index are found by digest, with the type of their form', async (t) => {
  const { store } = await newLayout(t);
  const { descriptor, bytes } = await putSmallImage(store, 'hi');
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [descriptor] }));
  const child = Buffer.from(Buffer.from(bytes).toString().replace(`"mediaType":"${OCI_MANIFEST}",`, ''));
  await store.putBlob(bytesSource('child', child));
  await store.putBlob(bytesSource('index', index));
  assert.equal((await store.getManifest(sha256(child))).descriptor.mediaType, OCI_MANIFEST);
  assert.equal((await store.headManifest(sha256(index)))?.mediaType, OCI_INDEX);
  assert.equal(await store.headManifest(sha256('neither')), undefined);
});

test('a tag that is not there is not found, with the tags that are', async (t) => {
  const { store } = await newLayout(t);
  await putSmallImage(store, 'hi', 'latest');
  await assert.rejects(store.getManifest('lates'), { code: 'ERR_NOT_FOUND', hint: 'It has latest.' });
});

test('what cannot be a tag is refused before anything is written', async (t) => {
  const { directory, store } = await newLayout(t);
  for (const tag of ['', 'a b', '-x', 'ä', 'x\n', sha256('x'), 'x'.repeat(256)]) {
    await assert.rejects(putSmallImage(store, 'hi', 'ok', tag), { code: 'ERR_USAGE' }, tag);
  }
  assert.deepEqual(entries(directory), []);
});

test('a directory with other content is refused and left alone', async (t) => {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, 'thesis.txt'), '');
  await assert.rejects(openLayout(directory, { create: true }), {
    code: 'ERR_FORMAT',
    message: /with other content/,
  });
  assert.deepEqual(readdirSync(directory), ['thesis.txt']);
});

test('an empty directory becomes a layout, but is none to read', async (t) => {
  const directory = temporaryDirectory(t);
  await assert.rejects(openLayout(directory), { code: 'ERR_NOT_FOUND', message: /is not an image layout/ });
  await assert.rejects(openLayout(join(directory, 'x')), { code: 'ERR_NOT_FOUND' });
  await putSmallImage(await openLayout(directory, { create: true }), 'hi', 'latest');
  assert.deepEqual(tags(directory), ['latest']);
});

test('a file in place of the directory is refused', async (t) => {
  const file = join(temporaryDirectory(t), 'file');
  writeFileSync(file, '');
  await assert.rejects(openLayout(file, { create: true }), {
    code: 'ERR_IO',
    message: `cannot read oci:${file}: a part of the path is not a directory`,
  });
});

test('a layout of another version, or a broken one, is refused', async (t) => {
  const { directory, store } = await newLayout(t);
  await putSmallImage(store, 'hi', 'latest');
  for (const text of ['{"imageLayoutVersion":"2.0.0"}', '{}', 'null', '{']) {
    writeFileSync(join(directory, 'oci-layout'), text);
    await assert.rejects(openLayout(directory, { create: true }), { code: 'ERR_FORMAT' }, text);
  }
});

test('what killed processes left is removed when it is old, and kept when it may be in use', async (t) => {
  const { directory, store } = await newLayout(t);
  await putSmallImage(store, 'hi', 'latest');
  for (const name of ['.nixpush-old.tmp', '.nixpush-new.tmp', 'old.tmp'])
    writeFileSync(join(directory, name), 'part');
  const dayAgo = new Date(Date.now() - 86_400_000);
  for (const name of ['.nixpush-old.tmp', 'old.tmp']) utimesSync(join(directory, name), dayAgo, dayAgo);
  await putSmallImage(await openLayout(directory, { create: true }), 'new', 'latest');
  assert.deepEqual(strayFiles(directory).sort(), ['.nixpush-new.tmp', 'old.tmp']);
});

test('a lock that is old is broken, whoever made it', async (t) => {
  const { directory, store } = await newLayout(t);
  mkdirSync(directory);
  const lock = join(directory, '.nixpush-lock');
  writeFileSync(lock, '');
  const dayAgo = new Date(Date.now() - 86_400_000);
  utimesSync(lock, dayAgo, dayAgo);
  await putSmallImage(store, 'hi', 'latest');
  assert.deepEqual(tags(directory), ['latest']);
  assert.deepEqual(strayFiles(directory), []);
});

/** Leaves a lock that never grows old: only that its process is gone tells that it is stale. */
async function leaveLockOfKilledProcess(directory: string): Promise<void> {
  mkdirSync(directory);
  const lock = join(directory, '.nixpush-lock');
  const module = new URL('../../../src/stores/layout/lock.js', import.meta.url).href;
  const script = `const { withLock } = await import(${JSON.stringify(module)});
    await withLock(${JSON.stringify(lock)}, () => process.kill(process.pid, 'SIGKILL'));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL']);
  const tomorrow = new Date(Date.now() + 86_400_000);
  utimesSync(lock, tomorrow, tomorrow);
}

test('the lock of a killed process is broken', async (t) => {
  const { directory, store } = await newLayout(t);
  await leaveLockOfKilledProcess(directory);
  await putSmallImage(store, 'hi', 'latest');
  assert.deepEqual(tags(directory), ['latest']);
  assert.deepEqual(strayFiles(directory), []);
});

test('waiting for a lock ends with the caller’s abort', async (t) => {
  const { directory, store } = await newLayout(t);
  const manifest = await putSmallImage(store, 'hi', 'latest');
  writeFileSync(join(directory, '.nixpush-lock'), '');
  const signal = AbortSignal.timeout(1);
  await assert.rejects(store.putManifest(manifest, ['next'], { signal }), { code: 'ERR_ABORTED' });
  assert.deepEqual(tags(directory), ['latest']);
});

test('eight processes that put three tags each at the same time, after one was killed, lose none', async (t) => {
  const directory = join(temporaryDirectory(t), 'layout');
  await leaveLockOfKilledProcess(directory);
  const worker = join(import.meta.dirname, '../../support/layout-worker.js');
  const expected = Array.from({ length: 24 }, (_, tag) => `t${String(tag).padStart(2, '0')}`);
  const exits = Array.from({ length: 8 }, async (_, process_) => {
    const own = expected.filter((_, tag) => tag % 8 === process_);
    const child = spawn(process.execPath, [worker, directory, ...own], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return (await once(child, 'exit'))[0] as number;
  });
  assert.deepEqual(
    await Promise.all(exits),
    Array.from({ length: 8 }, () => 0),
  );
  assert.deepEqual(await (await openLayout(directory)).listTags(), expected);
  assert.deepEqual(strayFiles(directory), []);
});

test('many tags put at the same time through one store are all there', async (t) => {
  const { directory, store } = await newLayout(t);
  const expected = Array.from({ length: 20 }, (_, tag) => `t${String(tag).padStart(2, '0')}`);
  await Promise.all(expected.map((tag) => putSmallImage(store, tag, tag)));
  assert.deepEqual(await store.listTags(), expected);
  assert.deepEqual(strayFiles(directory), []);
});

/** A file system of its own, which can be full. */
function smallDisk(t: TestContext, bytes: number): string {
  const directory = mkdtempSync(join(tmpdir(), 'nixpush-test-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'nixpush-test', directory]);
  t.after(() => {
    execFileSync('umount', [directory]);
    rmdirSync(directory);
  });
  return directory;
}

function canMount(): { skip?: string } {
  const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
  if (!isRoot) return { skip: 'needs root on Linux, for a small disk' };
  return needs('mount', 'umount');
}

test('a full disk is named, leaves no partial file and moves no tag', canMount(), async (t) => {
  const directory = join(smallDisk(t, 1024 * 1024), 'layout');
  const store = await openLayout(directory, { create: true });
  await putSmallImage(store, 'hi', 'latest');
  const source = streamedSource(Array.from({ length: 32 }, () => Buffer.alloc(64 * 1024)));
  await assert.rejects(store.putBlob(source), {
    code: 'ERR_IO',
    message: `cannot write oci:${directory}: no space left on the disk`,
  });
  assert.deepEqual(strayFiles(directory), []);
  assert.deepEqual(tags(directory), ['latest']);
});

test(
  'a disk that is full when the tag should move keeps the old index and no lock',
  canMount(),
  async (t) => {
    const disk = smallDisk(t, 1024 * 1024);
    const directory = join(disk, 'layout');
    const store = await openLayout(directory, { create: true });
    const manifest = await putSmallImage(store, 'hi', 'latest');
    assert.throws(() => writeFileSync(join(disk, 'filler'), Buffer.alloc(2 * 1024 * 1024)), {
      code: 'ENOSPC',
    });
    const before = readFileSync(join(directory, 'index.json'), 'utf8');
    await assert.rejects(store.putManifest(manifest, ['next']), {
      code: 'ERR_IO',
      message: /no space left on the disk$/,
    });
    assert.equal(readFileSync(join(directory, 'index.json'), 'utf8'), before);
    rmSync(join(disk, 'filler'));
    assert.deepEqual(strayFiles(directory), []);
  },
);

test('skopeo lists and copies what was put', needs('skopeo'), async (t) => {
  const { directory, store } = await newLayout(t);
  const { descriptor } = await putSmallImage(store, 'hi', 'latest', 'v1');
  await putSmallImage(store, 'other', 'v2');
  const inspected = JSON.parse(
    execFileSync('skopeo', ['inspect', `oci:${directory}:v1`], { encoding: 'utf8' }),
  ) as Record<string, unknown>;
  assert.deepEqual(
    [inspected['Digest'], inspected['Os'], inspected['Architecture']],
    [descriptor.digest, 'linux', 'amd64'],
  );
  const copy = `${directory}-copy`;
  execFileSync('skopeo', [
    '--insecure-policy',
    'copy',
    '--preserve-digests',
    `oci:${directory}:latest`,
    `oci:${copy}:copied`,
  ]);
  assert.deepEqual((await (await openLayout(copy)).getManifest('copied')).descriptor, descriptor);
});

test('an image that skopeo put is read, and stays when another is added', needs('skopeo'), async (t) => {
  const { directory, store } = await newLayout(t);
  const { descriptor } = await putSmallImage(store, 'hi', 'latest');
  const copy = `${directory}-copy`;
  execFileSync('skopeo', [
    '--insecure-policy',
    'copy',
    '--preserve-digests',
    `oci:${directory}:latest`,
    `oci:${copy}:theirs`,
  ]);
  const mixed = await openLayout(copy, { create: true });
  const ours = await putSmallImage(mixed, 'ours', 'ours');
  assert.deepEqual((await mixed.getManifest('theirs')).descriptor, descriptor);
  const raw = execFileSync('skopeo', ['inspect', '--raw', `oci:${copy}:ours`]);
  assert.deepEqual(raw, ours.bytes);
});

test('umoci lists and unpacks what was put', needs('umoci'), async (t) => {
  const { directory, store } = await newLayout(t);
  await putSmallImage(store, 'unpacked text', 'latest');
  assert.equal(execFileSync('umoci', ['ls', '--layout', directory], { encoding: 'utf8' }), 'latest\n');
  const bundle = `${directory}-bundle`;
  execFileSync('umoci', ['unpack', '--rootless', '--image', `${directory}:latest`, bundle]);
  assert.equal(readFileSync(join(bundle, 'rootfs/hello'), 'utf8'), 'unpacked text');
});
