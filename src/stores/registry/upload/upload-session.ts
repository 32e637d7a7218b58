import { NixpushError } from '../../../base/errors.ts';
import type { RegistryClient, RegistryResponse } from '../client.ts';
import { resolveLocation } from '../url-policy.ts';
import type { SavedSession } from './saved-session.ts';

/** A chunk is held in memory; no registry known wants more than 5 MiB. */
const MOST_CHUNK_MIN = 256 * 1024 * 1024;

/** An upload session that the registry keeps (distribution-spec, pushing a blob in chunks). */
export class UploadSession {
  readonly #client: RegistryClient;
  #location: URL;
  /** Every chunk but the last must be at least that long (OCI-Chunk-Min-Length). Bytes. */
  readonly chunkMin: number;
  /** No body may be longer (OCI-Chunk-Max-Length, Cloudflare). Bytes. */
  readonly chunkMax: number;

  constructor(client: RegistryClient, location: URL, chunkMin: number, chunkMax: number) {
    this.#client = client;
    this.#location = location;
    this.chunkMin = chunkMin;
    this.chunkMax = chunkMax;
  }

  /** The session that the answer to a POST opened. Throws ERR_REGISTRY if it names none. */
  static async opened(client: RegistryClient, response: RegistryResponse): Promise<UploadSession> {
    const { headers, url } = response;
    const { location } = headers;
    if (location === undefined) {
      throw new NixpushError('ERR_REGISTRY', `${client.host} opened an upload without saying where`, {
        host: client.host,
      });
    }
    const chunkMin = byteCount(headers['oci-chunk-min-length']) ?? 0;
    if (chunkMin > MOST_CHUNK_MIN) {
      throw new NixpushError('ERR_REGISTRY', `${client.host} wants chunks of at least ${chunkMin} bytes`, {
        host: client.host,
      });
    }
    return new UploadSession(
      client,
      resolveLocation(location, url, await client.origin()).url,
      chunkMin,
      byteCount(headers['oci-chunk-max-length']) ?? Number.POSITIVE_INFINITY,
    );
  }

  /** A session that an earlier process opened. Throws ERR_REGISTRY if its Location leads where it must not. */
  static async saved(client: RegistryClient, saved: SavedSession): Promise<UploadSession> {
    const origin = await client.origin();
    const { url } = resolveLocation(saved.location, origin, origin);
    const { chunkMin, chunkMax = Number.POSITIVE_INFINITY } = saved;
    return new UploadSession(client, url, Math.min(chunkMin, MOST_CHUNK_MIN), chunkMax);
  }

  /** Where the next request goes. */
  get location(): URL {
    return this.#location;
  }

  /** Where the final PUT goes. The query may be signed, so that nothing of it may be encoded anew. */
  commitLocation(digest: string): URL {
    const url = new URL(this.#location);
    url.search = `${url.search}${url.search === '' ? '?' : '&'}digest=${digest}`;
    return url;
  }

  /** Each answer may name a new Location; without one the old one stays good. */
  async follow({ headers, url }: RegistryResponse): Promise<void> {
    if (headers['location'] === undefined) return;
    this.#location = resolveLocation(headers['location'], url, await this.#client.origin()).url;
  }
}

function byteCount(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,15}$/.test(header) && Number(header) > 0 ? Number(header) : undefined;
}
