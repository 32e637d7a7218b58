/**
 * One entry of a store path's file tree, as a NAR knows it: type, executable bit, content, target. Names are
 * bytes, since a file name on Linux need not be UTF-8.
 */
export type TreeEntry = TreeDirectory | TreeFile | TreeSymlink;

export interface TreeDirectory {
  readonly type: 'directory';
  /** Relative to the store path, components joined by `/`; empty for the store path itself. */
  readonly name: Buffer;
}

export interface TreeFile {
  readonly type: 'file';
  readonly name: Buffer;
  readonly executable: boolean;
  /** Bytes. */
  readonly size: number;
}

export interface TreeSymlink {
  readonly type: 'symlink';
  readonly name: Buffer;
  readonly target: Buffer;
}
