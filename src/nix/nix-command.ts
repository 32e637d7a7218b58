import { stripVTControlCharacters } from 'node:util';
import { abortError, NixpushError } from '../base/errors.ts';

/** Bytes. A closure of 10,000 paths prints about 10 MB. */
const MAX_STDOUT = 64 * 1024 * 1024;
/** Bytes. Only the end of what nix says is of interest; a build may log for hours. */
const MAX_STDERR = 64 * 1024;

export interface NixOptions {
  /** What is being done, as in "cannot build .#hello". Part of every error. */
  doing: string;
  cwd?: string;
  signal?: AbortSignal;
}

/**
 * Runs `nix` without a shell and returns what it printed. The experimental features that the new commands need are
 * switched on for this run only. Throws ERR_COMMAND with what nix said last, ERR_ABORTED.
 */
export async function runNix(args: readonly string[], options: NixOptions): Promise<string> {
  const { doing, cwd, signal } = options;
  if (signal?.aborted) throw abortError(signal);
  const features = ['--extra-experimental-features', 'nix-command flakes'];
  // Loaded late: what was asked before is remembered.
  const { spawn } = await import('node:child_process');
  const child = spawn('nix', [...features, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd !== undefined && { cwd }),
    ...(signal !== undefined && { signal }),
  });
  const stdout: Buffer[] = [];
  let stdoutSize = 0;
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout.push(chunk);
    stdoutSize += chunk.length;
    if (stdoutSize > MAX_STDOUT) child.kill();
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = (stderr + chunk).slice(-MAX_STDERR);
  });
  const outcome = await new Promise<Outcome>((done) => {
    let error: Error | undefined;
    child.on('error', (e) => (error = e));
    child.on('close', (status, killedBy) => done({ error, status, killedBy }));
  });
  if (signal?.aborted) throw abortError(signal);
  if (outcome.error !== undefined) throw cannotRun(outcome.error, doing);
  if (stdoutSize > MAX_STDOUT) {
    throw new NixpushError('ERR_COMMAND', `${doing}: nix printed more than ${MAX_STDOUT} bytes`);
  }
  if (outcome.status !== 0) throw failed(outcome, stderr, doing);
  return Buffer.concat(stdout).toString('utf8');
}

interface Outcome {
  error: Error | undefined;
  status: number | null;
  killedBy: NodeJS.Signals | null;
}

function cannotRun(error: Error, doing: string): NixpushError {
  const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
  const why = missing ? 'the program nix is not on the PATH' : `nix cannot be started: ${error.message}`;
  const hint = 'Install Nix, or describe the closure with --closure FILE, which needs no Nix.';
  return new NixpushError('ERR_COMMAND', `${doing}: ${why}`, { hint, cause: error });
}

function failed(outcome: Outcome, stderr: string, doing: string): NixpushError {
  const { status, killedBy } = outcome;
  const said = lastError(stderr);
  const end = killedBy === null ? `ended with status ${status}` : `was killed by ${killedBy}`;
  return new NixpushError('ERR_COMMAND', `${doing}: nix ${said === undefined ? end : `says: ${said}`}`, {
    detail: printable(stderr),
  });
}

/** Nix prints the place in the source after the error, and warnings and build output before it. */
function lastError(stderr: string): string | undefined {
  const lines = printable(stderr)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.findLast((line) => /^error: ./.test(line))?.slice('error: '.length) ?? lines.at(-1);
}

/** Safe for a terminal: no escape sequences, no control characters but line ends. */
function printable(text: string): string {
  return stripVTControlCharacters(text).replace(/[^\P{Cc}\n]/gu, ' ');
}
