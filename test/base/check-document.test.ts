import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkDocument } from '../../src/base/check-document.ts';
import type { NixpushError } from '../../src/base/errors.ts';

const schema = {
  type: 'object',
  required: ['images'],
  additionalProperties: false,
  properties: {
    images: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        required: ['from'],
        additionalProperties: false,
        properties: {
          from: { type: 'string', minLength: 1 },
          newest: { type: 'integer', minimum: 1, maximum: 9 },
          tags: { type: ['string', 'array'], items: { type: 'string' } },
          codec: { enum: ['gzip', 'zstd'] },
          share: { type: 'string', pattern: '^\\d+%$', title: 'a share', examples: ['10%'] },
          path: {
            title: 'a path or a mapping with "url"',
            anyOf: [
              { type: 'string' },
              { type: 'object', required: ['url'], properties: { url: { type: 'string' } } },
            ],
          },
        },
      },
    },
    environment: { type: 'object', additionalProperties: { type: 'string' } },
  },
};

async function wrongIn(document: unknown): Promise<NixpushError> {
  return checkDocument(document, schema, 'mirror.yaml').then(
    () => assert.fail('the document passed'),
    (error: NixpushError) => error,
  );
}

describe('a document checked against a schema', () => {
  test('comes back as it is when nothing is wrong', async () => {
    const document = { images: [{ from: 'a', tags: ['1'], path: { url: 'x' } }] };
    assert.equal(await checkDocument(document, schema, 'mirror.yaml'), document);
  });

  const wrong: [what: string, document: unknown, message: string][] = [
    ['no mapping at all', [], 'the document must be a mapping, not a list'],
    ['an empty file', null, 'the document must be a mapping, not null'],
    ['nothing in it', {}, 'images is missing'],
    ['an empty list', { images: [] }, 'images is empty'],
    ['a missing key', { images: [{ from: 'a' }, {}] }, 'images[1].from is missing'],
    ['an empty text', { images: [{ from: '' }] }, 'images[0].from is empty'],
    ['a key too many', { images: [{ from: 'a', tag: 1 }] }, 'images[0].tag is not a known key'],
    ['another type', { images: [{ from: 7 }] }, 'images[0].from must be a text, not 7'],
    [
      'one of two types',
      { images: [{ from: 'a', tags: 1.5 }] },
      'images[0].tags must be a text or a list, not 1.5',
    ],
    [
      'a wrong item',
      { images: [{ from: 'a', tags: ['x', false] }] },
      'images[0].tags[1] must be a text, not false',
    ],
    [
      'a number too small',
      { images: [{ from: 'a', newest: 0 }] },
      'images[0].newest must be 1 or more, not 0',
    ],
    [
      'a number too large',
      { images: [{ from: 'a', newest: 10 }] },
      'images[0].newest must be 9 or less, not 10',
    ],
    [
      'a fraction',
      { images: [{ from: 'a', newest: 1.5 }] },
      'images[0].newest must be a whole number, not 1.5',
    ],
    ['no such choice', { images: [{ from: 'a', codec: 'xz' }] }, 'images[0].codec must be "gzip" or "zstd"'],
    ['another form', { images: [{ from: 'a', share: 'x' }] }, 'images[0].share must be a share like "10%"'],
    [
      'no form that there is',
      { images: [{ from: 'a', path: 1 }] },
      'images[0].path must be a path or a mapping with "url", not 1',
    ],
    ['a form that is not complete', { images: [{ from: 'a', path: {} }] }, 'images[0].path.url is missing'],
    [
      'a mistake deep in one form',
      { images: [{ from: 'a', path: { url: 1 } }] },
      'images[0].path.url must be a text, not 1',
    ],
    [
      'a key with a slash',
      { images: [{ from: 'a' }], environment: { 'a/~b': 1 } },
      'environment."a/~b" must be a text, not 1',
    ],
  ];
  for (const [what, document, message] of wrong) {
    test(`says what is wrong and where: ${what}`, async () => {
      const error = await wrongIn(document);
      assert.equal(error.message, `mirror.yaml: ${message}`);
      assert.equal(error.code, 'ERR_FORMAT');
    });
  }

  test('names the keys that there are when one is not known', async () => {
    const { hint } = await wrongIn({ image: [], images: [{ from: 'a' }] });
    assert.equal(hint, 'Did you mean images? Known here: images, environment.');
  });

  test('says how to write a text that looks like a number', async () => {
    const { hint } = await wrongIn({ images: [{ from: 'a', tags: [1.1] }] });
    assert.equal(hint, 'Write it in quotes, so that it is a text.');
  });

  test('does not repeat texts, which may be secrets', async () => {
    const { message } = await wrongIn({ images: [{ from: 'a', share: 'hunter2' }] });
    assert.doesNotMatch(message, /hunter2/);
  });
});
