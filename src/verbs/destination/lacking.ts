import type { ImageStore } from '../../stores/image-store.ts';
import type { Destination } from './destination.ts';

/**
 * Of each destination, whether it lacks something. Each finds out in its own time, so that one that does not answer
 * holds up nobody else. One that has failed wants nothing any more.
 */
export type Lacking = ReadonlyMap<Destination, Promise<boolean>>;

/** Asks all destinations at the same time. */
export function askEach(
  destinations: readonly Destination[],
  lacks: (destination: Destination, store: ImageStore, signal: AbortSignal) => Promise<boolean>,
): Lacking {
  const ask = async (destination: Destination): Promise<boolean> => {
    let answer = false;
    await destination.attempt(async (store, signal) => {
      answer = await lacks(destination, store, signal);
    });
    return answer;
  };
  return new Map(destinations.map((destination) => [destination, ask(destination)]));
}

export function allLack(destinations: readonly Destination[]): Lacking {
  return new Map(destinations.map((destination) => [destination, Promise.resolve(true)]));
}

/** Who lacks one of several things. */
export function lackAny(several: readonly Lacking[]): Lacking {
  const destinations = several[0]?.keys() ?? [];
  return new Map(
    [...destinations].map((each) => [each, someOf(several.map((lacking) => lacking.get(each)!))]),
  );
}

/** True as soon as the first is found to lack it; false when all are found not to. */
export async function someLack(lacking: Lacking): Promise<boolean> {
  return someOf([...lacking.values()]);
}

/** Those that are not known to have it: they lack it, or have not answered yet. */
export async function mayLack(lacking: Lacking): Promise<Destination[]> {
  const answers = await Promise.all(
    [...lacking.values()].map((lacks) => Promise.race([lacks, Promise.resolve(true)])),
  );
  return [...lacking.keys()].filter((_, at) => answers[at]);
}

/** True as soon as one is true; false when all are false. None may fail. */
export async function someOf(answers: readonly Promise<boolean>[]): Promise<boolean> {
  return new Promise((resolve) => {
    const each = answers.map(async (answer) => {
      if (await answer) resolve(true);
    });
    void Promise.all(each).then(() => resolve(false));
  });
}

/** How long the others are waited for when the first has answered: time for TLS, a token and a few round trips. Milliseconds. */
const PATIENCE = 3000;

/** True if some are late: they have not answered a while after the first; false when all have. */
export async function someAreLate(answers: readonly Promise<unknown>[]): Promise<boolean> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const onAnswer = (): void => void (timer ??= setTimeout(resolve, PATIENCE, true));
    void Promise.all(answers.map(async (answer) => answer.then(onAnswer, onAnswer))).then(() => {
      clearTimeout(timer);
      resolve(false);
    });
  });
}
