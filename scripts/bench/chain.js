#!/usr/bin/env node
// A chain of real revisions of a closure: in each one more package has a new release, and with it all that depend on it
// are built anew. Every revision is pushed without compression, and what the registry received is held against the
// least that any layers could make it receive. Needs `npm run build`, scripts/setup-peers, Debian's nix-bin and 20 GB of disk.
// usage: node scripts/bench/chain.js [--revisions N] [--layers N]
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildClosure, changed, packageNames } from './closures.js';
import { measure } from './measure.js';
import { scratchDirectory, startRegistry } from './registries.js';
import { random } from './revisions.js';
import { markdownTable } from './runner.js';

const { values } = parseArgs({
  options: { revisions: { type: 'string', default: '20' }, layers: { type: 'string', default: '50' } },
});
const PACKAGES = ['python3-scipy', 'python3-pandas', 'python3-matplotlib', 'python3-sklearn'];
const bin = join(import.meta.dirname, '..', '..', 'bin', 'nixpush.js');

/** Each pushes the whole chain into a registry of its own. */
const WAYS = [
  // What no other way can beat: every path is sent when it changed, and never else.
  { name: 'a layer for each path', options: [], layers: 1000 },
  { name: 'expected, as by default', options: [] },
  { name: 'expected, each planned anew', options: [], forgets: true },
  { name: 'auto (nixpkgs today)', options: ['--layers', 'auto'] },
  { name: 'popularity (nixpkgs before)', options: ['--layers', 'popularity'] },
];

const revisions = buildRevisions(Number(values.revisions));
const bytesChanged = revisions
  .slice(1)
  .reduce((sum, revision, at) => sum + changed(revisions[at], revision).narSize, 0);
const rows = [];
let least;
for (const way of WAYS) {
  const sent = await pushAll(way);
  least ??= sent;
  rows.push([way.name, gigabytes(sent), (sent / least).toFixed(3)]);
}
console.log(
  `### ${revisions.length - 1} revisions, ${values.layers} layers of store paths, ${gigabytes(bytesChanged)} GB changed\n`,
);
console.log(markdownTable([['layers', 'GB received', '× the least'], ...rows]));

function buildRevisions(count) {
  const first = buildClosure(PACKAGES);
  const next = random(1);
  const names = packageNames(first);
  const touched = [];
  const all = [first];
  while (all.length <= count) {
    const name = names[Math.floor(next() * names.length)];
    if (touched.includes(name)) continue;
    touched.push(name);
    all.push(buildClosure(PACKAGES, touched));
  }
  return all;
}

/** Bytes received after the first push. */
async function pushAll({ options, layers = Number(values.layers), forgets = false }) {
  const registry = await startRegistry('docker-registry', { onDisk: true });
  const home = scratchDirectory();
  try {
    let before;
    for (const { root } of revisions) {
      // The root layer comes on top.
      const push = [
        bin,
        root,
        '--to',
        `${registry.host}/image`,
        '--max-layers',
        String(layers + 1),
        ...options,
      ];
      await measure(process.execPath, [...push, '--compression', 'none', '--quiet'], {
        env: { PATH: process.env.PATH, NIX_CONFIG: process.env.NIX_CONFIG, HOME: home, XDG_CACHE_HOME: home },
      });
      if (forgets) rmSync(home, { recursive: true });
      before ??= registry.storedBytes();
    }
    return registry.storedBytes() - before;
  } finally {
    await registry.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

function gigabytes(bytes) {
  return (bytes / 1e9).toFixed(2);
}
