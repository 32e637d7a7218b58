import type { LayerRecipe } from '../recipe.ts';
import type { WorkerPool } from './pool.ts';
import type { RawBlock } from './protocol.ts';

let passes = 0;

/**
 * The blocks of a recipe's tar, read by one worker, a block ahead of whoever takes them, in buffers of the pool, which
 * whoever takes them gives back.
 */
export async function* recipeBlocks(
  pool: WorkerPool,
  recipe: LayerRecipe,
): AsyncGenerator<RawBlock, void, void> {
  const pass = passes++;
  const member = pool.assign();
  const { blockSize } = recipe.codec;
  const read = async (first?: LayerRecipe): Promise<RawBlock> => {
    const begin = first === undefined ? {} : { recipe: first };
    const into = pool.buffers.take(blockSize);
    try {
      return await pool.run({ kind: 'read', pass, into, ...begin }, member);
    } catch (error) {
      pool.buffers.give(into);
      throw error;
    }
  };
  let reading: Promise<RawBlock> | undefined = read(recipe);
  try {
    while (reading !== undefined) {
      const block: RawBlock = await reading;
      reading = block.end === undefined ? read() : undefined;
      // Awaited with the next round; a failure before that is not an unhandled one.
      reading?.catch(() => undefined);
      yield block;
    }
  } finally {
    pool.release(member);
    // The worker forgets a pass that failed or was read to its end by itself.
    if (reading !== undefined) {
      reading.then(({ raw }) => pool.takeBack(raw)).catch(() => undefined);
      pool.run({ kind: 'close', pass }, member).catch(() => undefined);
    }
  }
}
