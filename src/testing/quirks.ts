import type { PullBudget } from './pull-budget.ts';

/**
 * How the registry differs from one that follows the distribution-spec to the letter. Each switch is a behaviour
 * seen in a real registry; without any the registry is an honest one. `personalities.ts` combines them.
 */
export interface RegistryQuirks {
  /**
   * What a PATCH's Content-Range is worth: `validate` answers 416 unless it starts where the session ends,
   * `ignore` appends whatever comes (distribution 2.x), `overlap` skips bytes it has and refuses gaps, and takes a
   * missing header for offset 0 (Quay). Default `validate`.
   */
  contentRange?: 'validate' | 'ignore' | 'overlap';
  /** Answer to a good PATCH. Default 202; ECR says 201, GCR 204. */
  patchStatus?: 200 | 201 | 202 | 204;
  /** Answer to a good final PUT. Default 201. */
  commitStatus?: 200 | 201 | 202 | 204;
  /** Form of the Location header. `none` leaves it out of everything but the answer to POST. Default `absolute`. */
  location?: 'absolute' | 'relative' | 'none';
  /** Origin that Locations of uploads point to in place of the registry's own, such as `http://other.test`. */
  locationOrigin?: string;
  /** Each Location carries a signature that is good for one request, in a query no client may re-encode. */
  signedLocation?: boolean;
  /**
   * Locations carry the session's offset, and one whose offset is not the stored size is dead, as after a body that
   * broke off. `strict` also for the status GET (distribution 2.x), `status` gives a fresh Location there (3.x).
   */
  stateInLocation?: 'strict' | 'status';
  /** Path element of sessions. Default `uploads`; GHCR has `upload`. */
  uploadPath?: 'uploads' | 'upload';
  /** A body that breaks off ends the session (zot). */
  breakKillsSession?: boolean;
  /** The status GET is refused so. */
  statusRefused?: 404 | 405;
  /** The status GET answers without Location (Quay). */
  statusWithoutLocation?: boolean;
  /** The Range header: what the client may make of it. `stuck` stays at the first PATCH's end (ECR). Default `right`. */
  range?: 'right' | 'stuck' | 'one-too-many' | 'last-chunk' | 'none';
  /** Unit before the range, as `bytes=`. Default none, which is what the distribution-spec says. */
  rangePrefix?: 'bytes=';
  /** Range of an empty session. Default `0-0`. */
  emptyRange?: '0-0' | '0--1' | 'none';
  /** Announced as OCI-Chunk-Min-Length, and enforced for every chunk but the last. Bytes. */
  minChunk?: number;
  /** Announced as OCI-Chunk-Max-Length, and enforced by 413. Bytes. */
  maxChunk?: number;
  /** Bodies of unknown length are refused so. */
  unsizedRefused?: 400 | 411;
  /** A body above this many bytes gets 413, as behind a proxy with a limit. */
  maxBody?: number;
  /** A PATCH with Content-Range above this many bytes gets 416 (GHCR: 4 MiB). */
  maxRangedBody?: number;
  /** PATCH is refused so. */
  patchRefused?: 404 | 405;
  /** A PUT that carries the blob is refused so. */
  monolithicRefused?: 400 | 404 | 405 | 413;
  /** DELETE of a session is refused so. */
  deleteRefused?: 404 | 405;
  /** The final PUT stores whatever arrived, under the digest that the client names. */
  wrongDigestAccepted?: boolean;
  /** Docker-Content-Digest. `wrong` names another digest. Default `present`. */
  digestHeader?: 'present' | 'missing' | 'wrong';
  /** HEAD of a blob is refused so (public ECR: 401). */
  blobHeadRefused?: 400 | 401 | 403 | 405 | 500;
  /** HEAD of a manifest is refused so. */
  manifestHeadRefused?: 400 | 401 | 405;
  /** What a cross-repository mount gets. `ignored` opens a session (202). Default `supported`. */
  mount?: 'supported' | 'ignored' | 400 | 401 | 403;
  /** A GET of a blob is redirected here, the blob's path appended; the registry's own host to redirect within it. */
  blobRedirect?: string;
  /** A GET of a blob redirects to itself, for ever. */
  redirectLoop?: boolean;
  /** GETs of blobs ignore the Range header. */
  noBlobRanges?: boolean;
  /** Tags on a page. Default: all. */
  tagsPerPage?: number;
  /** The Link to the next page: `loop` always names the first page, other text is the origin. Default `relative`. */
  tagLink?: 'relative' | 'loop' | `http${string}`;
  /** A manifest PUT without Content-Length is refused by 411 (Nexus). Default false. */
  manifestNeedsLength?: boolean;
  /** Parameters appended to a manifest's Content-Type. */
  manifestTypeSuffix?: string;
  /** Tags that exist cannot be moved or pushed again (ECR's immutable tags). */
  immutableTags?: boolean;
  /** There is no Referrers API, and no OCI-Subject in the answer to a manifest PUT. */
  referrersRefused?: 404 | 405;
  /** Referrers on a page. Default: all. */
  referrersPerPage?: number;
  /** DELETE of a manifest or a tag is refused so (distribution, unless it is configured to delete: 405). */
  manifestDeleteRefused?: 404 | 405;
  /** DELETE of a tag is refused so, that of a digest is not (distribution 2.x: 400). */
  tagDeleteRefused?: 400 | 405;
  /** Sets a cookie and refuses every request that sends one back (Harbor's CSRF check). */
  cookieTrap?: boolean;
  /** `{ limit, windowSeconds }`: GETs of manifests beyond the limit get 429, as `ratelimit-remaining` foretells (Docker Hub). */
  pulls?: PullBudget;
  /** What it calls itself in the header Server. */
  server?: string;
  /** A second body while another one is on its way is refused by 400 (Nexus). */
  parallelUploadsRefused?: boolean;
  /** Every answer with a length says it twice, with the same number or with different ones (a broken proxy). */
  duplicateLength?: 'same' | 'different';
  auth?: RegistryAuth;
}

/** Who gets in. */
export type RegistryAuth =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | {
      readonly kind: 'bearer';
      /** Basic credentials that the token endpoint wants; without, anybody gets a token. */
      readonly username?: string;
      readonly password?: string;
      /** Seconds a token lives. Default 300. */
      readonly lifeSeconds?: number;
      /** Requests a token is good for: expiry without a clock. */
      readonly uses?: number;
      /** Leave `expires_in` out of the answer (Quay). */
      readonly withoutExpiry?: boolean;
    };
