import { NixpushError } from '../../base/errors.ts';

/**
 * The operations of nixpkgs' `layeringPipeline` (pkgs/build-support/flatten-references-graph). Where nixpkgs wants a
 * store path, names and patterns may stand as well (`matchingNodes`).
 */
export type PipelineStep =
  | readonly ['popularity_contest' | 'flatten' | 'reverse']
  | readonly ['limit_layers' | 'split_every', number]
  | readonly ['split_paths', readonly PathSpec[]]
  | readonly ['subcomponent_in' | 'subcomponent_out' | 'remove_paths', string | readonly string[]]
  | readonly ['over', string, PipelineStep]
  | readonly ['map', PipelineStep]
  | readonly ['pipe', readonly PipelineStep[]];

/** A path, or what paths refer to directly. */
export type PathSpec = string | { readonly children_of: string | readonly string[] };

type Check = (value: unknown, where: string) => void;

/** What stands behind an operation's name. */
const ARGUMENTS: Record<PipelineStep[0], readonly Check[]> = {
  popularity_contest: [],
  flatten: [],
  reverse: [],
  limit_layers: [isCount],
  split_every: [isCount],
  split_paths: [isListOf(isPathSpec)],
  subcomponent_in: [isPaths],
  subcomponent_out: [isPaths],
  remove_paths: [isPaths],
  over: [isText, checkStep],
  map: [checkStep],
  pipe: [isListOf(checkStep)],
};

/** Throws ERR_FORMAT that names the place, `where` first. */
export function checkStep(step: unknown, where: string): asserts step is PipelineStep {
  if (!Array.isArray(step)) throw wrong(where, 'must be a list like ["limit_layers", 80]');
  const [name, ...values] = step as unknown[];
  const checks = Object.hasOwn(ARGUMENTS, String(name)) ? ARGUMENTS[name as PipelineStep[0]] : undefined;
  if (checks === undefined)
    throw wrong(
      where,
      `has no operation ${JSON.stringify(name)}; there are ${Object.keys(ARGUMENTS).join(', ')}`,
    );
  if (values.length !== checks.length)
    throw wrong(where, `must have ${count(checks.length)} after ${String(name)}, not ${values.length}`);
  for (const [at, check] of checks.entries()) check(values[at], `${where}[${at + 1}]`);
}

export function checkPipeline(
  steps: readonly unknown[],
  where: string,
): asserts steps is readonly PipelineStep[] {
  for (const [at, step] of steps.entries()) checkStep(step, `${where}[${at}]`);
}

function isListOf(check: Check): Check {
  return (value, where) => {
    if (!Array.isArray(value)) throw wrong(where, 'must be a list');
    for (const [at, item] of value.entries()) check(item, `${where}[${at}]`);
  };
}

function isText(value: unknown, where: string): void {
  if (typeof value !== 'string' || value === '') throw wrong(where, 'must be a text');
}

function isCount(value: unknown, where: string): void {
  if (!Number.isSafeInteger(value) || (value as number) < 1)
    throw wrong(where, 'must be a whole number above 0');
}

function isPaths(value: unknown, where: string): void {
  if (typeof value !== 'string') isListOf(isText)(value, where);
}

function isPathSpec(value: unknown, where: string): void {
  const isObject = typeof value === 'object' && value !== null;
  if (isObject && 'children_of' in value) isPaths(value.children_of, `${where}.children_of`);
  else isText(value, where);
}

function count(length: number): string {
  return `${length} argument${length === 1 ? '' : 's'}`;
}

function wrong(where: string, what: string): NixpushError {
  return new NixpushError('ERR_FORMAT', `${where} ${what}`);
}
