import type { MirrorEvent, MirrorListener } from '../../verbs/mirror/mirror-events.ts';
import { count, formatBytes, formatDuration } from '../format.ts';
import { safeText } from '../safe-text.ts';
import { canDraw, type Display, type DisplaySettings } from './display.ts';
import { LiveDisplay } from './live-display.ts';
import { MirrorState } from './mirror-state.ts';

/** Live lines on a terminal, one lasting line for each image elsewhere, only warnings if quiet. */
export function openMirrorProgress(
  stream: NodeJS.WriteStream,
  env: NodeJS.ProcessEnv,
  { quiet, verbose }: DisplaySettings,
): Display<MirrorListener> {
  const state = new MirrorState(performance.now());
  const write = (line: string): void => void stream.write(`${line}\n`);
  const finish = (): void => write(summaryLine(state, performance.now()));
  if (quiet) {
    const listener: MirrorListener = (event) => event.type === 'warning' && write(noticeLine(event, state)!);
    return { listener, finish: () => undefined, stop: () => undefined };
  }
  if (canDraw(stream, env)) return liveProgress(stream, state, finish);
  const listener: MirrorListener = (event) => {
    state.apply(event, performance.now());
    const line = noticeLine(event, state) ?? imageLine(event, verbose);
    if (line !== undefined) write(line);
  };
  return { listener, finish, stop: () => undefined };
}

function liveProgress(
  stream: NodeJS.WriteStream,
  state: MirrorState,
  finish: () => void,
): Display<MirrorListener> {
  const live = new LiveDisplay(stream, ({ width }, now) => state.lines(width, now));
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

function noticeLine(event: MirrorEvent, { waits }: MirrorState): string | undefined {
  if (event.type === 'warning') return `warning: ${safeText(event.message)}`;
  return event.type === 'wait' ? waits.line(event) : undefined;
}

/** What is as it was is worth a line only to who wants to know everything. */
function imageLine(event: MirrorEvent, verbose: boolean): string | undefined {
  if (event.type === 'mirror-pruned') return `removed    ${event.image}`;
  if (event.type !== 'mirror-image' || event.outcome === 'planned') return undefined;
  if (event.outcome === 'unchanged' && !verbose) return undefined;
  const bytes = event.outcome === 'copied' ? `  ${formatBytes(event.bytes)} sent` : '';
  return `${event.outcome.padEnd(9)}  ${event.image}${bytes}`;
}

function summaryLine({ outcomes, pruned, sentBytes, startedAt }: MirrorState, now: number): string {
  const all = Object.values(outcomes).reduce((sum, amount) => sum + amount, 0);
  return [
    `${count(all, 'image')}: ${outcomes.copied} copied (${formatBytes(sentBytes)} sent)`,
    `${outcomes.unchanged} unchanged`,
    ...(outcomes.planned > 0 ? [`${outcomes.planned} to copy`] : []),
    ...(outcomes.failed > 0 ? [`${outcomes.failed} failed`] : []),
    ...(pruned > 0 ? [`${pruned} removed`] : []),
    `in ${formatDuration(now - startedAt)}`,
  ].join(', ');
}
