import { randomUUID } from 'node:crypto';
import { isDigest, sha256 } from '../base/digest.ts';
import type { HeldSession } from './content.ts';
import { digestHeaderOf } from './digest-header.ts';
import type { UploadCall } from './upload-call.ts';
import { locationOf, rangeOf } from './upload-headers.ts';

/** POST: a new session (distribution-spec, end-4a). */
export function startUpload(call: UploadCall): void {
  const { exchange, repository, quirks } = call;
  const session = repository.openSession();
  exchange.answer(202, {
    location: locationOf(call, session, true),
    range: rangeOf(session, quirks),
    'oci-chunk-min-length': quirks.minChunk?.toString(),
    'oci-chunk-max-length': quirks.maxChunk?.toString(),
  });
}

/** POST with `mount` and `from` (end-11): 201 if the blob could be mounted, else a session as usual. */
export function mountBlob(call: UploadCall): void {
  const { exchange, content, repository, quirks } = call;
  const mount = quirks.mount ?? 'supported';
  const digest = exchange.url.searchParams.get('mount') ?? '';
  const blob = content.repository(exchange.url.searchParams.get('from') ?? '').blobs.get(digest);
  if (typeof mount === 'number') exchange.refuse(mount, mount === 400 ? 'NAME_INVALID' : 'DENIED');
  else if (mount === 'ignored' || blob === undefined) startUpload(call);
  else {
    repository.blobs.set(digest, blob);
    exchange.answer(201, {
      location: `/v2/${call.repositoryName}/blobs/${digest}`,
      ...digestHeaderOf(digest, quirks),
    });
  }
}

/** PATCH: more bytes for a session (end-5). */
export async function appendToUpload(call: UploadCall): Promise<void> {
  const { exchange, quirks } = call;
  const session = liveSession(call, true);
  if (session === undefined || isPatchRefused(call, session)) return;
  const skip = bytesToSkip(call, session);
  if (skip === undefined) {
    exchange.refuse(416, 'RANGE_INVALID', `the session ends at byte ${session.size}`, {
      location: locationOf(call, session),
      range: rangeOf(session, quirks),
    });
    return;
  }
  if (!(await receive(call, session, skip))) return;
  exchange.answer(quirks.patchStatus ?? 202, {
    location: locationOf(call, session),
    range: rangeOf(session, quirks),
  });
}

/** PUT: the end of an upload, or all of it (end-4b, end-6). */
export async function finishUpload(call: UploadCall): Promise<void> {
  const { exchange, repository, quirks } = call;
  const session = liveSession(call, true);
  if (session === undefined) return;
  const carriesBytes = exchange.length !== 0;
  if (carriesBytes && quirks.monolithicRefused !== undefined) {
    exchange.refuse(quirks.monolithicRefused, 'UNSUPPORTED');
    return;
  }
  if (carriesBytes && isBodyRefused(call)) return;
  if (!(await receive(call, session, 0))) return;
  const asked = exchange.url.searchParams.get('digest');
  const bytes = Buffer.concat(session.pieces);
  const actual = sha256(bytes);
  repository.sessions.delete(session.id);
  if (!isDigest(asked) || (actual !== asked && quirks.wrongDigestAccepted !== true)) {
    exchange.refuse(400, 'DIGEST_INVALID', `the bytes have the digest ${actual}`);
    return;
  }
  repository.blobs.set(asked, bytes);
  exchange.answer(quirks.commitStatus ?? 201, {
    location: `/v2/${call.repositoryName}/blobs/${asked}`,
    ...digestHeaderOf(actual, quirks),
  });
}

/** GET: how far a session is (end-13). */
export function uploadStatus(call: UploadCall): void {
  const { exchange, quirks } = call;
  if (quirks.statusRefused !== undefined) {
    exchange.answer(quirks.statusRefused, {}, 'not supported');
    return;
  }
  const session = liveSession(call, quirks.stateInLocation !== 'status');
  if (session === undefined) return;
  exchange.answer(204, {
    location: quirks.statusWithoutLocation === true ? undefined : locationOf(call, session),
    range: rangeOf(session, quirks, true),
  });
}

