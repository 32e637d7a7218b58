import { count, formatBytes, formatDuration } from '../format.ts';
import type { DestinationState, PushState } from './push-state.ts';

/** The closing lines: one for each destination that has the image. */
export function summaryLines(state: PushState, now: number): string[] {
  const took = formatDuration(now - state.startedAt);
  const reached = state.destinations.filter(({ failed }) => !failed);
  return reached.map((destination) => {
    const to = state.destinations.length > 1 ? ` to ${destination.name}` : '';
    const done = state.isCopy ? 'copied' : 'pushed';
    return `${done} ${count(state.layers.length, state.isCopy ? 'blob' : 'layer')}${to}, ${parts(destination)}, in ${took}`;
  });
}

function parts({ uploaded, exists, mounted, sentBytes }: DestinationState): string {
  const sent = uploaded > 0 ? `${uploaded} sent (${formatBytes(sentBytes)})` : 'none sent';
  return [
    sent,
    ...(mounted > 0 ? [`${mounted} mounted`] : []),
    ...(exists > 0 ? [`${exists} already there`] : []),
  ].join(', ');
}
