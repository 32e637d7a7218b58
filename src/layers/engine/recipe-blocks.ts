import type { LayerRecipe } from '../recipe.ts';
import type { WorkerPool } from './pool.ts';
import type { RawBlock } from './protocol.ts';

let passes = 0;

/** The blocks of a recipe's tar, read by one worker, a block ahead of whoever takes them. */
export async function* recipeBlocks(
  pool: WorkerPool,
  recipe: LayerRecipe,
): AsyncGenerator<RawBlock, void, void> {
  const pass = passes++;
  const member = pool.assign();
  let reading: Promise<RawBlock> | undefined = pool.run({ kind: 'read', pass, recipe }, member);
  try {
    while (reading !== undefined) {
      const block: RawBlock = await reading;
      reading = block.end === undefined ? pool.run({ kind: 'read', pass }, member) : undefined;
      // Awaited with the next round; a failure before that is not an unhandled one.
      reading?.catch(() => undefined);
      yield block;
    }
  } finally {
    pool.release(member);
    // The worker forgets a pass that failed or was read to its end by itself.
    if (reading !== undefined) pool.run({ kind: 'close', pass }, member).catch(() => undefined);
  }
}
