import type { MirrorEvent, MirrorListener } from '../../verbs/mirror/mirror-events.ts';
import { count, formatBytes, formatDuration } from '../format.ts';
import { safeText } from '../safe-text.ts';
import { LiveLines } from './live-lines.ts';
import { MirrorState } from './mirror-state.ts';
import { canDraw, FRAME, type ProgressSettings } from './open-progress.ts';

/** A display of a mirror under way. */
export interface MirrorProgress {
  readonly listener: MirrorListener;
  /** Ends it with a summary. */
  finish(): void;
  /** Ends it without a word; an error follows. */
  stop(): void;
}

/** Live lines on a terminal, one lasting line for each image elsewhere, only warnings if quiet. */
export function openMirrorProgress(
  stream: NodeJS.WriteStream,
  env: NodeJS.ProcessEnv,
  { quiet, verbose }: ProgressSettings,
): MirrorProgress {
  const state = new MirrorState(performance.now());
  const write = (line: string): void => void stream.write(`${line}\n`);
  const finish = (): void => write(summaryLine(state, performance.now()));
  if (quiet) {
    const listener: MirrorListener = (event) => event.type === 'warning' && write(noticeLine(event)!);
    return { listener, finish: () => undefined, stop: () => undefined };
  }
  if (canDraw(stream, env)) return liveProgress(stream, state, finish);
  const listener: MirrorListener = (event) => {
    state.apply(event, performance.now());
    const line = noticeLine(event) ?? imageLine(event, verbose);
    if (line !== undefined) write(line);
  };
  return { listener, finish, stop: () => undefined };
}

function liveProgress(stream: NodeJS.WriteStream, state: MirrorState, finish: () => void): MirrorProgress {
  const live = new LiveLines(stream);
  const draw = (above: readonly string[] = []): void =>
    live.draw(state.lines((stream.columns || 80) - 1, performance.now()), above);
  const clear = (): void => live.clear();
  const timer = setInterval(draw, FRAME);
  timer.unref();
  process.on('exit', clear);
  const stop = (): void => {
    clearInterval(timer);
    process.off('exit', clear);
    clear();
  };
  return {
    listener: (event) => {
      state.apply(event, performance.now());
      const line = noticeLine(event);
      if (line !== undefined) draw([line]);
    },
    finish: () => {
      stop();
      finish();
    },
    stop,
  };
}

function noticeLine(event: MirrorEvent): string | undefined {
  if (event.type === 'warning') return `warning: ${safeText(event.message)}`;
  if (event.type === 'wait')
    return `waiting ${formatDuration(event.milliseconds)}: ${safeText(event.reason)}`;
  return undefined;
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
