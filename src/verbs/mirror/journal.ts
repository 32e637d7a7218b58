import { join } from 'node:path';
import { AppendLog } from '../../base/append-log.ts';
import { isDigest, sha256, type Digest } from '../../base/digest.ts';

/** About 60,000 entries; then the older half is dropped. */
const MAX_BYTES = 16 * 2 ** 20;

/** What was done with a tag: the manifest it was, and what was made of it at the destination. */
export interface JournalEntry {
  readonly source: Digest;
  readonly destination: Digest;
}

/**
 * What mirrors have completed, for later runs: an image is written down when its tag has moved, a blob when a repository
 * has it. Many processes may write at once; an entry that is lost costs requests, not bytes, as the destination is asked
 * before anything is sent.
 *
 * One line an entry: `image KEY SOURCE DESTINATION` and `blob HOST REPOSITORY DIGEST`. Digests stand last, so a cut line never
 * looks whole.
 */
export class Journal {
  readonly #log: AppendLog;
  readonly #images = new Map<string, JournalEntry>();
  /** By registry or layout, and digest: the repository that has the blob. */
  readonly #blobs = new Map<string, string>();

  private constructor(log: AppendLog) {
    this.#log = log;
  }

  static async open(directory: string): Promise<Journal> {
    const journal = new Journal(new AppendLog(join(directory, 'mirrored'), MAX_BYTES));
    for (const line of await journal.#log.lines()) journal.#read(line);
    return journal;
  }

  /** `key` stands for the tag, where it comes from and goes to, and what is chosen of it. */
  image(key: string): JournalEntry | undefined {
    return this.#images.get(sha256(key));
  }

  async addImage(key: string, { source, destination }: JournalEntry): Promise<void> {
    const known = this.image(key);
    if (known?.source === source && known.destination === destination) return;
    this.#images.set(sha256(key), { source, destination });
    await this.#log.append(`image ${sha256(key)} ${source} ${destination}`);
  }

  /** A repository of the registry `host` that has, or has had, the blob. */
  blob(host: string, digest: Digest): string | undefined {
    return this.#blobs.get(`${host} ${digest}`);
  }

  async addBlob(host: string, repository: string, digest: Digest): Promise<void> {
    if (this.blob(host, digest) === repository) return;
    this.#blobs.set(`${host} ${digest}`, repository);
    await this.#log.append(`blob ${host} ${repository} ${digest}`);
  }

  #read(line: string): void {
    const [kind, first = '', second = '', digest, ...rest] = line.split(' ');
    if (!isDigest(digest) || rest.length > 0) return;
    if (kind === 'image' && isDigest(first) && isDigest(second))
      this.#images.set(first, { source: second, destination: digest });
    if (kind === 'blob') this.#blobs.set(`${first} ${digest}`, second);
  }
}
