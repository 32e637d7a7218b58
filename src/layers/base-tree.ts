import { posix } from 'node:path';
import { NixpushError } from '../base/errors.ts';

/** What the root layer must know of the base image's files: where they are, and what kind they are. */
export type BaseNode = BaseDirectory | BaseLink | BaseFile;

export interface BaseDirectory {
  readonly type: 'directory';
  mode: number;
  uid: number;
  gid: number;
  readonly children: Map<string, BaseNode>;
}

export interface BaseLink {
  readonly type: 'symlink';
  readonly target: string;
}

/** Everything else. */
export interface BaseFile {
  readonly type: 'file';
  /** Only of files that are added to. */
  readonly text?: string;
}

/** Files that a root layer adds to: those of users and groups. */
export const KEPT_TEXTS: readonly string[] = ['/etc/group', '/etc/passwd', '/etc/shadow'];

/** As Linux has it (path_resolution(7)). */
const MOST_LINKS = 40;

/** The file tree of a base image, with all its layers on top of each other. Paths are absolute. */
export class BaseTree {
  readonly root: BaseDirectory;

  constructor(root: BaseDirectory = emptyDirectory()) {
    this.root = root;
  }

  /** What stands at a path whose directories are real; a link there is not followed. */
  at(path: string): BaseNode | undefined {
    let node: BaseNode | undefined = this.root;
    for (const name of namesOf(path)) {
      if (node?.type !== 'directory') return undefined;
      node = node.children.get(name);
    }
    return node;
  }

  /**
   * Where a directory really is, all links followed, the last one too: `/bin` is `/usr/bin` on a merged-usr system.
   * What does not exist yet is taken for a directory to be made. Throws ERR_FORMAT if a file stands in the way.
   */
  realDirectory(path: string): string {
    const waiting = namesOf(path).reverse();
    let real = '/';
    let links = 0;
    while (waiting.length > 0) {
      const name = waiting.pop()!;
      if (name === '..') {
        real = posix.dirname(real);
        continue;
      }
      const next = posix.join(real, name);
      const node = this.at(next);
      if (node?.type === 'file') throw inTheWay(path, next);
      if (node?.type === 'symlink') {
        links += 1;
        if (links > MOST_LINKS)
          throw new NixpushError('ERR_FORMAT', `${next} in the base image is a link that leads in circles`);
        if (node.target.startsWith('/')) real = '/';
        waiting.push(...namesOf(node.target).reverse());
      } else {
        real = next;
      }
    }
    return real;
  }

  /** The text of one of KEPT_TEXTS. */
  textAt(path: string): string | undefined {
    const node = this.at(path);
    return node?.type === 'file' ? node.text : undefined;
  }

  /** Whether a directory stands at a path, be it behind a link. */
  isDirectory(path: string): boolean {
    try {
      return this.at(this.realDirectory(path))?.type === 'directory';
    } catch {
      return false;
    }
  }
}

export function emptyDirectory(): BaseDirectory {
  return { type: 'directory', mode: 0o755, uid: 0, gid: 0, children: new Map() };
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function inTheWay(path: string, file: string): NixpushError {
  return new NixpushError(
    'ERR_FORMAT',
    `${path} would be a directory of the root layer, but the base image has the file ${file}`,
    { path, hint: 'Leave out the root layer with --no-links.' },
  );
}
