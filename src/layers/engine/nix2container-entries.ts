import { posix } from 'node:path';
import { NixpushError } from '../../base/errors.ts';
import { walkTree } from '../../nix/directory-tree.ts';
import { TreeFileReader } from '../../nix/tree-file-reader.ts';
import type { EntryOwner, Nix2containerContent, Nix2containerPath } from '../content.ts';
import type { TarEntry } from '../tar-header.ts';
import type { LayerEntry } from './layer-entries.ts';
import { storeEntry } from './store-entry.ts';

/** A place in the layer. Names are bytes in Latin-1, which keeps any byte and sorts as Go does. */
interface Place {
  readonly children: Map<string, Place>;
  /** Where the file comes from; left out for a directory that no path brings along. */
  from?: string;
  layerEntry?: LayerEntry;
}

const DIRECTORY: Omit<TarEntry, 'path'> = { type: 'directory', mode: 0o755, size: 0 };
/** They stay where a rule gives ids alone. */
const ROOT_NAMES = { uname: 'root', gname: 'root' };

/**
 * All paths merged into one tree, then walked: each directory before what is in it, from `/` on, siblings by their bytes
 * (nix2container, nix/graph.go). Directories that no path brings along have the mode 0755.
 * Throws ERR_FORMAT where two paths bring different things to one place.
 */
export function* nix2containerEntries({ trees, paths }: Nix2containerContent): Generator<LayerEntry> {
  const top: Place = { children: new Map() };
  for (const path of paths) {
    const rewritten = rewrite(path);
    const withPermissions = permissions(path);
    for (const found of walkTree(trees, path.path)) {
      const entry = storeEntry(path.path, found);
      const from = entry.path.toString('latin1');
      const to = rewritten(from);
      if (to === '') continue;
      put(placeOf(top, to), from, {
        entry: withPermissions({ ...entry, path: Buffer.from(posix.normalize(to), 'latin1') }, from),
        ...(found.type === 'file' && { open: () => new TreeFileReader(trees, path.path, found) }),
      });
    }
  }
  yield* walk(top, '');
}

function rewrite({ path, rewrite: rule }: Nix2containerPath): (from: string) => string {
  if (rule === undefined) return (from) => from;
  const regex = pattern(rule.regex, 'g', path);
  const replacement = Buffer.from(rule.replacement).toString('latin1');
  return (from) => {
    const to = from.replace(regex, replacement);
    if (to === '' || to.startsWith('/')) return to;
    throw new NixpushError('ERR_FORMAT', `${path}: ${from} becomes ${to}, which is no absolute path`, {
      path,
    });
  };
}

function permissions({
  path,
  permissions: given,
}: Nix2containerPath): (entry: TarEntry, from: string) => TarEntry {
  const rules = given.map((rule) => ({ ...rule, regex: pattern(rule.regex, '', path) }));
  return (entry, from) => {
    let { mode } = entry;
    let owner: EntryOwner | undefined;
    for (const rule of rules.filter(({ regex }) => regex.test(from))) {
      mode = rule.mode ?? mode;
      // Ids are those of the last rule, names of the last one that has some.
      owner = { ...(owner ?? ROOT_NAMES), ...rule.owner };
    }
    return { ...entry, mode, ...(owner !== undefined && { owner }) };
  };
}

function pattern(text: string, flags: string, path: string): RegExp {
  try {
    return new RegExp(Buffer.from(text).toString('latin1'), flags);
  } catch (error) {
    throw new NixpushError('ERR_FORMAT', `${path}: ${JSON.stringify(text)} is not a regular expression`, {
      path,
      cause: error,
    });
  }
}

function placeOf(top: Place, path: string): Place {
  let place = top;
  // The first name, before the slash, is empty: that is the entry for `/`.
  const names = posix.normalize(path).replace(/\/$/, '').split('/');
  for (const name of names) {
    const next: Place = place.children.get(name) ?? { children: new Map() };
    place.children.set(name, next);
    place = next;
  }
  return place;
}

function put(place: Place, from: string, layerEntry: LayerEntry): void {
  const there = place.layerEntry?.entry;
  const { entry } = layerEntry;
  if (there !== undefined && !isSameKind(there, entry)) {
    const path = entry.path.toString();
    throw new NixpushError('ERR_FORMAT', `${path} is in the layer twice: from ${place.from!} and ${from}`, {
      path,
    });
  }
  place.from = from;
  place.layerEntry = layerEntry;
}

/** nix2container compares no contents either. */
function isSameKind(one: TarEntry, other: TarEntry): boolean {
  return (
    one.type === other.type &&
    one.mode === other.mode &&
    one.size === other.size &&
    JSON.stringify(one.owner) === JSON.stringify(other.owner)
  );
}

function* walk(place: Place, path: string): Generator<LayerEntry> {
  for (const [name, child] of [...place.children].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const at = name === '' ? '/' : posix.join(path, name);
    yield child.layerEntry ?? { entry: { ...DIRECTORY, path: Buffer.from(at, 'latin1') } };
    yield* walk(child, at);
  }
}
