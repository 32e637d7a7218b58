import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePruneLimit } from '../../../src/verbs/mirror/prune-limit.ts';
import { isInShard, parseShard } from '../../../src/verbs/mirror/shard.ts';
import { tagSelector, type TagFilters } from '../../../src/verbs/mirror/tag-filter.ts';
import { newestFirst, versionOf } from '../../../src/verbs/mirror/version.ts';

const TAGS = [
  '1.2.0',
  '1.10.0',
  '1.9.3',
  'v2.0.0',
  '2.1',
  '2.1-alpine',
  '2.2.0-rc1',
  '3',
  'latest',
  'nightly-9',
  'nightly-10',
  'buster',
  `sha256-${'0'.repeat(64)}`,
  `sha256-${'0'.repeat(64)}.sig`,
];

describe('the tags that a filter chooses', () => {
  const cases: [what: string, filters: TagFilters | undefined, chosen: string[]][] = [
    ['no filter takes all but those about images', undefined, TAGS.slice(0, -2)],
    ['a tag alone', 'latest', ['latest']],
    ['a glob is for the whole tag', '1*', ['1.2.0', '1.10.0', '1.9.3']],
    ['a question mark is one character', 'nightly-?', ['nightly-9']],
    ['a set of characters', '[1-3].1*', ['1.10.0', '2.1', '2.1-alpine']],
    ['a set turned round', '[!a-z0-2]*', ['3']],
    ['a dot is a dot', '1.2.0', ['1.2.0']],
    ['several globs: any will do', { glob: ['latest', 'bus*'] }, ['latest', 'buster']],
    ['a range of versions', { semver: '>=1.9 <2' }, ['1.10.0', '1.9.3']],
    ['a v in front and missing numbers', { semver: '>=2' }, ['v2.0.0', '2.1', '3']],
    ['several ranges: any will do', { semver: ['~1.2', '3.x'] }, ['1.2.0', '3']],
    [
      'a range with a suffix takes versions with one',
      { semver: '>=2.1.0-0 <3' },
      ['2.1', '2.1-alpine', '2.2.0-rc1'],
    ],
    ['a regular expression is found anywhere', { regex: 'ly-\\d' }, ['nightly-9', 'nightly-10']],
    ['several expressions: any will do', { regex: ['^b', '^l'] }, ['latest', 'buster']],
    ['kinds agree', { glob: '*alpine', semver: '>=2.0.0-0' }, ['2.1-alpine']],
    ['what is excluded is out', { semver: '>=1', exclude: ['1.1*', 'v*'] }, ['1.2.0', '1.9.3', '2.1', '3']],
    ['the newest are the highest versions', { newest: 3 }, ['2.1', '2.2.0-rc1', '3']],
    ['the newest of what the rest takes', { semver: '1.x', newest: 2 }, ['1.10.0', '1.9.3']],
    ['the newest of what is no version', { glob: 'nightly-*', newest: 1 }, ['nightly-10']],
    ['of a list any will do', ['latest', { semver: '*', newest: 1 }], ['3', 'latest']],
    ['tags about images cannot be chosen', `sha256-${'0'.repeat(64)}*`, []],
  ];
  for (const [what, filters, chosen] of cases) {
    test(what, async () => {
      const { select } = await tagSelector(filters);
      assert.deepEqual(select(TAGS).toSorted(), chosen.toSorted());
    });
  }

  test('keep the order of the list', async () => {
    const { select } = await tagSelector({ newest: 2 });
    assert.deepEqual(select(['1', 'x', '3', '2']), ['3', '2']);
    assert.deepEqual((await tagSelector(['2', '1'])).select(['1', '2']), ['1', '2']);
  });

  test('match without regard to what is newest', async () => {
    const { matches } = await tagSelector({ semver: '1.x', newest: 1 });
    assert.deepEqual(TAGS.filter(matches), ['1.2.0', '1.10.0', '1.9.3']);
  });

  const wrong: [filters: TagFilters, message: string][] = [
    [{ semver: 'latest-ish' }, 'tags.semver: "latest-ish" is no range of versions'],
    [{ semver: ['1.x', '>=a'] }, 'tags.semver[1]: ">=a" is no range of versions'],
    [{ regex: '(' }, 'tags.regex: Invalid regular expression: /(/: Unterminated group'],
    [{ glob: '[z-a]' }, 'tags.glob: "[z-a]" has a range that runs backwards'],
    [['ok', { exclude: ['[z-a]'] }], 'tags[1].exclude[0]: "[z-a]" has a range that runs backwards'],
    [{ newest: 0 }, 'tags.newest must be a whole number above 0, not 0'],
    [{ newest: 1.5 }, 'tags.newest must be a whole number above 0, not 1.5'],
  ];
  for (const [filters, message] of wrong) {
    test(`refuse ${JSON.stringify(filters)}, saying where`, async () => {
      await assert.rejects(tagSelector(filters), { code: 'ERR_USAGE', message });
    });
  }
});

