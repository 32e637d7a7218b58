#!/usr/bin/env node
// How long a push keeps the event loop of its process from turning: p99 of the delay, the longest turn, how much of it
// was CPU time of this thread and how much waiting for a core, and what the turn with most CPU time was spent
// on. All modules are loaded beforehand, so that this is work alone. The median of the rounds. Needs `npm run build`.
// usage: node scripts/bench/event-loop.js [--dist DIR] [--paths N] [--rounds N] [STORE-PATH…]
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readdirSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join, resolve } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { scratchDirectory, startRegistry } from './registries.js';
import { random } from './revisions.js';
import { markdownTable } from './runner.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dist: { type: 'string', default: join(import.meta.dirname, '..', '..', 'dist') },
    paths: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '3' },
    push: { type: 'string' },
  },
});
if (values.push === undefined) await compare();
else console.log(JSON.stringify(await measure(JSON.parse(values.push))));

async function compare() {
  const directory = scratchDirectory();
  const registry = await startRegistry('docker-registry');
  const made = await manyPaths(join(directory, 'many'), Number(values.paths));
  const subjects = [
    ...(positionals.length > 0
      ? [{ name: 'given paths', options: { paths: positionals.map((one) => resolve(one)) } }]
      : []),
    { name: `${values.paths} small paths`, options: made },
  ];
  const rows = [['', 'p99 ms', 'longest ms', 'of that CPU', 'waiting for a core', 'most CPU ms', 'spent on']];
  try {
    for (const { name, options } of subjects)
      for (const compression of ['gzip', 'zstd'])
        for (const place of ['layout', 'registry']) {
          const runs = [];
          for (let round = 0; round < Number(values.rounds); round++) {
            const to =
              place === 'layout'
                ? `oci:${join(directory, 'out')}`
                : `${registry.host}/loop/${compression}${rows.length}-${round}`;
            runs.push(await pushMeasured({ ...options, to: [to], compression }, join(directory, 'cache')));
            for (const part of ['out', 'cache'])
              rmSync(join(directory, part), { recursive: true, force: true });
          }
          const { p99, longest, busiest } = runs.sort((a, b) => a.longest.wall - b.longest.wall)[
            runs.length >> 1
          ];
          const figures = [p99, longest.wall, longest.cpu, longest.queued, busiest.cpu].map((ms) =>
            ms.toFixed(1),
          );
          rows.push([`${name}, ${compression}, ${place}`, ...figures, busiest.work]);
        }
  } finally {
    await registry.stop();
    rmSync(directory, { recursive: true });
  }
  console.log(markdownTable(rows));
}

/** In a process of its own, with an empty cache. */
async function pushMeasured(options, cache) {
  const args = [fileURLToPath(import.meta.url), '--dist', values.dist, '--push', JSON.stringify(options)];
  const env = { ...process.env, XDG_CACHE_HOME: cache };
  // Meanwhile the registry's log must be read.
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, maxBuffer: 2 ** 28 });
  return JSON.parse(stdout);
}

async function measure(options) {
  const dist = resolve(values.dist);
  for (const file of readdirSync(dist, { recursive: true }))
    if (file.endsWith('.js') && !/^cli|worker\.js$/.test(file)) await import(pathToFileURL(join(dist, file)));
  const { push } = await import(pathToFileURL(join(dist, 'index.js')));
  const session = new Session();
  session.connect();
  const ask = (method, params) =>
    new Promise((done, fail) =>
      session.post(method, params, (error, result) => (error ? fail(error) : done(result))),
    );
  await ask('Profiler.enable');
  await ask('Profiler.setSamplingInterval', { interval: 1000 });
  await ask('Profiler.start');
  const delays = monitorEventLoopDelay({ resolution: 2 });
  const gaps = watchGaps();
  delays.enable();
  await push(options);
  delays.disable();
  const blocks = gaps.stop();
  const { profile } = await ask('Profiler.stop');
  const stacks = samples(profile, dist);
  const most = (of) => blocks.reduce((a, b) => (of(b) > of(a) ? b : a));
  const busiest = most(({ cpu }) => cpu);
  return {
    p99: delays.percentile(99) / 1e6,
    longest: most(({ wall }) => wall),
    busiest: { ...busiest, work: workBetween(stacks, busiest.start, busiest.end) },
  };
}

