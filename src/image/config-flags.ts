import { usageError, type NixpushError } from '../base/errors.ts';
import { checkImageConfig, isPort, mergeEnv, type ImageConfig } from './image-config.ts';

/** The config flags as the command line gives them; each is what stood after the flag. */
export interface ConfigFlags {
  cmd?: string;
  entrypoint?: string;
  env?: readonly string[];
  workdir?: string;
  user?: string;
  label?: readonly string[];
  expose?: readonly string[];
  volume?: readonly string[];
  stopSignal?: string;
}

/** Only the keys whose flags are there. Throws ERR_USAGE, naming the flag. */
export function imageConfigFromFlags(flags: ConfigFlags): ImageConfig {
  const config: ImageConfig = {};
  if (flags.cmd !== undefined) config['Cmd'] = parseCommand(flags.cmd, '--cmd');
  if (flags.entrypoint !== undefined) config['Entrypoint'] = parseCommand(flags.entrypoint, '--entrypoint');
  if (flags.env !== undefined) config['Env'] = parseEnv(flags.env);
  if (flags.workdir !== undefined) config['WorkingDir'] = flags.workdir;
  if (flags.user !== undefined) config['User'] = flags.user;
  if (flags.label !== undefined) config['Labels'] = parsePairs(flags.label, '--label');
  if (flags.expose !== undefined) config['ExposedPorts'] = setOf(flags.expose.map(parsePort));
  if (flags.volume !== undefined) config['Volumes'] = setOf(flags.volume);
  if (flags.stopSignal !== undefined) config['StopSignal'] = flags.stopSignal;
  try {
    return checkImageConfig(config, 'the flags');
  } catch (error) {
    // A flag is an argument, where a file is something read.
    throw usageError((error as NixpushError).message);
  }
}

/**
 * A JSON list of strings, or one word: the program. Several words without JSON are refused, because an image from
 * Nix need not have a shell to split them. The empty string is the empty list.
 */
export function parseCommand(text: string, flag: string): string[] {
  if (text === '') return [];
  if (text.trimStart().startsWith('[')) return parseCommandList(text, flag);
  if (!/\s/.test(text)) return [text];
  const list = JSON.stringify(text.trim().split(/\s+/));
  throw usageError(
    `${flag} ${JSON.stringify(text)} is more than one word`,
    `Write the command as a JSON list: ${flag} '${list}'`,
  );
}

function parseCommandList(text: string, flag: string): string[] {
  try {
    const list = JSON.parse(text) as unknown[];
    if (list.every((item) => typeof item === 'string')) return list;
  } catch {
    // Said below, for both ways to be wrong.
  }
  throw usageError(
    `${flag} ${JSON.stringify(text)} is not a JSON list of strings`,
    `Write it like ${flag} '["hello", "--greeting", "hi"]'`,
  );
}

/** `KEY=VALUE` each, the last of a key wins. A variable without a value is refused: taking it from this machine would not be reproducible. */
export function parseEnv(texts: readonly string[]): string[] {
  parsePairs(texts, '--env');
  return mergeEnv([], texts);
}

/** `KEY=VALUE` each, as an object; the last of a key wins. `flag` is named in messages, the value never. */
export function parsePairs(texts: readonly string[], flag: string): Record<string, string> {
  const pairs = texts.map((text) => {
    const equals = text.indexOf('=');
    if (equals < 0)
      throw usageError(`${flag} ${JSON.stringify(text)} has no value`, `Write it like ${flag} KEY=VALUE`);
    if (equals === 0)
      throw usageError(`${flag} has a value without a key`, `Write it like ${flag} KEY=VALUE`);
    return [text.slice(0, equals), text.slice(equals + 1)] as const;
  });
  return Object.fromEntries(pairs);
}

/** `80` or `80/tcp`, as `80/tcp`. */
export function parsePort(text: string): string {
  if (isPort(text)) return text.includes('/') ? text : `${text}/tcp`;
  throw usageError(
    `--expose ${JSON.stringify(text)} is not a port`,
    'Write it like --expose 80 or --expose 53/udp',
  );
}

function setOf(keys: readonly string[]): Record<string, object> {
  return Object.fromEntries(keys.map((key) => [key, {}]));
}
