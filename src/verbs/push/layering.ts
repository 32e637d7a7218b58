import { readFile } from 'node:fs/promises';
import { ioError, usageError } from '../../base/errors.ts';
import { checkLayersByHand, parseLayersByHand, type LayersByHand } from '../../layers/plan/layers-by-hand.ts';
import { parseLayerWeights, type LayerWeights } from '../../layers/plan/weights.ts';
import { LAYER_STRATEGIES, type LayerStrategy } from '../../layers/plan/plan.ts';

/** A strategy by its name, layers decided by hand, or the JSON file that they are in. Throws NixpushError. */
export async function readLayering(
  layers: string | LayersByHand = 'expected',
): Promise<LayerStrategy | LayersByHand> {
  if (typeof layers !== 'string') return checkLayersByHand(layers, 'layers');
  if (isStrategy(layers)) return layers;
  let text: string;
  try {
    text = await readFile(layers, 'utf8');
  } catch (error) {
    if (!/[./]/.test(layers))
      throw usageError(
        `--layers ${layers} is no strategy and no file`,
        `Strategies are ${LAYER_STRATEGIES.join(', ')}.`,
      );
    throw ioError(error, 'cannot read the layers', layers);
  }
  return parseLayersByHand(text, layers);
}

export async function readLayerWeights(file: string | undefined): Promise<LayerWeights | undefined> {
  if (file === undefined) return undefined;
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw ioError(error, 'cannot read the weights', file);
  }
  return parseLayerWeights(text, file);
}

function isStrategy(text: string): text is LayerStrategy {
  return (LAYER_STRATEGIES as readonly string[]).includes(text);
}
