import { usageError } from '../../base/errors.ts';
import { isDigestTag } from '../copy/digest-tag.ts';
import { globPattern } from './glob.ts';

/**
 * Which tags of a repository to mirror. Of one kind any pattern will do; of several kinds each must agree, as with the
 * filters of docker and kubectl. Without any kind all tags are meant.
 */
export interface TagFilter {
  /** `1.2*`, `*-alpine`: for the whole tag. A tag alone is one. */
  glob?: string | readonly string[];
  /** `>=1.2 <2`: of tags that are versions. */
  semver?: string | readonly string[];
  /** `^v\d+$`: found anywhere in the tag. */
  regex?: string | readonly string[];
  /** Globs of tags that are not meant, whatever else says so. */
  exclude?: string | readonly string[];
  /** Of what is left only so many: the highest versions, then what is no version in natural order. */
  newest?: number;
}

/** One filter, or several of which any will do; a text is a glob. */
export type TagFilters = string | TagFilter | readonly (string | TagFilter)[];

/** A filter that is checked and ready. */
export interface TagSelector {
  /** Whether the patterns take the tag; what is newest does not matter. */
  readonly matches: (tag: string) => boolean;
  /** What to mirror of the tags that there are, in their order. */
  readonly select: (tags: readonly string[]) => string[];
}

/** Names a part of a filter in messages: `.semver`, `[1].glob[0]`, or nothing for all of it. */
export type FilterPlace = (part: string) => string;

/** Throws ERR_USAGE, beginning with the place of the mistake. */
export async function tagSelector(
  filters: TagFilters = {},
  place: FilterPlace = (part) => `tags${part}`,
): Promise<TagSelector> {
  if (!isList(filters)) return selectorOf(filters, place);
  const selectors = await Promise.all(
    filters.map(async (filter, at) => selectorOf(filter, (part) => place(`[${at}]${part}`))),
  );
  return {
    matches: (tag) => selectors.some((selector) => selector.matches(tag)),
    select: (tags) => {
      const chosen = new Set(selectors.flatMap((selector) => selector.select(tags)));
      return tags.filter((tag) => chosen.has(tag));
    },
  };
}

type Kind = 'glob' | 'semver' | 'regex' | 'exclude';

async function selectorOf(filter: string | TagFilter, place: FilterPlace): Promise<TagSelector> {
  if (typeof filter === 'string') return selectorOf({ glob: filter }, () => place(''));
  const { newest } = filter;
  if (newest !== undefined && (!Number.isSafeInteger(newest) || newest < 1))
    throw usageError(`${place('.newest')} must be a whole number above 0, not ${newest}`);
  const kinds = [
    ...any(filter, 'glob', place, globTest),
    ...any(filter, 'regex', place, regexTest),
    ...(filter.semver === undefined ? [] : any(filter, 'semver', place, await semverTests())),
  ];
  const [excluded = () => false] = any(filter, 'exclude', place, globTest);
  const matches: TagTest = (tag) => !isDigestTag(tag) && !excluded(tag) && kinds.every((kind) => kind(tag));
  if (newest === undefined) return { matches, select: (tags) => tags.filter(matches) };
  const { newestFirst } = await import('./version.ts');
  return { matches, select: (tags) => newestFirst(tags.filter(matches)).slice(0, newest) };
}

type TagTest = (tag: string) => boolean;
type MakeTest = (pattern: string, where: string) => TagTest;

/** One test that passes if any pattern of the kind does; none if the filter does not have the kind. */
function any(filter: TagFilter, kind: Kind, place: FilterPlace, make: MakeTest): TagTest[] {
  const patterns = filter[kind];
  if (patterns === undefined) return [];
  const tests = isList(patterns)
    ? patterns.map((pattern, at) => make(pattern, place(`.${kind}[${at}]`)))
    : [make(patterns, place(`.${kind}`))];
  return [(tag) => tests.some((each) => each(tag))];
}

function globTest(glob: string, where: string): TagTest {
  const pattern = globPattern(glob, where);
  return (tag) => pattern.test(tag);
}

function regexTest(text: string, where: string): TagTest {
  try {
    const pattern = new RegExp(text);
    return (tag) => pattern.test(tag);
  } catch (error) {
    throw usageError(`${where}: ${(error as Error).message}`);
  }
}

async function semverTests(): Promise<MakeTest> {
  const { versionOf, versionRange } = await import('./version.ts');
  return (text, where) => {
    const range = versionRange(text);
    if (range === undefined)
      throw usageError(
        `${where}: ${JSON.stringify(text)} is no range of versions`,
        'Write it like ">=1.2 <2", "~1.4" or "1.x".',
      );
    return (tag) => {
      const version = versionOf(tag);
      return version !== undefined && range(version);
    };
  };
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}
