import semver, { type SemVer } from 'semver';

/** `1.2.3`, `v1.2`, `2024.01`, `1.2-alpine`, `1.2.3-rc.1`: what tags make of semver. */
const VERSION = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?$/;

/** The version that a tag is; undefined if it is none. Missing numbers count as 0, zeros in front are passed over. */
export function versionOf(tag: string): SemVer | undefined {
  const match = VERSION.exec(tag);
  if (match === null) return undefined;
  const [, major = '0', minor = '0', patch = '0', suffix] = match;
  const numbers = [major, minor, patch].map((number) => number.replace(/^0+(?=\d)/, '')).join('.');
  return semver.parse(suffix === undefined ? numbers : `${numbers}-${suffix}`, { loose: true }) ?? undefined;
}

/**
 * Whether versions are in a range of npm's grammar (`>=1.2 <2`, `~1.4`, `1.x`); undefined if the text is none. Versions
 * with a suffix (`1.2-alpine`, `1.2-rc1`) are in it only if the range has one as well: `>=1.2.0-0`.
 */
export function versionRange(text: string): ((version: SemVer) => boolean) | undefined {
  const includePrerelease = /\d-[0-9A-Za-z]/.test(text);
  if (semver.validRange(text) === null) return undefined;
  const range = new semver.Range(text, { includePrerelease });
  return (version) => range.test(version);
}

/** Newest first: versions by semver's precedence, then tags that are none, with numbers in them counted as numbers. */
export function newestFirst(tags: readonly string[]): string[] {
  return tags
    .map((tag) => ({ tag, version: versionOf(tag) }))
    .sort((one, other) => byVersion(one.version, other.version) || NATURAL.compare(other.tag, one.tag))
    .map(({ tag }) => tag);
}

const NATURAL = new Intl.Collator('en', { numeric: true });

function byVersion(one: SemVer | undefined, other: SemVer | undefined): number {
  if (one === undefined || other === undefined)
    return Number(one === undefined) - Number(other === undefined);
  return semver.rcompare(one, other);
}
