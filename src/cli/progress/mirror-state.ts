import type { MirrorEvent } from '../../verbs/mirror/mirror-events.ts';
import { formatBytes } from '../format.ts';
import { Rate } from './rate.ts';
import { Waits } from './waits.ts';

const MOST_LINES = 8;

/** All that the display of a mirror knows, brought up to date by one event at a time. */
export class MirrorState {
  readonly outcomes = { unchanged: 0, copied: 0, planned: 0, failed: 0 };
  pruned = 0;
  sentBytes = 0;
  readonly waits: Waits = new Waits();
  readonly startedAt: number;
  #images = 0;
  /** Bytes of the images that are, or were, copied, and what of it was read. */
  #total = 0;
  #read = 0;
  readonly #active = new Map<string, { bytes: number; read: number }>();
  readonly #rate: Rate;

  constructor(now: number) {
    this.startedAt = now;
    this.#rate = new Rate(now);
  }

  apply(event: MirrorEvent, now: number): void {
    switch (event.type) {
      case 'mirror-images':
        this.#images += event.images;
        break;
      case 'mirror-copy':
        this.#active.set(event.image, { bytes: event.bytes, read: 0 });
        this.#total += event.bytes;
        break;
      case 'mirror-bytes':
        this.#bytes(event.image, event.bytes, now);
        break;
      case 'mirror-image':
        this.#done(event);
        break;
      case 'mirror-pruned':
        this.pruned += 1;
        break;
      case 'wait':
        this.waits.waiting(event, now);
        break;
      case 'warning':
    }
  }

  /** One line for each image that is being copied, then one for all. */
  lines(width: number, now: number): string[] {
    const active = [...this.#active].slice(0, MOST_LINES);
    const { unchanged, copied, failed } = this.outcomes;
    const done = Object.values(this.outcomes).reduce((sum, amount) => sum + amount, 0);
    const perSecond = this.#rate.perSecond(now);
    const total = [
      `images ${done}/${this.#images}`,
      `${copied} copied, ${unchanged} unchanged${failed > 0 ? `, ${failed} failed` : ''}`,
      `${formatBytes(this.#read)} / ${formatBytes(this.#total)}`,
      ...(perSecond === undefined ? [] : [`${formatBytes(perSecond)}/s`]),
    ];
    return [
      ...active.map(([image, { bytes, read }]) => `${amount(read, bytes)}  ${image}`),
      total.join('  '),
    ].map((line) => line.slice(0, width));
  }

  #bytes(image: string, bytes: number, now: number): void {
    const copy = this.#active.get(image);
    if (copy === undefined) return;
    copy.read += bytes;
    this.#read += bytes;
    this.#rate.add(bytes, now);
  }

  #done({ image, outcome, bytes }: Extract<MirrorEvent, { type: 'mirror-image' }>): void {
    this.outcomes[outcome] += 1;
    const copy = this.#active.get(image);
    // What was there already was not read, and will not be.
    if (copy !== undefined) this.#total -= copy.bytes - Math.min(copy.read, copy.bytes);
    this.#active.delete(image);
    if (outcome !== 'copied') return;
    this.sentBytes += bytes;
    this.waits.arrived(image);
  }
}

function amount(read: number, bytes: number): string {
  return `${formatBytes(Math.min(read, bytes)).padStart(9)} / ${formatBytes(bytes).padEnd(9)}`;
}
