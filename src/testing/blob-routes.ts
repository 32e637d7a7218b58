import type { HeldRepository } from './content.ts';
import type { Exchange } from './exchange.ts';
import type { RegistryQuirks } from './quirks.ts';
import { digestHeaderOf } from './digest-header.ts';

/** HEAD of a blob (distribution-spec, end-2). */
export function headBlob(
  exchange: Exchange,
  repository: HeldRepository,
  digest: string,
  quirks: RegistryQuirks,
): void {
  const blob = repository.blobs.get(digest);
  if (quirks.blobHeadRefused !== undefined) exchange.refuse(quirks.blobHeadRefused, 'DENIED');
  else if (blob === undefined) exchange.refuse(404, 'BLOB_UNKNOWN');
  else exchange.answer(200, { 'content-length': String(blob.length), ...digestHeaderOf(digest, quirks) });
}

/** GET of a blob, whole or from an offset. */
export function getBlob(
  exchange: Exchange,
  repository: HeldRepository,
  digest: string,
  quirks: RegistryQuirks,
): void {
  const blob = repository.blobs.get(digest);
  const redirected = exchange.url.searchParams.has('redirected');
  if (blob === undefined) exchange.refuse(404, 'BLOB_UNKNOWN');
  else if (quirks.redirectLoop === true) exchange.answer(307, { location: exchange.url.href });
  else if (quirks.blobRedirect !== undefined && !redirected) {
    exchange.answer(307, { location: `${quirks.blobRedirect}${exchange.url.pathname}?redirected=1` });
  } else sendBlob(exchange, blob, quirks);
}

function sendBlob(exchange: Exchange, blob: Buffer, quirks: RegistryQuirks): void {
  const range = /^bytes=(\d+)-$/.exec(exchange.header('range') ?? '');
  const start = Number(range?.[1] ?? 0);
  if (range === null || quirks.noBlobRanges === true) exchange.answer(200, {}, blob);
  else if (start >= blob.length) exchange.answer(416, { 'content-range': `bytes */${blob.length}` });
  else {
    const contentRange = `bytes ${start}-${blob.length - 1}/${blob.length}`;
    exchange.answer(206, { 'content-range': contentRange }, blob.subarray(start));
  }
}
