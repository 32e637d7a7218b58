import { isInShard, type Shard } from './shard.ts';
import type { Survey } from './survey.ts';

export interface ChosenImage {
  readonly tag: string;
  /** Another source whose image the destination's tag is to be already. */
  readonly takenBy?: string;
}

/** What to mirror of each repository: each tag of a destination once, and only those of the shard. */
export function chooseImages(
  surveys: readonly Survey[],
  shard: Shard | undefined,
): ReadonlyMap<Survey, readonly ChosenImage[]> {
  const taken = new Map<string, Survey>();
  return new Map(
    surveys.map((survey) => {
      const { toName } = survey.repository;
      const ours = survey.wanted.filter((tag) => shard === undefined || isInShard(`${toName}:${tag}`, shard));
      return [survey, ours.flatMap((tag) => choose(survey, tag, taken))];
    }),
  );
}

function choose(survey: Survey, tag: string, taken: Map<string, Survey>): ChosenImage[] {
  const name = `${survey.repository.toName}:${tag}`;
  const other = taken.get(name);
  if (other === undefined) {
    taken.set(name, survey);
    return [{ tag }];
  }
  // The same image chosen twice is chosen.
  if (other.repository.key(tag) === survey.repository.key(tag)) return [];
  return [{ tag, takenBy: other.repository.fromName }];
}
