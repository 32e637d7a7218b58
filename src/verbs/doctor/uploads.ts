import { NixpushError } from '../../base/errors.ts';
import type { RegistryResponse } from '../../stores/registry/client.ts';
import { abortUpload } from '../../stores/registry/upload/abort.ts';
import { getBlob } from '../../stores/registry/blob-get.ts';
import { systemClock } from '../../stores/registry/clock.ts';
import { UploadSession } from '../../stores/registry/upload/upload-session.ts';
import { answered, ask, attempt, isSuccess, reasonOf, type Subject } from './ask.ts';
import { no, notTried, unknown, yes, type Finding } from './finding.ts';
import type { Sample } from './sample.ts';

const STREAM = 'upload in one stream';
const SINGLE_PUT = 'upload in one PUT';
const CHUNKS = 'upload in chunks';
const STATUS = 'upload status';
const RESUME = 'resume after a break';
const CHUNK_SIZE = 'chunk size limits';
const MOUNT = 'cross-repository mount';
const PUSH = 'push';

/** How the registry takes blobs. Every upload that is begun is cancelled: nothing is stored. */
export async function probeUploads(subject: Subject, sample: Sample | undefined): Promise<Finding[]> {
  const opened = await open(subject);
  if (!(opened instanceof UploadSession)) {
    const others = [MOUNT, SINGLE_PUT, STREAM, CHUNKS, STATUS, RESUME, CHUNK_SIZE];
    return [opened, ...others.map((check) => notTried(check, 'no upload can be begun'))];
  }
  await abortUpload(subject, opened, CANCEL_MS);
  return [
    yes(PUSH),
    sample === undefined
      ? notTried(MOUNT, NO_SAMPLE)
      : await attempt(MOUNT, subject, () => probeMount(subject, sample)),
    sample === undefined || sample.blob.size > MOST_SAMPLE_BYTES
      ? notTried(SINGLE_PUT, NO_SAMPLE)
      : await tried(SINGLE_PUT, subject, (_subject, upload) => probeSinglePut(subject, upload, sample)),
    await tried(STREAM, subject, probeStream),
    ...(await probeChunks(subject)),
    await tried(RESUME, subject, probeResume),
    chunkLimits(opened),
  ];
}

const NO_SAMPLE = 'no image in the repository to try it with';
const MOST_SAMPLE_BYTES = 1024 * 1024;
const CANCEL_MS = 5000;
const NOTICE_MS = 300;

function startRequest({ repository }: Subject): {
  method: 'POST';
  path: string;
  headers: Record<string, string>;
} {
  return { method: 'POST', path: `/v2/${repository}/blobs/uploads/`, headers: { 'content-length': '0' } };
}

/** An upload, or why there is none. */
async function open(subject: Subject): Promise<UploadSession | Finding> {
  try {
    const response = await ask(subject, startRequest(subject));
    if (isSuccess(response)) return await UploadSession.opened(subject.client, response);
    const isMissing = response.status === 404;
    return no(PUSH, isMissing ? 'there is no such repository, and none is made (404)' : answered(response));
  } catch (error) {
    // The token server may be the one that refuses.
    return no(PUSH, reasonOf(error, subject.signal));
  }
}

/** A probe with an upload of its own, which is cancelled whatever happens. */
async function tried(
  check: string,
  subject: Subject,
  probe: (subject: Subject, session: UploadSession) => Promise<Finding>,
): Promise<Finding> {
  return attempt(check, subject, async () => {
    const session = await UploadSession.opened(subject.client, await ask(subject, startRequest(subject)));
    try {
      return await probe(subject, session);
    } finally {
      await abortUpload(subject, session, CANCEL_MS);
    }
  });
}

/** A blob that is here already is mounted from here: nothing changes, whatever comes of it. */
async function probeMount(subject: Subject, { blob }: Sample): Promise<Finding> {
  const { client, repository } = subject;
  const query = `mount=${blob.digest}&from=${encodeURIComponent(repository)}`;
  const response = await ask(subject, {
    ...startRequest(subject),
    path: `/v2/${repository}/blobs/uploads/?${query}`,
  });
  if (response.status === 201) return yes(MOUNT);
  if (response.status !== 202) return no(MOUNT, answered(response));
  await abortUpload(subject, await UploadSession.opened(client, response), CANCEL_MS);
  return no(MOUNT, 'it opens an upload instead');
}

const PIECE = Buffer.alloc(64 * 1024, 'nixpush doctor ');

/** Of a blob that is here already: with any other something would be left behind. */
async function probeSinglePut(subject: Subject, session: UploadSession, { blob }: Sample): Promise<Finding> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of getBlob(subject, blob, subject.signal)) chunks.push(chunk);
  const response = await ask(subject, {
    method: 'PUT',
    path: session.commitLocation(blob.digest),
    headers: { 'content-type': 'application/octet-stream' },
    body: Buffer.concat(chunks),
  });
  return isSuccess(response) ? yes(SINGLE_PUT) : no(SINGLE_PUT, answered(response));
}

