import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { guardedLookup } from '../../../src/stores/registry/guarded-lookup.ts';
import { proxyFor } from '../../../src/stores/registry/proxy.ts';
import { checkRealm, resolveLocation, resolveRedirect } from '../../../src/stores/registry/url-policy.ts';

const REQUEST = new URL('https://r.example:8443/v2/x/blobs/uploads/');
const ORIGIN = new URL('https://r.example:8443');

describe('the Location of an upload', () => {
  const locate = (location: string): [string, boolean] => {
    const { url, sendCredentials } = resolveLocation(location, REQUEST, ORIGIN);
    return [url.href, sendCredentials];
  };
  const table: [string, string, string, boolean][] = [
    ['that is a path', '/v2/x/blobs/uploads/1?s=a', 'https://r.example:8443/v2/x/blobs/uploads/1?s=a', true],
    ['that is relative to the request', '1', 'https://r.example:8443/v2/x/blobs/uploads/1', true],
    ['that is absolute', 'https://r.example:8443/u/1', 'https://r.example:8443/u/1', true],
    [
      'that says http behind a TLS proxy: https stays',
      'http://r.example:8443/u',
      'https://r.example:8443/u',
      true,
    ],
    ['that lost the port: it comes back', 'https://r.example/u', 'https://r.example:8443/u', true],
    ['that names a port of the inside', 'http://r.example:5000/u', 'https://r.example:8443/u', true],
    [
      'on another host: no credentials',
      'https://s3.example/u?sig=a%2Fb%20c',
      'https://s3.example/u?sig=a%2Fb%20c',
      false,
    ],
    [
      'on a host that only begins alike',
      'https://r.example.evil.example/u',
      'https://r.example.evil.example/u',
      false,
    ],
    [
      'whose query is signed: every byte stays',
      '/u?_state=a+b%2B/=~&X=%c3%9F',
      'https://r.example:8443/u?_state=a+b%2B/=~&X=%c3%9F',
      true,
    ],
  ];
  for (const [name, location, url, credentials] of table) {
    test(name, () => assert.deepEqual(locate(location), [url, credentials]));
  }

  const refused: [string, string, RegExp][] = [
    ['plain http on another host', 'http://s3.example/u', /leads from https to plain http \(s3\.example\)/],
    ['a user name', 'https://a:b@r.example/u', /holds a user name/],
    ['another scheme', 'file:///etc/passwd', /uses file:/],
    ['no URL at all', 'https://[', /is not a URL/],
    ['the metadata service of a cloud', 'https://169.254.169.254/latest', /leads to this machine itself/],
    ['this machine', 'https://localhost/u', /leads to this machine itself/],
    ['this machine, hidden in IPv6', 'https://[::ffff:127.0.0.1]/u', /leads to this machine itself/],
    ['this machine, written as a number', 'https://2130706433/u', /leads to this machine itself/],
  ];
  for (const [name, location, message] of refused) {
    test(`with ${name} is refused`, () => {
      assert.throws(() => locate(location), { code: 'ERR_REGISTRY', message });
    });
  }

  test('of a registry over plain HTTP keeps its port', () => {
    const origin = new URL('http://localhost:5000');
    const { url, sendCredentials } = resolveLocation('http://localhost/u', new URL('/v2/', origin), origin);
    assert.deepEqual([url.href, sendCredentials], ['http://localhost:5000/u', true]);
  });
});

describe('a redirect', () => {
  test('to another port of the same host is taken at its word, without credentials', () => {
    const { url, sendCredentials } = resolveRedirect('https://r.example:9000/blob', REQUEST, ORIGIN);
    assert.deepEqual([url.href, sendCredentials], ['https://r.example:9000/blob', false]);
  });

  test('from https to http is refused', () => {
    assert.throws(() => resolveRedirect('http://cdn.example/blob', REQUEST, ORIGIN), {
      code: 'ERR_REGISTRY',
    });
  });
});

