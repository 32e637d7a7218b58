import type { PlannedLayer } from '../../verbs/progress.ts';
import { count, formatBytes, formatClock } from '../format.ts';
import { storePathNames } from '../store-path-names.ts';
import type { Screen } from './live-display.ts';
import type { LayerState, PushState } from './push-state.ts';

export interface BarScreen extends Screen {
  /** Block characters can be shown. */
  readonly unicode: boolean;
}

const BAR = 20;

/** The live display as lines: one for each layer being worked on, then one for the whole. Nothing before the plan is known. */
export function drawBars(state: PushState, screen: BarScreen, now: number): string[] {
  if (state.layers.length === 0) return [];
  const active = state.layers.filter(({ phase }) => phase === 'active');
  const room = Math.max(0, screen.height - 1);
  const shown = active.slice(0, active.length > room ? Math.max(0, room - 1) : room);
  const lines = shown.map((layer) => layerLine(layer, state.layers.length, screen, now));
  if (active.length > shown.length && room > 0)
    lines.push(`  … and ${active.length - shown.length} more at work`);
  lines.push(totalLine(state, screen, now));
  return lines.map((line) => cut(line, screen.width));
}

function layerLine(layer: LayerState, layers: number, screen: BarScreen, now: number): string {
  const { number, plan, read, rate } = layer;
  const digits = String(layers).length;
  const what = layer.what ?? content(plan);
  const counter = `${String(number).padStart(digits)}/${layers}`;
  return line(
    `${layer.what === undefined ? 'layer' : 'blob'} ${counter}`,
    { done: read, total: plan.narSize, perSecond: rate.perSecond(now) },
    what,
    screen,
  );
}

function content({ base, paths }: PlannedLayer): string {
  if (base === true) return 'base';
  return paths.length === 0 ? 'links at /' : storePathNames(paths, 1);
}

function totalLine(state: PushState, screen: BarScreen, now: number): string {
  const { layers, destinations } = state;
  const digits = String(layers.length).length;
  const done = layers.filter(({ phase }) => phase === 'done').length;
  const open = destinations.filter(({ failed }) => !failed);
  const where = open.length === 1 ? `to ${open[0]?.name}` : `to ${count(open.length, 'destination')}`;
  const amounts = { ...state.progress(), perSecond: state.rate.perSecond(now) };
  return line(`total ${String(done).padStart(digits)}/${layers.length}`, amounts, where, screen);
}

interface Amounts {
  done: number;
  total: number;
  perSecond: number | undefined;
}

function line(label: string, { done, total, perSecond }: Amounts, what: string, screen: BarScreen): string {
  // narSize is an estimate of what is read; a bar never goes past its end.
  const fraction = total === 0 ? 1 : Math.min(1, done / total);
  const left =
    perSecond === undefined || perSecond < 1 ? undefined : (Math.max(0, total - done) / perSecond) * 1000;
  const fields = [
    label,
    bar(fraction, screen.unicode),
    `${Math.floor(fraction * 100)}%`.padStart(4),
    `${formatBytes(Math.min(done, total))} / ${formatBytes(total)}`.padStart(19),
    (perSecond === undefined ? '' : `${formatBytes(perSecond)}/s`).padStart(10),
    (left === undefined || fraction === 1 ? '' : formatClock(left)).padStart(6),
    what,
  ];
  // Where the terminal is narrow the bar is what says least.
  if (screen.width < 100) fields.splice(1, 1);
  return fields.join('  ');
}

function bar(fraction: number, unicode: boolean): string {
  const full = Math.floor(fraction * BAR);
  return (unicode ? '█' : '#').repeat(full) + (unicode ? '░' : '.').repeat(BAR - full);
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