/** Times between turns of the event loop, in ms, with the CPU time of this thread (Linux: Documentation/scheduler/sched-stats). */
function watchGaps() {
  const stat = openSync(`/proc/self/task/${process.pid}/schedstat`);
  const text = Buffer.alloc(100);
  /** CPU time and time on the run queue. */
  const spent = () =>
    text
      .toString('latin1', 0, readSync(stat, text, 0, 100, 0))
      .split(' ', 2)
      .map((ns) => Number(ns) / 1e6);
  const now = () => Number(process.hrtime.bigint()) / 1e6;
  const gaps = [];
  let [last, lastSpent] = [now(), spent()];
  const turn = () => {
    const [time, [cpu, queued]] = [now(), spent()];
    gaps.push({
      start: last,
      end: time,
      wall: time - last,
      cpu: cpu - lastSpent[0],
      queued: queued - lastSpent[1],
    });
    [last, lastSpent] = [time, [cpu, queued]];
  };
  const timer = setInterval(turn, 1);
  return {
    stop: () => {
      clearInterval(timer);
      turn();
      closeSync(stat);
      return gaps;
    },
  };
}

/** What ran when: functions of ours, the innermost first. */
function samples({ nodes, samples: ids, timeDeltas, startTime }, dist) {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  let time = startTime;
  return ids.map((id, at) => {
    time += timeDeltas[at];
    const names = [byId.get(id).functionName || '(anonymous)'];
    for (let each = id; each !== undefined; each = parents.get(each)) {
      const { functionName, url } = byId.get(each);
      if (url.includes(dist)) names.push(`${functionName}@${url.slice(url.lastIndexOf('/') + 1)}`);
    }
    return { time: time / 1000, stack: names };
  });
}

/** `6 of 11 findPartner@merge-layers.js < cheapest@…`: the commonest. */
function workBetween(stacks, start, end) {
  const inside = stacks.filter(({ time }) => time >= start && time <= end);
  const counts = new Map();
  for (const { stack } of inside) {
    const text = stack.slice(0, 3).join(' < ');
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  return sorted
    .slice(0, 2)
    .map(([text, count]) => `${count}/${inside.length} ${text}`)
    .join('; ');
}

/** A relocated store of small paths, and the file that describes it: references go to those that many need, as in nixpkgs. */
async function manyPaths(directory, count) {
  const { NarSize } = await import(pathToFileURL(join(resolve(values.dist), 'nix/nar-size.js')));
  const next = random(1);
  const hash = (text) => createHash('sha256').update(text).digest('hex');
  const names = Array.from(
    { length: count },
    (_, at) => `/nix/store/${hash(String(at)).slice(0, 32).replaceAll('e', 'x')}-n${at}`,
  );
  mkdirSync(join(directory, 'nix', 'store'), { recursive: true });
  const described = names.map((path, at) => {
    const size = 8 * Math.round(Math.exp(3 + 6 * next()));
    writeFileSync(join(directory, path), path.repeat(1 + size / path.length).slice(0, size));
    const references = Array.from(
      { length: at === 0 ? 0 : 1 + Math.floor(next() * 8) },
      () => names[Math.floor(at * next() ** 3)],
    );
    // What a NAR has around the bytes of a file, and below what it has for an empty directory.
    const narSize = 112 + size;
    return { path, narHash: `sha256:${hash(path)}`, narSize, references: [...new Set(references)] };
  });
  // As many files as paths in the root, which are linked into the image's own directories.
  const root = `/nix/store/${'0'.repeat(32)}-all`;
  const narSize = new NarSize();
  narSize.add({ type: 'directory', name: Buffer.alloc(0) });
  mkdirSync(join(directory, root));
  for (const path of names) {
    const name = path.slice('/nix/store/'.length);
    writeFileSync(join(directory, root, name), name);
    narSize.add({ type: 'file', name: Buffer.from(name), executable: false, size: name.length });
  }
  described.push({ path: root, narHash: `sha256:${hash(root)}`, narSize: narSize.total, references: names });
  const closure = join(directory, 'closure.json');
  writeFileSync(closure, JSON.stringify(described));
  return { paths: [root], store: directory, closure };
}
