import type { PlannedBlob, PlannedLayer, ProgressEvent } from '../../verbs/progress.ts';
import { Rate } from './rate.ts';
import { Waits } from './waits.ts';

export interface LayerState {
  /** From 1. */
  readonly number: number;
  readonly plan: PlannedLayer;
  /** Of a blob that is copied: what it is. Then `narSize` is its size as it stands there. */
  readonly what?: string;
  phase: 'waiting' | 'active' | 'done';
  /** Bytes before compression. */
  read: number;
  rate: Rate;
  /** Destinations that have it. */
  readonly at: Set<string>;
}

export interface DestinationState {
  readonly name: string;
  /** It has the image. */
  done: boolean;
  failed: boolean;
  uploaded: number;
  exists: number;
  mounted: number;
  sentBytes: number;
}

/** All that the progress display knows, brought up to date by one event at a time. */
export class PushState {
  layers: readonly LayerState[] = [];
  destinations: readonly DestinationState[] = [];
  /** The layers are blobs of any kind. */
  isCopy = false;
  /** Of all layers together. */
  rate: Rate;
  readonly waits: Waits = new Waits();
  readonly startedAt: number;

  constructor(now: number) {
    this.startedAt = now;
    this.rate = new Rate(now);
  }

  apply(event: ProgressEvent, now: number): void {
    switch (event.type) {
      case 'plan':
        this.#plan(
          event.layers.map((plan) => ({ plan })),
          event.destinations,
          now,
        );
        break;
      case 'copy-plan':
        this.isCopy = true;
        this.#plan(event.blobs.map(copiedBlob), event.destinations, now);
        break;
      case 'layer-start':
        this.#start(event.layer, now);
        break;
      case 'layer-bytes':
        this.#bytes(event, now);
        break;
      case 'layer-done':
        this.#done(event);
        break;
      case 'destination-failed':
        this.#failed(event.destination);
        break;
      case 'destination-done':
        this.#destinationDone(event);
        break;
      case 'wait':
        this.waits.waiting(event, now);
        break;
      case 'base-tree':
      case 'image-hash':
      case 'note':
      case 'warning':
    }
  }

  /** Bytes before compression that need no more work, out of all. */
  progress(): { done: number; total: number } {
    let done = 0;
    let total = 0;
    for (const { plan, phase, read } of this.layers) {
      total += plan.narSize;
      done += phase === 'done' ? plan.narSize : Math.min(read, plan.narSize);
    }
    return { done, total };
  }

  #plan(
    layers: readonly Pick<LayerState, 'plan' | 'what'>[],
    destinations: readonly string[],
    now: number,
  ): void {
    this.layers = layers.map((layer, index) => ({
      ...layer,
      number: index + 1,
      phase: 'waiting',
      read: 0,
      rate: new Rate(now),
      at: new Set<string>(),
    }));
    this.destinations = destinations.map((name) => ({
      name,
      done: false,
      failed: false,
      uploaded: 0,
      exists: 0,
      mounted: 0,
      sentBytes: 0,
    }));
    this.rate = new Rate(now);
  }

  #start(index: number, now: number): void {
    const layer = this.layers[index];
    if (layer === undefined) return;
    layer.phase = 'active';
    // A layer that is made again starts from nothing.
    layer.read = 0;
    layer.rate = new Rate(now);
  }

  #bytes({ layer: index, read }: Extract<ProgressEvent, { type: 'layer-bytes' }>, now: number): void {
    const layer = this.layers[index];
    if (layer === undefined) return;
    layer.read += read;
    layer.rate.add(read, now);
    this.rate.add(read, now);
  }

  #done(event: Extract<ProgressEvent, { type: 'layer-done' }>): void {
    const destination = this.destinations.find(({ name }) => name === event.destination);
    if (destination !== undefined) {
      destination[event.outcome] += 1;
      destination.sentBytes += event.sentBytes;
    }
    this.layers[event.layer]?.at.add(event.destination);
    this.waits.arrived(event.destination);
    this.#settle();
  }

  #destinationDone(event: Extract<ProgressEvent, { type: 'destination-done' }>): void {
    const { destination: name, unchanged } = event;
    const destination = this.destinations.find((candidate) => candidate.name === name);
    if (destination !== undefined) destination.done = true;
    if (unchanged !== true) return;
    // Of a destination that had the whole image no layer is told.
    if (destination !== undefined) destination.exists = this.layers.length;
    for (const layer of this.layers) layer.at.add(name);
    this.#settle();
  }

  #failed(name: string): void {
    const destination = this.destinations.find((candidate) => candidate.name === name);
    if (destination !== undefined) destination.failed = true;
    this.#settle();
  }

  /** A layer is done when every destination that still goes on has it. */
  #settle(): void {
    const open = this.destinations.filter(({ failed }) => !failed);
    for (const layer of this.layers) {
      if (open.length > 0 && open.every(({ name }) => layer.at.has(name))) layer.phase = 'done';
    }
  }
}

function copiedBlob({ what, digest, size }: PlannedBlob): Pick<LayerState, 'plan' | 'what'> {
  return { what, plan: { paths: [], narSize: size, recipe: digest } };
}
