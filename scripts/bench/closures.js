// Real closures out of Debian packages, built by the real Nix.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DIRECTORY = join(tmpdir(), 'nixpush-bench-closures');

/** As root without build users and without a network, whatever nix.conf says. */
process.env.NIX_CONFIG = [
  'build-users-group =',
  'sandbox = false',
  'substituters =',
  'experimental-features = nix-command flakes',
].join('\n');

/**
 * The closure of Debian packages; `touched` are those with a new release, so that they and all that depend on them are
 * other paths. Gives `{ root, paths: [{ path, narSize }], narSize }`. What was built before is not built again.
 */
export function buildClosure(packages, touched = []) {
  mkdirSync(DIRECTORY, { recursive: true });
  const link = join(
    DIRECTORY,
    `${packages[0]}-${createHash('sha256')
      .update(JSON.stringify([packages, touched]))
      .digest('hex')
      .slice(0, 16)}`,
  );
  const options = touched.flatMap((name) => ['--touch', name]);
  const root = text(join(import.meta.dirname, 'debclosure'), ...options, link, ...packages);
  const described = JSON.parse(text('nix', 'path-info', '--recursive', '--json', root));
  // Newer versions of Nix give an object by path.
  const paths = Array.isArray(described)
    ? described
    : Object.entries(described).map(([path, info]) => ({ ...info, path }));
  return { root, paths, narSize: sum(paths) };
}

/** Debian packages in a closure, sorted; the root is none. */
export function packageNames({ root, paths }) {
  const names = paths.filter(({ path }) => path !== root).map(({ path }) => path.replace(/^.{44}/, ''));
  const known = new Set(text('apt-cache', 'pkgnames').split('\n'));
  // What follows the name is the version, which may have dashes as the name may.
  const nameOf = (text) => {
    for (let end = text.lastIndexOf('-'); end > 0; end = text.lastIndexOf('-', end - 1))
      if (known.has(text.slice(0, end))) return text.slice(0, end);
    return undefined;
  };
  return [...new Set(names.map(nameOf).filter((name) => name !== undefined))].sort((a, b) =>
    a < b ? -1 : 1,
  );
}

/** The paths that only the second closure has, and their bytes. */
export function changed(before, after) {
  const known = new Set(before.paths.map(({ path }) => path));
  const paths = after.paths.filter(({ path }) => !known.has(path));
  return { paths, narSize: sum(paths) };
}

function sum(paths) {
  return paths.reduce((all, { narSize }) => all + narSize, 0);
}

function text(program, ...args) {
  return execFileSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim();
}
