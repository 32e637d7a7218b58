// What a program costs: time, processor, memory.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Runs a program to its end: `{ seconds, cpuSeconds, peakMB }`, where `cpuSeconds` is user and system time of it and its
 * children, and `peakMB` the largest resident set of one of them. `options` are those of `spawn`. Throws when it
 * fails, with what it said. Needs GNU time.
 */
export async function measure(program, args, options = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'nixpush-measure-'));
  const report = join(directory, 'time');
  try {
    const start = performance.now();
    const timed = ['--format=%U %S %M', `--output=${report}`, program, ...args];
    await finished(spawn('/usr/bin/time', timed, { ...options, stdio: ['ignore', 'ignore', 'pipe'] }));
    const seconds = (performance.now() - start) / 1000;
    const [user, system, peakKiB] = readFileSync(report, 'utf8').trim().split(' ').map(Number);
    return { seconds, cpuSeconds: user + system, peakMB: (peakKiB * 1024) / 1e6 };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What programs are told of this machine: a home, and a cache, of their own. */
export function environment(home) {
  const { PATH, NIX_CONFIG } = process.env;
  return { PATH, NIX_CONFIG, HOME: home, XDG_CACHE_HOME: home };
}

/** Files below the store that a command opens, and how many bytes they have: `{ files, bytes }`. */
export async function storeFilesRead(command, home) {
  const trace = join(home, 'trace');
  // Not blocking: a registry whose log nobody reads stops.
  await measure('strace', ['-f', '-qq', '-e', 'trace=open,openat', '-o', trace, ...command], {
    env: environment(home),
  });
  const opened = readFileSync(trace, 'utf8').matchAll(/"(\/nix\/store\/[^"]+)"[^\n]*\) = \d/g);
  const files = [...new Set([...opened].map(([, path]) => path))]
    .map((path) => statSync(path))
    .filter((file) => file.isFile());
  return { files: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}

async function finished(child) {
  let said = '';
  child.stderr.on('data', (text) => (said += text));
  const status = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (status !== 0) throw new Error(`${child.spawnargs.slice(3).join(' ')} ended with ${status}:\n${said}`);
}

/** Processor time that a running process has had so far, user and system, in seconds. */
export function cpuSecondsOf(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // Fields 14 and 15 of proc(5), in ticks of 10 ms; the name before them may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
