import { setMaxListeners } from 'node:events';
import { ioError, NixpushError } from '../base/errors.ts';
import type { CliContext, Verbs } from './command.ts';
import { DEFAULT_COMMAND, findCommand } from './commands/index.ts';
import { exitCodeOf } from './exit-codes.ts';
import { beforeDoubleDash, parseCommandLine } from './parse-command-line.ts';
import { printError } from './print-error.ts';

/**
 * The program: reads `process.argv`, runs one verb, prints its result or its error, ends the process.
 * `loadVerbs` is there for tests that need a verb of their own.
 */
export async function main(loadVerbs: () => Promise<Verbs> = loadLibrary): Promise<never> {
  const argv = process.argv.slice(2);
  const options = beforeDoubleDash(argv);
  const stop = abortOnSignals();
  const output: string[] = [];
  const report = (error: unknown): number => {
    printError(error, process.stderr, {
      json: options.includes('--json'),
      verbose: options.includes('--verbose'),
    });
    return exitCodeOf(error);
  };
  // Whoever writes to stdout hears of it; where stderr leads nowhere there is nobody to tell.
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);

  let exitCode: number;
  try {
    exitCode = await run(argv, {
      loadVerbs,
      out: (text) => void output.push(text),
      get stdin() {
        return process.stdin;
      },
      stderr: process.stderr,
      env: process.env,
      signal: stop.signal,
    });
  } catch (error) {
    exitCode = report(error);
  }
  await write(process.stdout, output.join('')).catch((error: unknown) => (exitCode = report(error)));
  // What a verb has left open (a socket kept alive) must not keep the process.
  return process.exit(stop.exitCode() ?? exitCode);
}

async function run(argv: readonly string[], context: CliContext): Promise<number> {
  if (argv[0] === COMPLETION_REQUEST) {
    const { candidates } = await import('./completion-candidates.ts');
    // The name of the program comes first, then the words of the command line under way.
    for (const candidate of candidates(argv.slice(2))) context.out(`${candidate}\n`);
    return 0;
  }
  const options = beforeDoubleDash(argv);
  // A value never begins with a dash unless it is written `--option=value`, so these two can be found without parsing.
  if (options.includes('--version')) {
    const { version } = await import('../base/version.ts');
    context.out(`${version()}\n`);
    return 0;
  }
  if (options.includes('--help') || options.includes('-h')) {
    const { helpText } = await import('./help.ts');
    const named = options.map(findCommand).find((command) => command !== undefined);
    context.out(helpText(named ?? DEFAULT_COMMAND));
    return 0;
  }
  const { command, args } = await parseCommandLine(argv);
  return command.run(args, context);
}

async function loadLibrary(): Promise<Verbs> {
  return (await import('./lazy-verbs.ts')).LAZY_VERBS;
}

/** How the scripts that `nixpush completion` prints ask for candidates. */
const COMPLETION_REQUEST = '--get-yargs-completions';

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/** The first signal asks the verb to stop and clean up; a second one ends the process on the spot. */
function abortOnSignals(): { signal: AbortSignal; exitCode: () => number | undefined } {
  const controller = new AbortController();
  // Every request and every file in the works listens; Node warns from eleven on.
  setMaxListeners(0, controller.signal);
  let exitCode: number | undefined;
  for (const [name, code] of Object.entries(SIGNALS)) {
    process.on(name, () => {
      if (exitCode !== undefined) process.exit(code);
      exitCode = code;
      controller.abort(new NixpushError('ERR_ABORTED', `stopped by ${name}`));
    });
  }
  return { signal: controller.signal, exitCode: () => exitCode };
}

/** A reader that goes away (`| head -1`) is no failure of ours. Throws ERR_IO. */
async function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  if (text === '') return;
  await new Promise<void>((resolve, reject) => {
    stream.write(text, (error) => {
      if (error && (error as NodeJS.ErrnoException).code !== 'EPIPE')
        reject(ioError(error, 'cannot write', 'the result'));
      else resolve();
    });
  });
}
