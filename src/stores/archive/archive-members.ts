import { posix } from 'node:path';
import type { ArchiveBytes } from './archive-bytes.ts';
import { LIMITS } from './limits.ts';
import { readFully, type TarInput } from './tar-input.ts';
import { tarMembers, type TarMember } from './tar-members.ts';

/** A member that is a file, with its first bytes. */
export interface ArchiveFile extends TarMember {
  /** At most eight; they tell how it is compressed. */
  readonly start: Buffer;
  /** All of it, if it is small and may be JSON. */
  readonly content?: Buffer;
}

/** Members up to this size that may be JSON are kept, so that a compressed archive need not be read again for them. */
const SMALL_BYTES = 256 * 1024;

/** The files of an archive by name, and the links between them. */
export class ArchiveMembers {
  readonly #files: ReadonlyMap<string, ArchiveFile>;
  readonly #links: ReadonlyMap<string, string>;

  constructor(files: ReadonlyMap<string, ArchiveFile>, links: ReadonlyMap<string, string>) {
    this.#files = files;
    this.#links = links;
  }

  /** The file of this name, links followed; they lead to members of this archive or nowhere. */
  find(name: string): ArchiveFile | undefined {
    let at = posix.normalize(name);
    for (let links = 0; links < LIMITS.links; links++) {
      const file = this.#files.get(at);
      if (file !== undefined) return file;
      const target = this.#links.get(at);
      if (target === undefined) return undefined;
      at = target;
    }
    return undefined;
  }
}

/** Goes through the whole archive once; of the layers nothing is kept. Throws Error saying what is wrong. */
export async function readArchiveMembers(bytes: ArchiveBytes): Promise<ArchiveMembers> {
  const input = bytes.fromStart();
  try {
    return await readMembers(input);
  } finally {
    await input.close();
  }
}

async function readMembers(input: TarInput): Promise<ArchiveMembers> {
  const files = new Map<string, ArchiveFile>();
  const links = new Map<string, string>();
  let kept = 0;
  for await (const member of tarMembers(input)) {
    const { name, kind, size } = member;
    if (kind === 'directory' || kind === 'other') continue;
    const earlier = files.get(name);
    if (kind !== 'file') {
      const target = targetOf(member);
      if (earlier !== undefined || (links.get(name) ?? target) !== target) throw duplicate(name);
      links.set(name, target);
      continue;
    }
    const start = await readFully(input, Math.min(size, 8));
    const mayBeJson = /^[{[]/.test(start.toString('latin1'));
    // Writers repeat a layer that is in several images; its digest tells whether it is the right one.
    if (links.has(name) || (earlier !== undefined && (mayBeJson || earlier.size !== size)))
      throw duplicate(name);
    if (earlier !== undefined) continue;
    const keep = mayBeJson && size <= SMALL_BYTES && kept + size <= LIMITS.keptBytes;
    if (!keep) {
      files.set(name, { ...member, start });
      continue;
    }
    kept += size;
    const content = Buffer.concat([start, await readFully(input, size - start.byteLength)]);
    files.set(name, { ...member, start, content });
  }
  return new ArchiveMembers(files, links);
}

/** What a link leads to, as a name in the archive. */
function targetOf({ name, kind, target }: TarMember): string {
  const path = kind === 'symlink' ? posix.join(posix.dirname(name), target) : posix.normalize(target);
  if (target.startsWith('/') || path === '..' || path.startsWith('../'))
    throw new Error(`the link ${name} leads out of the archive`);
  return path;
}

function duplicate(name: string): Error {
  return new Error(`it has two members called ${name}`);
}