describe('a token server', () => {
  const check = (realm: string, registry: string, trusted?: string[]): boolean =>
    checkRealm(realm, new URL(registry), trusted).sendCredentials;
  const table: [string, string, string, boolean][] = [
    ['of the same host', 'https://ghcr.io/token', 'https://ghcr.io', true],
    ['of Docker Hub', 'https://auth.docker.io/token', 'https://registry-1.docker.io', true],
    ['of the same domain', 'https://gitlab.com/jwt/auth', 'https://registry.gitlab.com', true],
    ['of the same domain below co.uk', 'https://auth.a.co.uk/t', 'https://r.a.co.uk', true],
    ['of another domain below co.uk', 'https://auth.b.co.uk/t', 'https://r.a.co.uk', false],
    ['of another domain', 'https://evil.example/token', 'https://ghcr.io', false],
    ['whose name only ends alike', 'https://notghcr.io/token', 'https://ghcr.io', false],
    ['on another loopback port', 'http://127.0.0.1:5001/t', 'http://localhost:5000', true],
    ['of another address', 'https://10.0.0.2/t', 'https://10.0.0.1', false],
  ];
  for (const [name, realm, registry, credentials] of table) {
    test(`${name} ${credentials ? 'gets' : 'does not get'} the credentials`, () => {
      assert.equal(check(realm, registry), credentials);
    });
  }

  test('of another domain gets them where it is trusted', () => {
    assert.equal(check('https://sso.example/token', 'https://ghcr.io', ['sso.example']), true);
  });

  const refused: [string, string, RegExp][] = [
    ['over plain http', 'http://ghcr.io/token', /is not reached over https/],
    ['with a user name', 'https://a@ghcr.io/token', /holds a user name/],
    ['in a private network', 'https://10.1.2.3/token', /is in a private network/],
    ['at the metadata service', 'https://169.254.169.254/token', /is in a private network/],
    ['on this machine', 'https://localhost/token', /is in a private network/],
    ['without a URL', 'token', /is not a URL/],
  ];
  for (const [name, realm, message] of refused) {
    test(`${name} is refused`, () => {
      assert.throws(() => check(realm, 'https://ghcr.io'), { code: 'ERR_REGISTRY', message });
    });
  }
});

test('a name that leads to this machine is not connected to', async () => {
  const error = await new Promise<Error | null>((resolve) => {
    guardedLookup('localhost', { all: true }, (failure) => resolve(failure));
  });
  assert.match(String(error), /localhost leads to this machine itself/);
});

describe('the proxy', () => {
  const env = {
    https_proxy: 'http://proxy.example:3128',
    HTTP_PROXY: 'plain.example:80',
    NO_PROXY: 'in.example, .sub.example,10.0.0.0/8 192.0.2.7 fd00::/8,port.example:8443,bad/99',
  };
  const table: [string, string | undefined][] = [
    ['https://ghcr.io/v2/', 'http://proxy.example:3128'],
    ['http://ghcr.io/v2/', 'http://plain.example:80'],
    ['https://in.example/', undefined],
    ['https://deep.in.example/', undefined],
    ['https://notin.example/', 'http://proxy.example:3128'],
    ['https://a.sub.example/', undefined],
    ['https://10.20.30.40/', undefined],
    ['https://11.20.30.40/', 'http://proxy.example:3128'],
    ['https://192.0.2.7:5000/', undefined],
    ['https://[fd00::1]/', undefined],
    ['https://[fe00::1]/', 'http://proxy.example:3128'],
    ['https://port.example:8443/', undefined],
    ['https://port.example/', 'http://proxy.example:3128'],
    ['https://localhost:5000/', undefined],
    ['https://127.0.0.1:5000/', undefined],
  ];
  for (const [url, proxy] of table) {
    test(`for ${url} is ${proxy ?? 'none'}`, () => assert.equal(proxyFor(new URL(url), env), proxy));
  }

  test('is none where none is named, or for every host with *', () => {
    assert.equal(proxyFor(new URL('https://ghcr.io'), {}), undefined);
    assert.equal(proxyFor(new URL('https://ghcr.io'), { ...env, NO_PROXY: '*' }), undefined);
  });
});
