import { NixpushError } from '../base/errors.ts';
import { sorted } from './sorted.ts';

/**
 * The `config` object of an image config: Docker's keys, verbatim (`Cmd`, `Env`, `ExposedPorts`, …). Keys that
 * nixpush does not know (`Healthcheck`, `Shell`, `OnBuild`) are kept as they are. null for a known key says
 * "unset": no default fills it in.
 */
export type ImageConfig = Record<string, unknown>;

interface Field {
  expected: string;
  fits: (value: unknown) => boolean;
}

const PORT = /^([1-9][0-9]{0,4})(\/(tcp|udp|sctp))?$/;
const SIGNAL = /^(SIG[A-Z][A-Z0-9]*([+-][0-9]+)?|[1-9][0-9]?)$/;

/** In the order of image-spec's config.md, which is the order they are written in. */
const FIELDS: Record<string, Field> = {
  User: { expected: 'a string like "1000:1000"', fits: isString },
  ExposedPorts: { expected: 'an object like {"80/tcp": {}}', fits: isSetOf(isPort) },
  Env: { expected: 'a list of KEY=VALUE strings', fits: isListOf(isVariable) },
  Entrypoint: { expected: 'a list of strings like ["/bin/hello"]', fits: isListOf(isString) },
  Cmd: { expected: 'a list of strings like ["/bin/hello"]', fits: isListOf(isString) },
  Volumes: { expected: 'an object of absolute paths like {"/data": {}}', fits: isSetOf(isAbsolute) },
  WorkingDir: { expected: 'an absolute path', fits: (value) => value === '' || isAbsolute(value) },
  Labels: {
    expected: 'an object of strings',
    fits: (value) => isObject(value) && Object.values(value).every(isString),
  },
  StopSignal: { expected: 'a signal like "SIGTERM"', fits: (value) => isString(value) && SIGNAL.test(value) },
  ArgsEscaped: { expected: 'true or false', fits: (value) => typeof value === 'boolean' },
};

const CANONICAL = new Map(Object.keys(FIELDS).map((key) => [key.toLowerCase(), key]));

/** Keys whose values are joined key by key, not replaced. */
const JOINED = ['Labels', 'ExposedPorts', 'Volumes'];

/** The text of a `--config` file. `where` names it in messages. Throws ERR_FORMAT. */
export function parseImageConfig(text: string, where: string): ImageConfig {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // The parser's message quotes the text around the mistake, which may be a secret of `Env`.
    const place = /position \d+.*$/.exec((error as Error).message)?.[0];
    throw new NixpushError(
      'ERR_FORMAT',
      `${where} is not JSON${place === undefined ? '' : `, see ${place}`}`,
    );
  }
  return checkImageConfig(value, where);
}

/**
 * Checks the types of the known keys, and gives them their canonical spelling: programs in Go, which read image
 * configs, ignore the case of keys. Throws ERR_FORMAT, naming `where`, the key and what is expected.
 */
export function checkImageConfig(value: unknown, where: string): ImageConfig {
  if (!isObject(value))
    throw new NixpushError('ERR_FORMAT', `${where} must be an object like {"Cmd": ["/bin/hello"]}`);
  const seen = new Set<string>();
  const entries = Object.entries(value).map(([written, content]) => {
    const key = canonicalKey(written);
    const field = Object.hasOwn(FIELDS, key) ? FIELDS[key]! : undefined;
    if (seen.has(key))
      throw new NixpushError('ERR_FORMAT', `${where}: ${key} is there twice, in different spellings`);
    if (field !== undefined && content !== null && !field.fits(content)) {
      throw new NixpushError('ERR_FORMAT', `${where}: ${written} must be ${field.expected}`);
    }
    seen.add(key);
    return [key, content] as const;
  });
  return Object.fromEntries(entries);
}

/** The same with the canonical spelling of known keys; of two spellings of a key the last one counts, as in Go. */
export function canonicalKeys(config: ImageConfig): ImageConfig {
  return Object.fromEntries(Object.entries(config).map(([written, value]) => [canonicalKey(written), value]));
}

function canonicalKey(written: string): string {
  return CANONICAL.get(written.toLowerCase()) ?? written;
}

/** `over` wins. Env, Labels, ExposedPorts and Volumes are joined key by key, everything else is replaced. Both are checked. */
export function mergeImageConfig(under: ImageConfig, over: ImageConfig): ImageConfig {
  const merged = { ...under, ...over };
  for (const key of JOINED) {
    if (isObject(under[key]) && isObject(over[key])) merged[key] = { ...under[key], ...over[key] };
  }
  if (Array.isArray(under['Env']) && Array.isArray(over['Env'])) {
    merged['Env'] = mergeEnv(under['Env'] as string[], over['Env'] as string[]);
  }
  return merged;
}

/** One entry for each variable: where it first stood, with its last value. */
export function mergeEnv(under: readonly string[], over: readonly string[]): string[] {
  const variables = new Map<string, string>();
  for (const variable of [...under, ...over])
    variables.set(variable.slice(0, variable.indexOf('=')), variable);
  return [...variables.values()];
}

/** Known keys in the specification's order, then the others by name; the objects used as sets or maps sorted; unset keys left out. */
export function orderedImageConfig(config: ImageConfig): ImageConfig {
  const known = Object.keys(FIELDS)
    .filter((key) => config[key] !== undefined && config[key] !== null)
    .map((key) => [key, JOINED.includes(key) ? sorted(config[key] as object as ImageConfig) : config[key]]);
  const others = Object.entries(sorted(config)).filter(([key]) => !Object.hasOwn(FIELDS, key));
  return Object.fromEntries([...known, ...others]) as ImageConfig;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A NUL cannot stand in an argument, a variable or a path. */
function isString(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0');
}

function isListOf(isItem: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => Array.isArray(value) && value.every(isItem);
}

/** Go's way to write a set in JSON: an object whose values are empty objects. */
function isSetOf(isKey: (value: string) => boolean): (value: unknown) => boolean {
  return (value) =>
    isObject(value) &&
    Object.keys(value).every(isKey) &&
    Object.values(value).every((item) => isObject(item));
}

function isVariable(value: unknown): boolean {
  return isString(value) && value.indexOf('=') > 0;
}

function isAbsolute(value: unknown): boolean {
  return isString(value) && value.startsWith('/');
}

/** `80`, `80/tcp`, `53/udp`: image-spec, config.md, `ExposedPorts`. */
export function isPort(text: string): boolean {
  const match = PORT.exec(text);
  return match !== null && Number(match[1]) <= 65_535;
}
