import { NixpushError } from '../../base/errors.ts';
import { describeAttempt, networkError, type Attempt } from './network-error.ts';

export interface RegistryResponse {
  readonly status: number;
  /** Names in lower case; repeated headers joined with `, `. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Where the answer came from, after redirects. */
  readonly url: URL;
  /** Must be read to its end or dumped, else its connection cannot be used again. */
  readonly body: ResponseBody;
}

export interface ResponseBody extends AsyncIterable<Uint8Array> {
  /** Throws the rest away. */
  dump(): Promise<void>;
  /** The whole body; ERR_REGISTRY if it is longer than `limit` bytes. */
  bytes(limit: number): Promise<Uint8Array>;
  /** At most the first `limit` bytes, what of them arrives; the rest is thrown away. Never throws. */
  start(limit: number): Promise<Uint8Array>;
}

/** What undici hands out, as far as it is used here. */
interface RawBody extends AsyncIterable<Uint8Array> {
  dump(options?: { limit: number }): Promise<void>;
}

/** The body with errors of ours. */
export function responseBody(raw: RawBody, attempt: Attempt, signal: AbortSignal | undefined): ResponseBody {
  const read = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of raw) yield chunk;
    } catch (error) {
      throw networkError(error, attempt, signal);
    }
  };
  const dump = async (): Promise<void> => {
    // What is longer than this is cheaper to cut off than to read.
    await raw.dump({ limit: 256 * 1024 }).catch(() => undefined);
  };
  return {
    [Symbol.asyncIterator]: read,
    dump,
    async bytes(limit) {
      const chunks: Uint8Array[] = [];
      let length = 0;
      for await (const chunk of read()) {
        length += chunk.byteLength;
        if (length > limit) throw tooLong(attempt, limit);
        chunks.push(chunk);
      }
      return Buffer.concat(chunks, length);
    },
    async start(limit) {
      const chunks: Uint8Array[] = [];
      let length = 0;
      try {
        for await (const chunk of raw) {
          chunks.push(chunk);
          length += chunk.byteLength;
          if (length >= limit) break;
        }
      } catch {
        // What came before the connection broke is still worth showing.
      }
      return Buffer.concat(chunks).subarray(0, limit);
    },
  };
}

function tooLong(attempt: Attempt, limit: number): NixpushError {
  const message = `${describeAttempt(attempt)} failed: the answer is longer than ${limit} bytes`;
  return new NixpushError('ERR_REGISTRY', message, { host: attempt.host });
}

export function headerRecord(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string | undefined> {
  const record: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(headers)) {
    record[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return record;
}
