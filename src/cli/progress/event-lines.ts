import { NixpushError } from '../../base/errors.ts';
import type { ProgressEvent } from '../../verbs/progress.ts';
import { formatBytes, shortDigest } from '../format.ts';
import { safeText } from '../safe-text.ts';
import type { PushState } from './push-state.ts';

/** What an event says as a lasting line, after `state` took it in; undefined if it is not worth one. */
export function eventLine(event: ProgressEvent, state: PushState, verbose: boolean): string | undefined {
  if (event.type === 'layer-start') return verbose ? layerStartLines(event.layer, state) : undefined;
  if (event.type === 'layer-done') return layerDoneLine(event, state);
  if (event.type === 'note') return verbose ? safeText(event.message) : undefined;
  return noticeLine(event, state);
}

/** The same for a display that shows the layers by other means. */
export function noticeLine(event: ProgressEvent, state: PushState): string | undefined {
  if (event.type === 'warning') return `warning: ${safeText(event.message)}`;
  if (event.type === 'wait') return state.waits.line(event);
  if (event.type === 'base-tree')
    return `reading the directories of ${event.base} once (${formatBytes(event.size)})`;
  if (event.type === 'image-hash')
    return `reading ${safeText(event.image)} for its hash (${formatBytes(event.size)}, twice)`;
  if (event.type === 'destination-failed') return failureLine(event, state);
  if (event.type === 'destination-done') return doneLine(event.destination, state);
  return undefined;
}

/** Where nothing goes on, the error that ends the program says it all. */
function failureLine(
  { destination, error }: Extract<ProgressEvent, { type: 'destination-failed' }>,
  { destinations }: PushState,
): string | undefined {
  const aborted = error instanceof NixpushError && error.code === 'ERR_ABORTED';
  if (aborted || destinations.every(({ failed }) => failed)) return undefined;
  const isLast = destinations.every(({ done, failed }) => done || failed);
  return `${destination} failed, the others ${isLast ? 'have the image' : 'go on'}`;
}

/** The last one's is the summary. */
function doneLine(name: string, { destinations }: PushState): string | undefined {
  const open = destinations.filter(({ done, failed }) => !done && !failed);
  if (open.length === 0) return undefined;
  const others = open.length === 1 ? `${open[0]!.name} follows` : `${open.length} others follow`;
  return `${name} has the image, ${others}`;
}

function layerStartLines(layer: number, state: PushState): string {
  const paths = state.layers[layer]?.plan.paths ?? [];
  return [`${layerName(layer, state)}  started`, ...paths].join('\n  ');
}

function layerDoneLine(event: Extract<ProgressEvent, { type: 'layer-done' }>, state: PushState): string {
  const { narSize = 0, base = false } = state.layers[event.layer]?.plan ?? {};
  const ways = {
    uploaded: state.isCopy ? 'copied to' : 'pushed to',
    exists: 'already at',
    mounted: 'mounted at',
  };
  return [
    layerName(event.layer, state),
    ...(base ? ['base'] : []),
    ...(narSize === 0 || ((base || state.isCopy) && narSize === event.size)
      ? [formatBytes(event.size)]
      : [`${formatBytes(narSize)} → ${formatBytes(event.size)}`]),
    shortDigest(event.digest),
    `${ways[event.outcome]} ${event.destination}`,
  ].join('  ');
}

function layerName(index: number, { layers, isCopy }: PushState): string {
  return `${isCopy ? 'blob' : 'layer'} ${String(index + 1).padStart(String(layers.length).length)}/${layers.length}`;
}
