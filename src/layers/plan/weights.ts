import { NixpushError } from '../../base/errors.ts';
import { storeName } from './graph.ts';

/**
 * How often packages change by themselves, in any unit, as long as it is the same: number by store path
 * (`/nix/store/…-hello-2.12.1`), name (`hello-2.12.1`) or package name (`hello`); the most special one counts. What
 * is not there has 1.
 */
export type LayerWeights = ReadonlyMap<string, number>;

/** Reads the JSON object of a weights file, `{"my-app": 50, "glibc": 0.1}`. Throws ERR_FORMAT that names `file`. */
export function parseLayerWeights(text: string, file: string): LayerWeights {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw malformed(file, 'it is not JSON', error);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw malformed(file, 'it is not a JSON object');
  const weights = Object.entries(parsed).map(([name, weight]: [string, unknown]) => {
    if (typeof weight === 'number' && Number.isFinite(weight) && weight >= 0) return [name, weight] as const;
    throw malformed(file, `${JSON.stringify(name)} is not a number of 0 or more`);
  });
  return new Map(weights);
}

/** Of each path its weight. */
export function weightsOf(paths: readonly string[], weights: LayerWeights): Float64Array {
  return Float64Array.from(paths, (path) => {
    const name = storeName(path);
    return weights.get(path) ?? weights.get(name) ?? weights.get(packageName(name)) ?? 1;
  });
}

/** Without the version, which begins after the first dash that no letter follows (Nix manual, builtins.parseDrvName). */
export function packageName(name: string): string {
  return name.replace(/-[^a-zA-Z].*$/, '');
}

function malformed(file: string, why: string, cause?: unknown): NixpushError {
  return new NixpushError('ERR_FORMAT', `cannot read layer weights from ${file}: ${why}`, {
    path: file,
    hint: 'The file is a JSON object of package names and how often each changes: {"my-app": 50, "glibc": 0.1}.',
    cause,
  });
}