test('every character of a glob but the wildcards stands for itself', async () => {
  for (const character of '.+-_$^(){}|/\\ ') {
    const { select } = await tagSelector(`a${character}b`);
    assert.deepEqual(select([`a${character}b`, 'axb', 'ab']), [`a${character}b`]);
  }
  assert.deepEqual((await tagSelector('a[b')).select(['a[b', 'ab']), ['a[b']);
});

test('tags are versions as people write them', () => {
  const versions = [
    '1',
    'v1.2',
    '1.2.3',
    '2024.01.09',
    '1.2-alpine3.20',
    '1.2.3-rc.1',
    '1.2.3.4',
    'x1',
    '1.x',
    '1_2',
  ];
  assert.deepEqual(
    versions.map((tag) => versionOf(tag)?.version),
    [
      '1.0.0',
      '1.2.0',
      '1.2.3',
      '2024.1.9',
      '1.2.0-alpine3.20',
      '1.2.3-rc.1',
      undefined,
      undefined,
      undefined,
      undefined,
    ],
  );
  assert.equal(versionOf('99999999999999999999'), undefined);
});

test('the newest come first: versions, a release before its candidates, then the rest by the numbers in it', () => {
  const order = ['10.0', '9.1', '9.0.0', 'v9-rc.2', '9.0-rc.1', 'nightly-10', 'nightly-9', 'latest'];
  assert.deepEqual(newestFirst(order.toReversed()), order);
});

describe('shards', () => {
  const images = Array.from({ length: 1000 }, (_, at) => `registry.example/r${at % 50}:${at}`);

  for (const count of [1, 2, 3, 7, 16]) {
    test(`${count} of them have every image exactly once between them, evenly`, () => {
      const shards = Array.from({ length: count }, (_, index) =>
        images.filter((image) => isInShard(image, { index, count })),
      );
      assert.deepEqual(shards.flat().toSorted(), images.toSorted());
      for (const { length } of shards)
        assert.ok(Math.abs(length - 1000 / count) < 60, `${length} of ${count}`);
    });
  }

  test('an image stays in its shard in every version of nixpush', () => {
    const places = ['a:1', 'a:2', 'b:1', 'b:2'].map((image) =>
      [0, 1, 2, 3].find((index) => isInShard(image, { index, count: 4 })),
    );
    assert.deepEqual(places, [1, 2, 3, 2]);
  });

  test('are counted from 0', () => {
    assert.deepEqual(parseShard('0/3'), { index: 0, count: 3 });
    for (const text of ['3/3', '1', '1/0', '-1/3', '1/2/3', 'a/b', ''])
      assert.throws(() => parseShard(text), { code: 'ERR_USAGE', message: /is not I\/N/ });
  });
});

test('a prune limit is a percentage', () => {
  assert.deepEqual(['0%', '10%', '12.5%', '100%'].map(parsePruneLimit), [0, 0.1, 0.125, 1]);
  for (const text of ['10', '0.1', '101%', '-1%', '%'])
    assert.throws(() => parsePruneLimit(text), { code: 'ERR_USAGE' });
});