async function probeStream(subject: Subject, session: UploadSession): Promise<Finding> {
  const response = await ask(subject, {
    method: 'PATCH',
    path: session.location,
    headers: { 'content-type': 'application/octet-stream' },
    body: async function* () {
      yield PIECE;
    },
  });
  if (!isSuccess(response)) return no(STREAM, answered(response));
  await session.follow(response);
  return yes(STREAM);
}

/** Two chunks, then the status. */
async function probeChunks(subject: Subject): Promise<Finding[]> {
  const findings: Finding[] = [];
  const last = await tried(CHUNKS, subject, async (_subject, session) => {
    const size = Math.max(PIECE.byteLength, session.chunkMin);
    for (const from of [0, size]) {
      const response = await sendChunk(subject, session, from, Buffer.alloc(size, 'x'));
      if (!isSuccess(response)) return no(CHUNKS, answered(response));
      await session.follow(response);
    }
    findings.push(yes(CHUNKS));
    return probeStatus(subject, session, 2 * size);
  });
  findings.push(last);
  return findings.length === 2 ? findings : [...findings, notTried(STATUS, 'no chunks')];
}

async function sendChunk(
  subject: Subject,
  session: UploadSession,
  from: number,
  chunk: Uint8Array,
): Promise<RegistryResponse> {
  return ask(subject, {
    method: 'PATCH',
    path: session.location,
    headers: {
      'content-type': 'application/octet-stream',
      'content-range': `${from}-${from + chunk.byteLength - 1}`,
    },
    body: chunk,
  });
}

async function probeStatus(subject: Subject, session: UploadSession, sent: number): Promise<Finding> {
  const response = await ask(subject, { method: 'GET', path: session.location });
  if (!isSuccess(response)) return no(STATUS, answered(response));
  await session.follow(response);
  const has = storedBytes(response);
  if (has === undefined) return unknown(STATUS, 'it does not say how much it has');
  return has === sent ? yes(STATUS) : yes(STATUS, `says ${has} bytes of ${sent}`);
}

/** From `Range: 0-N`, which is also how registries say that they have nothing yet. */
function storedBytes({ headers }: RegistryResponse): number | undefined {
  const end = /-(\d+)$/.exec(headers['range'] ?? '')?.[1];
  if (end === undefined) return undefined;
  return end === '0' ? 0 : Number(end) + 1;
}

/**
 * After a break a client knows only a Location from before it. So that is tried first, without a break: where it is
 * worth nothing (distribution 2.x), an upload that broke could not even be cancelled.
 */
async function probeResume(subject: Subject, session: UploadSession): Promise<Finding> {
  const before = session.location;
  const sent = await sendChunk(subject, session, 0, PIECE);
  if (!isSuccess(sent)) return notTried(RESUME, 'no chunks');
  await session.follow(sent);
  const status = await ask(subject, { method: 'GET', path: before });
  if (!isSuccess(status)) return no(RESUME, `${answered(status)} when asked how far it is`);
  await session.follow(status);
  await breakOff(subject, session);
  return goOn(subject, session);
}

/** The connection is cut in the middle of a body. */
async function breakOff(subject: Subject, session: UploadSession): Promise<void> {
  const cut = new NixpushError('ERR_ABORTED', 'cut on purpose');
  const body = async function* (): AsyncGenerator<Uint8Array> {
    yield PIECE;
    throw cut;
  };
  const headers = { 'content-type': 'application/octet-stream' };
  await ask(subject, { method: 'PATCH', path: session.location, headers, body }).catch((error: unknown) => {
    if (error !== cut) throw error;
  });
  // The registry needs a moment to notice.
  await systemClock.sleep(NOTICE_MS, subject.signal);
}

async function goOn(subject: Subject, session: UploadSession): Promise<Finding> {
  const status = await ask(subject, { method: 'GET', path: session.location });
  if (!isSuccess(status)) return no(RESUME, `${answered(status)} when asked how far it is`);
  await session.follow(status);
  const has = storedBytes(status);
  if (has === undefined) return no(RESUME, 'it does not say how much it has');
  const rest = await sendChunk(subject, session, has, PIECE);
  if (!isSuccess(rest)) return no(RESUME, `${answered(rest)} to the rest`);
  await session.follow(rest);
  return yes(RESUME);
}

function chunkLimits({ chunkMin, chunkMax }: UploadSession): Finding {
  const limits = [
    ...(chunkMin > 0 ? [`at least ${chunkMin} bytes`] : []),
    ...(Number.isFinite(chunkMax) ? [`at most ${chunkMax} bytes`] : []),
  ];
  return limits.length === 0 ? no(CHUNK_SIZE, 'none is told') : yes(CHUNK_SIZE, limits.join(', '));
}
