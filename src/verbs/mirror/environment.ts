import { NixpushError } from '../../base/errors.ts';

const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{[^}]*\}?/g;

/**
 * The document with each `${NAME}` in its texts, not in its keys, replaced by the environment's variable. What comes out
 * is not read again, so that a variable cannot add anything but text. Throws ERR_FORMAT with `file` and the place.
 */
export function withVariables(document: unknown, environment: NodeJS.ProcessEnv, file: string): unknown {
  const expand = (value: unknown, place: string): unknown => {
    if (typeof value === 'string')
      return value.replaceAll(VARIABLE, (text, name?: string) => lookUp(text, name, `${file}: ${place}`));
    if (Array.isArray(value)) return value.map((item, at) => expand(item, `${place}[${at}]`));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([key, item]) => [
      key,
      expand(item, place === '' ? key : `${place}.${key}`),
    ]);
    return Object.fromEntries(entries);
  };
  const lookUp = (text: string, name: string | undefined, where: string): string => {
    const value = name === undefined ? undefined : environment[name];
    if (value !== undefined && value !== '') return value;
    // An empty secret is one that somebody forgot.
    const wrong =
      name === undefined
        ? `${text} is not of the form \${NAME}`
        : `the variable ${name} is ${value === '' ? 'empty' : 'not set'}`;
    throw new NixpushError('ERR_FORMAT', `${where}: ${wrong}`, { path: file });
  };
  return expand(document, '');
}
