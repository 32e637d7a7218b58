import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseNarHash } from '../../src/nix/nar-hash.ts';
import { decodeNix32, encodeNix32, nix32Length } from '../../src/nix/nix32.ts';

// Made with `nix hash to-base32` and `nix hash to-base16` of Nix 2.8.
const NIX32 = '0mdgc01skqjgwafkqsy22cqv98i5b490sdgcbr03xnhbx5y2jbky';
const HEX = '7e2e297ce90bda3e405eec350d125925a2b43113c26b3c9de24fe2a90360af55';
const SRI = 'sha256-fi4pfOkL2j5AXuw1DRJZJaK0MRPCazyd4k/iqQNgr1U=';
// The SHA-256 of nothing, as Nix and sha256sum print it.
const EMPTY_NIX32 = '0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73';
const EMPTY_HEX = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

test('nix32 agrees with Nix', () => {
  assert.equal(encodeNix32(Buffer.from(HEX, 'hex')), NIX32);
  assert.equal(Buffer.from(decodeNix32(NIX32)).toString('hex'), HEX);
  assert.equal(encodeNix32(Buffer.from(EMPTY_HEX, 'hex')), EMPTY_NIX32);
});

test('bytes of any length come back from nix32', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const text = encodeNix32(bytes);
      assert.equal(text.length, nix32Length(bytes.length));
      assert.deepEqual(decodeNix32(text), bytes);
    }),
  );
});

test('a text that decodes is the only one for its bytes', () => {
  const digits = fc.constantFrom(...Array.from('0123456789abcdfghijklmnpqrsvwxyz'));
  fc.assert(
    fc.property(fc.array(digits, { maxLength: 60 }), (text) => {
      let bytes: Uint8Array;
      try {
        bytes = decodeNix32(text.join(''));
      } catch {
        return;
      }
      assert.equal(encodeNix32(bytes), text.join(''));
    }),
  );
});

const MALFORMED: [string, string, RegExp][] = [
  ['a digit it has not', `e${NIX32.slice(1)}`, /"e" is not one of its digits/],
  ['upper case', NIX32.toUpperCase(), /is not one of its digits/],
  ['a length that no bytes have', '000', /3 digits do not make whole bytes/],
  ['bits beyond the last byte', `z${NIX32.slice(1)}`, /too large for its length/],
];
for (const [name, text, message] of MALFORMED) {
  test(`nix32 with ${name} is refused`, () => {
    assert.throws(() => decodeNix32(text), { code: 'ERR_FORMAT', message });
  });
}

const NOTATIONS: [string, unknown][] = [
  ['nix32', `sha256:${NIX32}`],
  ['hex', `sha256:${HEX}`],
  ['SRI', SRI],
  ['an object in base 16', { algorithm: 'sha256', format: 'base16', hash: HEX }],
  ['an object in base 64', { algorithm: 'sha256', format: 'base64', hash: SRI.slice(7) }],
  ['an object in nix32', { algorithm: 'sha256', format: 'nix32', hash: NIX32 }],
  ['an object in SRI', { algorithm: 'sha256', format: 'sri', hash: SRI }],
];
for (const [name, value] of NOTATIONS) {
  test(`a NAR hash is read from ${name}`, () => {
    assert.equal(parseNarHash(value, 'here'), `sha256:${HEX}`);
  });
}

const NO_HASHES: [string, unknown][] = [
  ['nothing', undefined],
  ['null', null],
  ['bare hex', HEX],
  ['another algorithm', `sha512:${HEX}`],
  ['a hash of another length', 'sha256:00'],
  ['hex in upper case', `sha256:${HEX.toUpperCase()}`],
  ['nix32 too large', `sha256:z${NIX32.slice(1)}`],
  ['SRI without padding', SRI.slice(0, -1)],
  ['SRI with an option', `${SRI}?x`],
  ['SRI with a line end', `${SRI}\n`],
  ['SRI of another length', 'sha256-AAAA'],
  ['an object of another algorithm', { algorithm: 'sha512', format: 'base16', hash: HEX }],
  ['an object without a format', { algorithm: 'sha256', hash: HEX }],
  ['an object without a hash', { algorithm: 'sha256', format: 'base16' }],
];
for (const [name, value] of NO_HASHES) {
  test(`${name} is refused as a NAR hash`, () => {
    assert.throws(() => parseNarHash(value, 'where'), {
      code: 'ERR_FORMAT',
      message: /^where: .* is not a SHA-256 hash in a notation of Nix$/,
    });
  });
}
