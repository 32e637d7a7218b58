import type { Checkpoint } from '../base/checkpoint.ts';
import type { BlobId, BlobSource } from './image-store.ts';

/** A source that is opened in another way: what is known of the blob is what the source knows at any time. */
export abstract class SourceView implements BlobSource {
  protected readonly source: BlobSource;

  constructor(source: BlobSource) {
    this.source = source;
  }

  get id(): BlobId | undefined {
    return this.source.id;
  }

  get what(): string {
    return this.source.what;
  }

  get key(): string | undefined {
    return this.source.key;
  }

  get checkpoint(): Checkpoint | undefined {
    return this.source.checkpoint;
  }

  abstract open(offset: number, signal?: AbortSignal, earlier?: Checkpoint): AsyncIterable<Uint8Array>;
}
