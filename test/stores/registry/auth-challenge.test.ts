import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseChallenges } from '../../../src/stores/registry/auth-challenge.ts';

type Plain = [scheme: string, params: Record<string, string>];

function plain(header: string): Plain[] {
  return parseChallenges(header).map(({ scheme, params }) => [scheme, Object.fromEntries(params)]);
}

const TABLE: [string, string, Plain[]][] = [
  ['nothing', '', []],
  ['a scheme alone', 'Negotiate', [['negotiate', {}]]],
  ['basic with a realm', 'Basic realm="Registry Realm"', [['basic', { realm: 'Registry Realm' }]]],
  [
    'bearer as Docker Hub sends it',
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:x/y:pull,push"',
    [
      [
        'bearer',
        {
          realm: 'https://auth.docker.io/token',
          service: 'registry.docker.io',
          scope: 'repository:x/y:pull,push',
        },
      ],
    ],
  ],
  [
    'values without quotes',
    'Bearer realm=https://a.example/t, service=r',
    [['bearer', { realm: 'https://a.example/t', service: 'r' }]],
  ],
  [
    'space around the equals sign',
    'bearer Realm = "r" , SERVICE= "s"',
    [['bearer', { realm: 'r', service: 's' }]],
  ],
  [
    'quoted pairs',
    String.raw`Basic realm="a \"b\" \\ c, d=e"`,
    [['basic', { realm: String.raw`a "b" \ c, d=e` }]],
  ],
  [
    'several challenges',
    'Basic realm="a", Bearer realm="b",service="c"',
    [
      ['basic', { realm: 'a' }],
      ['bearer', { realm: 'b', service: 'c' }],
    ],
  ],
  [
    'a scheme with a token68 before another',
    'Negotiate YWJj==, Basic realm="x"',
    [
      ['negotiate', {}],
      ['basic', { realm: 'x' }],
    ],
  ],
  [
    'a scheme without anything before another',
    'Negotiate, NTLM, Basic realm="x"',
    [
      ['negotiate', {}],
      ['ntlm', {}],
      ['basic', { realm: 'x' }],
    ],
  ],
  ['a quote that never ends', 'Bearer realm="https://a', [['bearer', { realm: 'https://a' }]]],
  ['equal names: the first counts', 'Bearer realm="a",realm="b"', [['bearer', { realm: 'a' }]]],
  ['a parameter before any scheme', 'realm="a", Basic realm="b"', [['basic', { realm: 'b' }]]],
  ['superfluous commas', ',, Basic realm="b",,', [['basic', { realm: 'b' }]]],
  [
    'an error from an expired token',
    'Bearer realm="r",error="invalid_token"',
    [['bearer', { realm: 'r', error: 'invalid_token' }]],
  ],
];

describe('a WWW-Authenticate header', () => {
  for (const [name, header, expected] of TABLE) {
    test(`with ${name}`, () => assert.deepEqual(plain(header), expected));
  }

  test('of any content is read without an error', () => {
    const pieces = fc.array(
      fc.constantFrom('Bearer', ' ', '=', '"', '\\', ',', 'realm', '\t', 'ü', '__proto__'),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary-ascii', maxLength: 300 }),
          pieces.map((parts) => parts.join('')),
        ),
        (header) => {
          for (const { scheme, params } of parseChallenges(header)) {
            assert.equal(scheme, scheme.toLowerCase());
            assert.ok([...params.values()].every((value) => value.length <= header.length));
          }
        },
      ),
    );
  });

  test('gives back what was quoted into it', () => {
    const value = fc.string({ unit: 'grapheme-ascii' });
    fc.assert(
      fc.property(value, value, (realm, service) => {
        const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
        const header = `Bearer realm=${quote(realm)},service=${quote(service)}, Basic realm=${quote(service)}`;
        assert.deepEqual(plain(header), [
          ['bearer', { realm, service }],
          ['basic', { realm: service }],
        ]);
      }),
    );
  });
});
