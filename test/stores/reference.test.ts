import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatReference, parseReference, type Reference } from '../../src/stores/reference.ts';

const HEX = '0123456789abcdef'.repeat(4);
const DIGEST = `sha256:${HEX}` as const;

const docker = (host: string, repository: string, rest: object = {}): object => ({
  transport: 'docker',
  host,
  repository,
  ...rest,
});

const GOOD: [string, object][] = [
  ['nginx', docker('docker.io', 'library/nginx')],
  ['nginx:1.25', docker('docker.io', 'library/nginx', { tag: '1.25' })],
  ['user/app', docker('docker.io', 'user/app')],
  ['docker.io/nginx', docker('docker.io', 'library/nginx')],
  ['index.docker.io/nginx:a', docker('docker.io', 'library/nginx', { tag: 'a' })],
  ['index.docker.io/user/app', docker('docker.io', 'user/app')],
  ['docker://ghcr.io/x/demo:v1', docker('ghcr.io', 'x/demo', { tag: 'v1' })],
  ['localhost/x', docker('localhost', 'x')],
  ['localhost:5000/x:y', docker('localhost:5000', 'x', { tag: 'y' })],
  ['127.0.0.1:5000/a/b/c', docker('127.0.0.1:5000', 'a/b/c')],
  ['[::1]:5000/x', docker('[::1]:5000', 'x')],
  ['[::1]/x:t', docker('[::1]', 'x', { tag: 't' })],
  ['GHCR.io/x', docker('ghcr.io', 'x')],
  ['r.example/a__b/c--d/e.f_g', docker('r.example', 'a__b/c--d/e.f_g')],
  [`r.example/x@${DIGEST}`, docker('r.example', 'x', { digest: DIGEST })],
  [`r.example:1/x:t@${DIGEST}`, docker('r.example:1', 'x', { tag: 't', digest: DIGEST })],
  [`r.example/x:_${'a'.repeat(127)}`, docker('r.example', 'x', { tag: `_${'a'.repeat(127)}` })],
  [`r.example/${'a'.repeat(255)}`, docker('r.example', 'a'.repeat(255))],
  ['oci:dir', { transport: 'oci', directory: 'dir' }],
  ['oci:/a/dir:tag', { transport: 'oci', directory: '/a/dir', tag: 'tag' }],
  ['oci:/a:b/dir', { transport: 'oci', directory: '/a:b/dir' }],
  ['oci:a@b/dir:t', { transport: 'oci', directory: 'a@b/dir', tag: 't' }],
  [`oci:dir@${DIGEST}`, { transport: 'oci', directory: 'dir', digest: DIGEST }],
  [`oci:dir:t@${DIGEST}`, { transport: 'oci', directory: 'dir', tag: 't', digest: DIGEST }],
  ['docker-archive:-', { transport: 'docker-archive', file: '-' }],
  ['docker-archive:/a/b.tar:@2', { transport: 'docker-archive', file: '/a/b.tar', image: '@2' }],
  ['docker-archive:b.tar:hello', { transport: 'docker-archive', file: 'b.tar', image: 'hello:latest' }],
  ['docker-archive:-:ghcr.io/x/y:1', { transport: 'docker-archive', file: '-', image: 'ghcr.io/x/y:1' }],
];

