import type { Arguments } from '../arguments.ts';
import type { CliContext } from '../command.ts';

/** Shows work under way. */
export interface Display<Listener> {
  readonly listener: Listener;
  /** Ends it with a summary of work that came to its end. */
  finish(): void;
  /** Ends it without a word; an error follows, or a plan. */
  stop(): void;
}

export interface DisplaySettings {
  quiet: boolean;
  verbose: boolean;
}

export type OpenDisplay<Listener> = (
  stream: NodeJS.WriteStream,
  env: NodeJS.ProcessEnv,
  settings: DisplaySettings,
) => Display<Listener>;

/** Does work under a display on stderr, as `--quiet` and `--verbose` say. Throws what the work throws. */
export async function withDisplay<Listener, Result>(
  open: OpenDisplay<Listener>,
  args: Arguments,
  { stderr, env }: CliContext,
  work: (listener: Listener) => Promise<Result>,
): Promise<Result> {
  const display = open(stderr, env, { quiet: args.flag('quiet'), verbose: args.flag('verbose') });
  try {
    const result = await work(display.listener);
    // A plan has done nothing that could be summed up.
    if (!args.flag('dry-run')) display.finish();
    return result;
  } finally {
    display.stop();
  }
}

/** Whether the stream is a terminal that a person looks at and that understands cursor movements. */
export function canDraw(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  const ci = env['CI'] !== undefined && env['CI'] !== '' && env['CI'] !== 'false';
  return stream.isTTY === true && !ci && env['TERM'] !== 'dumb';
}
