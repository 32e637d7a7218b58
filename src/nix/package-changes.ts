import { parseStorePath } from './store-path.ts';

/** What became of the store paths of one closure in another. */
export interface PackageChanges {
  /** In the second only. */
  readonly added: readonly string[];
  /** In the first only. */
  readonly removed: readonly string[];
  /** The same packages, built anew or of another version. */
  readonly changed: readonly ChangedPackage[];
  /** In both. */
  readonly unchanged: readonly string[];
}

export interface ChangedPackage {
  /** Without versions: `glibc`, `curl-bin`. */
  readonly name: string;
  readonly from: readonly string[];
  readonly to: readonly string[];
}

/** Compares two closures; the order of paths does not count. */
export function packageChanges(from: readonly string[], to: readonly string[]): PackageChanges {
  const before = new Set(from);
  const after = new Set(to);
  const gone = byPackage([...before].filter((path) => !after.has(path)));
  const come = byPackage([...after].filter((path) => !before.has(path)));
  const changed = [...come.keys()].filter((name) => gone.has(name));
  const only = (one: Map<string, string[]>, other: Map<string, string[]>): string[] =>
    [...one].flatMap(([name, paths]) => (other.has(name) ? [] : paths));
  return {
    added: only(come, gone),
    removed: only(gone, come),
    changed: changed.map((name) => ({ name, from: gone.get(name)!, to: come.get(name)! })),
    unchanged: [...after].filter((path) => before.has(path)).sort(byName),
  };
}

/** By name, and so are the paths of each. */
function byPackage(paths: readonly string[]): Map<string, string[]> {
  const packages = new Map<string, string[]>();
  for (const path of paths.toSorted(byName)) {
    const name = packageName(path);
    packages.set(name, [...(packages.get(name) ?? []), path]);
  }
  return packages;
}

/** A part of the name that begins with a digit is a version, as Nix reads names (`parseDrvName`); outputs stay apart. */
function packageName(path: string): string {
  return parseStorePath(path).name.replaceAll(/-\d[^-]*/g, '');
}

function byName(a: string, b: string): number {
  const [one, other] = [parseStorePath(a).name, parseStorePath(b).name];
  return one < other ? -1 : one > other ? 1 : a < b ? -1 : 1;
}
