#!/usr/bin/env node
// What a push costs whose image is there already: its time over that of `nixpush --version` and of its requests.
// Needs `npm run build`, scripts/setup-peers and Debian's nix-bin.
// usage: node scripts/bench/unchanged.js [--rounds N] [--node FILE…]
import { execFileSync, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildClosure } from './closures.js';
import { environment, storeFilesRead } from './measure.js';
import { scratchDirectory, startRegistry } from './registries.js';
import { interleave, markdownTable, medians } from './runner.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    node: { type: 'string', multiple: true, default: [process.execPath] },
  },
});
const bin = join(import.meta.dirname, '..', '..', 'bin', 'nixpush.js');
const closure = buildClosure(['python3-scipy', 'python3-pandas', 'python3-matplotlib', 'python3-sklearn']);
const registry = await startRegistry('docker-registry');
const home = scratchDirectory();
const agent = new Agent({ keepAlive: true });

const contenders = [];
const nodes = [];
for (const node of values.node) {
  const name = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
  // Each has a tag of its own.
  const image = `image/manifests/${name}`;
  const push = [node, bin, closure.root, '--to', `${registry.host}/image:${name}`, '--quiet'];
  await run(push);
  const before = await registry.requests();
  const { files } = await storeFilesRead(push, home);
  const requests = (await registry.requests()) - before - 1;
  contenders.push(
    { name: `${name} push`, run: () => run(push) },
    { name: `${name} version`, run: () => run([node, bin, '--version']) },
    { name: `${name} requests`, run: () => head(image, requests) },
  );
  nodes.push({ name, requests, files });
}
const samples = await interleave(contenders, Number(values.rounds));
await registry.stop();
rmSync(home, { recursive: true });
agent.destroy();

const rows = nodes.map(({ name, requests, files }) => {
  const medianOf = (what) => medians(samples.get(`${name} ${what}`)).ms;
  const [push, version, alone] = ['push', 'version', 'requests'].map(medianOf);
  const ratio = push / (version + alone);
  const times = [push.toFixed(0), version.toFixed(0), alone.toFixed(1), ratio.toFixed(2)];
  return [name, ...times, String(requests), String(files)];
});
const heading = [
  '',
  'push, ms',
  '--version, ms',
  'its requests, ms',
  'ratio',
  'requests',
  'store files opened',
];
console.log(`An unchanged push of ${closure.paths.length} store paths, ${values.rounds} rounds\n`);
console.log(markdownTable([heading, ...rows]));

async function run([program, ...args]) {
  const start = performance.now();
  const child = spawn(program, args, { stdio: 'ignore', env: environment(home) });
  const status = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}`);
  return { ms: performance.now() - start };
}

/** The requests of a push, by a client that is running and connected. */
async function head(path, times) {
  const start = performance.now();
  for (let made = 0; made < times; made++)
    await new Promise((resolve, reject) => {
      const headers = { accept: 'application/vnd.oci.image.manifest.v1+json' };
      request(`http://${registry.host}/v2/${path}`, { method: 'HEAD', agent, headers })
        .on('response', (answer) => {
          if (answer.statusCode !== 200) reject(new Error(`${path}: ${answer.statusCode}`));
          answer.resume().on('end', resolve);
        })
        .on('error', reject)
        .end();
    });
  return { ms: performance.now() - start };
}
