import type { ProgressListener } from '../../verbs/progress.ts';
import { canDraw, type Display, type DisplaySettings } from './display.ts';
import { drawBars } from './draw-bars.ts';
import { eventLine, noticeLine } from './event-lines.ts';
import { LiveDisplay } from './live-display.ts';
import { PushState } from './push-state.ts';
import { summaryLines } from './summary.ts';

/** Live bars on a terminal, lasting lines elsewhere, only warnings if quiet. */
export function openProgress(
  stream: NodeJS.WriteStream,
  env: NodeJS.ProcessEnv,
  { quiet, verbose }: DisplaySettings,
): Display<ProgressListener> {
  const state = new PushState(performance.now());
  const write = (line: string): void => void stream.write(`${line}\n`);
  const finish = (): void => summaryLines(state, performance.now()).forEach(write);
  if (quiet) {
    const listener: ProgressListener = (event) => {
      const line = event.type === 'warning' ? noticeLine(event, state) : undefined;
      if (line !== undefined) write(line);
    };
    return { listener, finish: () => undefined, stop: () => undefined };
  }
  if (canDraw(stream, env)) return liveProgress(stream, env, state, finish);
  const listener: ProgressListener = (event) => {
    state.apply(event, performance.now());
    const line = eventLine(event, state, verbose);
    if (line !== undefined) write(line);
  };
  return { listener, finish, stop: () => undefined };
}

function liveProgress(
  stream: NodeJS.WriteStream,
  env: NodeJS.ProcessEnv,
  state: PushState,
  finish: () => void,
): Display<ProgressListener> {
  const unicode = /utf-?8/i.test(env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '');
  const live = new LiveDisplay(stream, (screen, now) => drawBars(state, { ...screen, unicode }, now));
  return {
    listener: (event) => {
      state.apply(event, performance.now());
      const line = noticeLine(event, state);
      if (line !== undefined) live.draw([line]);
    },
    finish: () => {
      live.stop();
      finish();
    },
    stop: () => live.stop(),
  };
}
