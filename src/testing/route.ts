import type { Operation } from './faults.ts';

/** What a request is about. */
export interface Route {
  readonly operation: Operation;
  readonly repository: string;
  /** Digest, tag or session, by operation. */
  readonly name: string;
}

function route(operation: Operation, repository = '', name = ''): Route {
  return { operation, repository, name };
}

/** The end-points of the distribution-spec (spec.md#endpoints). */
export function routeOf(method: string, url: URL): Route {
  const path = decodeURI(url.pathname);
  if (path === '/v2/') return route('ping');
  if (path === '/token') return route('token');
  const [, repository, kind, name] = PATH.exec(path) ?? [];
  if (repository === undefined || kind === undefined || name === undefined) return route('other');
  if (kind === 'tags') return name === 'list' ? route('tags', repository) : route('other');
  if (kind === 'referrers') return route(method === 'GET' ? 'referrers' : 'other', repository, name);
  if (kind === 'manifests') return route(MANIFEST_OPERATIONS[method] ?? 'other', repository, name);
  if (kind === 'blobs') return route(BLOB_OPERATIONS[method] ?? 'other', repository, name);
  if (method === 'POST') {
    return route(url.searchParams.has('mount') ? 'upload-mount' : 'upload-start', repository);
  }
  return route(UPLOAD_OPERATIONS[method] ?? 'other', repository, name);
}

const PATH = /^\/v2\/(.+?)\/(blobs\/uploads?(?=\/)|blobs|manifests|tags|referrers)\/([^/]*)$/;

const BLOB_OPERATIONS: Record<string, Operation> = { HEAD: 'blob-head', GET: 'blob-get' };
const MANIFEST_OPERATIONS: Record<string, Operation> = {
  HEAD: 'manifest-head',
  GET: 'manifest-get',
  PUT: 'manifest-put',
  DELETE: 'manifest-delete',
};
const UPLOAD_OPERATIONS: Record<string, Operation> = {
  PATCH: 'upload-patch',
  PUT: 'upload-put',
  GET: 'upload-status',
  DELETE: 'upload-delete',
};