const BAD: [string, RegExp][] = [
  ['', /the repository is missing/],
  ['/x', /"" is not a component/],
  ['ghcr.io', /ghcr.io names a registry, but the repository is missing/],
  ['localhost:5000', /names a registry, but the repository is missing/],
  ['ghcr.io/', /the repository is missing/],
  ['docker.io/', /the repository is missing/],
  ['ghcr.io/X/demo', /"X" is not a component of a repository/],
  ['Nginx', /"Nginx" is not a component of a repository/],
  ['ghcr.io/a//b', /"" is not a component/],
  ['ghcr.io/a/../b', /"\.\." is not a component/],
  ['ghcr.io/a___b', /"a___b" is not a component/],
  ['ghcr.io/-a', /"-a" is not a component/],
  ['ghcr.io/x:', /the tag after the colon is missing/],
  ['ghcr.io/x:.a', /"\.a" is not a tag/],
  [`ghcr.io/x:${'a'.repeat(129)}`, /is not a tag/],
  ['ghcr.io/x:a b', /is not a tag/],
  ['ghcr.io/x@sha256:abc', /"sha256:abc" is not a sha256 or sha512 digest/],
  [`ghcr.io/x@md5:${HEX}`, /is not a sha256 or sha512 digest/],
  [`ghcr.io/x@sha256:${HEX.toUpperCase()}`, /is not a sha256 or sha512 digest/],
  ['ghcr.io/x@', /is not a sha256 or sha512 digest/],
  ['user:password@ghcr.io/x', /^a reference holds a user name and password$/],
  ['-bad.example/x', /"-bad.example" is not a host/],
  ['r.example:99999/x', /"r.example:99999" is not a host/],
  ['r.example:/x', /"r.example:" is not a host/],
  ['[::g]/x', /is not a host/],
  ['[1:2]/x', /is not a host/],
  [`r.example/${'a'.repeat(256)}`, /longer than 255 characters/],
  ['https://ghcr.io/x', /https: is not supported/],
  ['docker-daemon:x', /docker-daemon: is not supported/],
  ['oci:', /the directory is missing/],
  ['oci::tag', /the directory is missing/],
  ['oci:dir:', /the tag after the colon is missing/],
  ['oci:dir:b@d', /"b@d" is not a tag/],
  ['oci:dir@sha256:12', /"sha256:12" is not a sha256/],
  ['docker-archive:', /the file is missing/],
  ['docker-archive::hello', /the file is missing/],
  ['docker-archive:b.tar:HELLO:1', /"HELLO" is not a component/],
  [`docker-archive:b.tar:hello@sha256:${'a'.repeat(64)}`, /images in an archive have no digests/],
];

describe('a reference', () => {
  for (const [text, meaning] of GOOD) {
    test(`${JSON.stringify(text.slice(0, 60))} is understood`, () => {
      assert.deepEqual(parseReference(text), meaning);
    });
  }

  for (const [text, message] of BAD) {
    test(`${JSON.stringify(text.slice(0, 60))} is refused, naming the part that is wrong`, () => {
      assert.throws(() => parseReference(text), { code: 'ERR_USAGE', message });
    });
  }

  const component = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,8})?$/);
  const tagAndDigest = fc.record(
    {
      tag: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,20}$/),
      digest: fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `sha256:${hex}` as const),
    },
    { requiredKeys: [] },
  );
  const name = fc.record({
    transport: fc.constant('docker' as const),
    host: fc.constantFrom('docker.io', 'ghcr.io', 'localhost:5000', '[::1]:80', 'localhost', '10.0.0.1'),
    repository: fc.array(component, { minLength: 2, maxLength: 5 }).map((parts) => parts.join('/')),
  });
  const layout = fc.record({
    transport: fc.constant('oci' as const),
    directory: fc.stringMatching(/^[a-z0-9./_-]{1,30}$/),
  });

  test('comes back from its text as it was', () => {
    const references: fc.Arbitrary<Reference> = fc
      .tuple(fc.oneof(name, layout), tagAndDigest)
      .map(([head, tail]) => ({ ...head, ...tail }));
    fc.assert(
      fc.property(references, (reference) => {
        assert.deepEqual(parseReference(formatReference(reference)), reference);
      }),
    );
  });

  test('of any text is read or refused with a usage error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (text) => {
        try {
          const reference = parseReference(text);
          assert.deepEqual(parseReference(formatReference(reference)), reference);
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'ERR_USAGE');
        }
      }),
    );
  });
});