/** DELETE: gives a session up (end-14). */
export function cancelUpload(call: UploadCall): void {
  const { exchange, repository, quirks } = call;
  if (quirks.deleteRefused !== undefined) exchange.refuse(quirks.deleteRefused, 'UNSUPPORTED');
  else if (repository.sessions.delete(call.session)) exchange.answer(204);
  else exchange.refuse(404, 'BLOB_UPLOAD_UNKNOWN');
}

/** The session the Location stands for; answers 404 if it is gone or the Location has gone stale. */
function liveSession(call: UploadCall, checkState: boolean): HeldSession | undefined {
  const { exchange, repository, quirks } = call;
  const session = repository.sessions.get(call.session);
  if (session === undefined) {
    exchange.refuse(404, 'BLOB_UPLOAD_UNKNOWN');
    return undefined;
  }
  const { search, searchParams } = exchange.url;
  const stale =
    checkState && quirks.stateInLocation !== undefined && searchParams.get('_state') !== String(session.size);
  const forged = quirks.signedLocation === true && !search.includes(`sig=a%2Fb+${session.key}`);
  if (stale || forged) {
    exchange.refuse(404, 'BLOB_UPLOAD_INVALID');
    return undefined;
  }
  session.key = randomUUID();
  return session;
}

function isPatchRefused(call: UploadCall, session: HeldSession): boolean {
  const { exchange, quirks } = call;
  const { length } = exchange;
  const ranged = exchange.header('content-range') !== undefined;
  const previous = session.lastLength;
  if (quirks.patchRefused !== undefined) exchange.refuse(quirks.patchRefused, 'UNSUPPORTED');
  else if (ranged && (length ?? 0) > (quirks.maxRangedBody ?? Number.POSITIVE_INFINITY)) {
    exchange.refuse(416, 'RANGE_INVALID', 'chunk exceeds the maximum permissible limit');
  } else if (previous !== undefined && previous < (quirks.minChunk ?? 0)) {
    exchange.refuse(400, 'BLOB_UPLOAD_INVALID', 'a chunk before the last was too small');
  } else return isBodyRefused(call);
  return true;
}

function isBodyRefused({ exchange, quirks }: UploadCall): boolean {
  const { length } = exchange;
  const most = Math.min(
    quirks.maxBody ?? Number.POSITIVE_INFINITY,
    quirks.maxChunk ?? Number.POSITIVE_INFINITY,
  );
  if (length === undefined && quirks.unsizedRefused !== undefined) {
    exchange.answer(quirks.unsizedRefused, {}, 'Length Required');
  } else if ((length ?? 0) > most) exchange.answer(413, {}, 'Request Entity Too Large');
  else return false;
  return true;
}

/** Bytes of the body that the session has already; undefined if the range does not fit. */
function bytesToSkip({ exchange, quirks }: UploadCall, session: HeldSession): number | undefined {
  const text = exchange.header('content-range');
  const policy = quirks.contentRange ?? 'validate';
  if (policy === 'ignore' || (text === undefined && policy === 'validate')) return 0;
  const [, first, last] = /^(\d+)-(\d+)$/.exec(text ?? '0-0') ?? [];
  if (first === undefined || last === undefined) return undefined;
  const wrongLength = text !== undefined && Number(last) - Number(first) + 1 !== exchange.length;
  const skip = session.size - Number(first);
  if (wrongLength || skip < 0 || (policy === 'validate' && skip !== 0)) return undefined;
  return skip;
}

/** Takes the body in. False if it broke off or grew too long; what arrived is kept, as real registries do. */
async function receive(call: UploadCall, session: HeldSession, skip: number): Promise<boolean> {
  const { exchange, repository, quirks } = call;
  const most = quirks.maxBody ?? Number.POSITIVE_INFINITY;
  const start = session.size;
  let toSkip = skip;
  let whole = false;
  try {
    whole = await exchange.readBody((piece) => {
      const fresh = piece.subarray(toSkip);
      toSkip = Math.max(0, toSkip - piece.length);
      session.pieces.push(fresh);
      session.size += fresh.length;
      return exchange.record.bytes <= most;
    });
  } finally {
    if (!whole && quirks.breakKillsSession === true) repository.sessions.delete(session.id);
  }
  if (exchange.record.bytes > most) exchange.answer(413, {}, 'Request Entity Too Large');
  if (!whole) return false;
  session.firstEnd ??= session.size;
  session.lastStart = start;
  session.lastLength = exchange.record.bytes;
  return true;
}
