/** A request's body for one attempt, which knows whether it can be sent once more. */
export interface AttemptBody {
  /** For undici. */
  readonly content: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /** False once a byte of a generated body was taken: nobody knows then how far the other side read. */
  replayable(): boolean;
}

export function attemptBody(body: Uint8Array | (() => AsyncIterable<Uint8Array>) | undefined): AttemptBody {
  if (typeof body !== 'function') return { content: body, replayable: () => true };
  let taken = false;
  const generate = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of body()) {
      taken = true;
      yield chunk;
    }
  };
  return { content: generate(), replayable: () => !taken };
}
