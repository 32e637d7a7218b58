import type { ProgressListener } from '../../verbs/progress.ts';
import { drawBars } from './draw-bars.ts';
import { eventLine, noticeLine } from './event-lines.ts';
import { LiveLines } from './live-lines.ts';
import { PushState } from './push-state.ts';
import { summaryLines } from './summary.ts';

/** A display of a push under way. */
export interface Progress {
  readonly listener: ProgressListener;
  /** Ends the display of a push that came to its end, with a summary. */
  finish(): void;
  /** Ends the display without a word; an error follows. */
  stop(): void;
}

export interface ProgressSettings {
  quiet: boolean;
  verbose: boolean;
}

/** Live bars on a terminal, lasting lines elsewhere, only warnings if quiet. */
export function openProgress(
  stream: NodeJS.WriteStream,
  env: NodeJS.ProcessEnv,
  settings: ProgressSettings,
): Progress {
  const state = new PushState(performance.now());
  if (settings.quiet) return quietProgress(stream, state);
  return canDraw(stream, env)
    ? liveProgress(stream, env, state)
    : plainProgress(stream, state, settings.verbose);
}

/** Whether the stream is a terminal that a person looks at and that understands cursor movements. */
export function canDraw(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  const ci = env['CI'] !== undefined && env['CI'] !== '' && env['CI'] !== 'false';
  return stream.isTTY === true && !ci && env['TERM'] !== 'dumb';
}

function quietProgress(stream: NodeJS.WriteStream, state: PushState): Progress {
  const listener: ProgressListener = (event) => {
    const line = event.type === 'warning' ? noticeLine(event, state) : undefined;
    if (line !== undefined) stream.write(`${line}\n`);
  };
  return { listener, finish: () => undefined, stop: () => undefined };
}

function plainProgress(stream: NodeJS.WriteStream, state: PushState, verbose: boolean): Progress {
  const write = (line: string): void => void stream.write(`${line}\n`);
  return {
    listener: (event) => {
      state.apply(event, performance.now());
      const line = eventLine(event, state, verbose);
      if (line !== undefined) write(line);
    },
    finish: () => summaryLines(state, performance.now()).forEach(write),
    stop: () => undefined,
  };
}

/** Milliseconds between two frames. */
export const FRAME = 100;

function liveProgress(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv, state: PushState): Progress {
  const live = new LiveLines(stream);
  const unicode = /utf-?8/i.test(env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '');
  const draw = (above: readonly string[] = []): void => {
    // One column stays free: a full line makes some terminals wrap.
    const screen = {
      width: (stream.columns || 80) - 1,
      height: Math.min((stream.rows || 24) - 1, 16),
      unicode,
    };
    live.draw(drawBars(state, screen, performance.now()), above);
  };
  const clear = (): void => live.clear();
  const timer = setInterval(() => draw(), FRAME);
  timer.unref();
  // A second Ctrl-C ends the process without asking anybody.
  process.on('exit', clear);
  const stop = (): void => {
    clearInterval(timer);
    process.off('exit', clear);
    clear();
  };
  return {
    listener: (event) => {
      state.apply(event, performance.now());
      const line = noticeLine(event, state);
      if (line !== undefined) draw([line]);
    },
    finish: () => {
      stop();
      for (const line of summaryLines(state, performance.now())) stream.write(`${line}\n`);
    },
    stop,
  };
}
