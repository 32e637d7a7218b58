import { UPLOAD_MODES, type UploadMode } from './upload-mode.ts';

/** What is known of how a registry, with all that stands before it, takes uploads. Sizes in bytes. */
export interface ProfileFacts {
  /** Modes that it will not take: it does not know the method, or wants a length. */
  readonly refused?: readonly UploadMode[];
  /** A body of this size was too large. */
  readonly tooLarge?: number;
  /** A PATCH of this size that said its range was too large; others may be larger. */
  readonly rangeTooLarge?: number;
  /** Every chunk but the last must be that long. */
  readonly chunkMin?: number;
  /** Longer bodies broke again and again; chunks of this size, each on a connection of its own, got through. */
  readonly gotThrough?: number;
  /** Uploads side by side disturb each other. Only a hint; not remembered. */
  readonly parallelBlobs?: number;
}

/** The facts, and what this process adds to them, so that no blob runs into a wall that another ran into before. */
export class RegistryProfile {
  #facts: ProfileFacts;
  #isChanged = false;

  constructor(facts: ProfileFacts = {}) {
    this.#facts = facts;
  }

  get facts(): ProfileFacts {
    return this.#facts;
  }

  /** Whether anything was added since the last `saved`. */
  get isChanged(): boolean {
    return this.#isChanged;
  }

  saved(): void {
    this.#isChanged = false;
  }

  sawRefused(mode: UploadMode): void {
    const { refused = [] } = this.#facts;
    if (!refused.includes(mode)) this.#learn({ refused: [...refused, mode] });
  }

  sawTooLarge(bytes: number): void {
    const { tooLarge = Number.POSITIVE_INFINITY } = this.#facts;
    if (bytes < tooLarge) this.#learn({ tooLarge: bytes });
  }

  sawRangeTooLarge(bytes: number): void {
    const { rangeTooLarge = Number.POSITIVE_INFINITY } = this.#facts;
    if (bytes < rangeTooLarge) this.#learn({ rangeTooLarge: bytes });
  }

  sawThrough(chunkBytes: number): void {
    const { gotThrough = Number.POSITIVE_INFINITY } = this.#facts;
    if (chunkBytes < gotThrough) this.#learn({ gotThrough: chunkBytes });
  }

  #learn(facts: ProfileFacts): void {
    this.#facts = { ...this.#facts, ...facts };
    this.#isChanged = true;
  }
}

/** Facts as they were written down. Whatever has another form is left out. */
export function parseFacts(value: unknown): ProfileFacts {
  const { refused, ...sizes } = (value ?? {}) as Record<string, unknown>;
  const known = UPLOAD_MODES.filter((mode) => Array.isArray(refused) && refused.includes(mode));
  const size = (name: keyof ProfileFacts): ProfileFacts => {
    const bytes = sizes[name];
    return Number.isSafeInteger(bytes) && (bytes as number) > 0 ? { [name]: bytes } : {};
  };
  return {
    ...(known.length > 0 && { refused: known }),
    ...size('tooLarge'),
    ...size('rangeTooLarge'),
    ...size('chunkMin'),
    ...size('gotThrough'),
  };
}
