/** The blob's bytes could not be made: no fault of the registry, so nothing is tried again. */
export class SourceFailure extends Error {
  constructor(cause: unknown) {
    super('the source failed', { cause });
  }
}
