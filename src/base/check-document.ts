import type { ErrorObject } from 'ajv';
import { NixpushError } from './errors.ts';
import { suggest } from './suggest.ts';

/** A JSON schema, draft 7, as far as it matters here; `strict` of ajv checks the rest. */
export type DocumentSchema = Readonly<Record<string, unknown>>;

/**
 * Checks a document that somebody wrote against the schema that is published for it. What is wrong first becomes one
 * line with its place: `mirror.yaml: images[2].tags.newest must be 1 or more, not 0`. Values of strings are shown only
 * where the schema says what they must look like. Throws ERR_FORMAT.
 */
export async function checkDocument<T>(document: unknown, schema: DocumentSchema, file: string): Promise<T> {
  // A checker is code that ajv writes: that takes some 50 ms, so only who has a document pays for it.
  const { Ajv } = await import('ajv');
  const validate = new Ajv({ strict: true, allowUnionTypes: true, verbose: true }).compile<T>(schema);
  if (validate(document)) return document;
  const { place, wrong, hint } = describe(decisive(validate.errors ?? []));
  throw new NixpushError('ERR_FORMAT', `${file}: ${place} ${wrong}`, {
    path: file,
    ...(hint !== undefined && { hint }),
  });
}

/** Of several forms that a value may have, the one that fits the furthest is the one that was meant. */
function decisive(errors: readonly ErrorObject[]): ErrorObject {
  const depths = errors.map(({ instancePath }) => instancePath.split('/').length);
  const deepest = errors.filter((_, at) => depths[at] === Math.max(...depths));
  const isForm = ({ keyword }: ErrorObject): boolean => keyword === 'anyOf' || keyword === 'oneOf';
  return (
    deepest.find((error) => error.keyword !== 'type' && !isForm(error)) ?? deepest.find(isForm) ?? deepest[0]!
  );
}

/** More of them are not named in a message. */
const MOST_CHOICES = 8;

interface Finding {
  readonly place: string;
  readonly wrong: string;
  readonly hint?: string;
}

function describe(error: ErrorObject): Finding {
  const { propertyName } = error;
  const place =
    propertyName === undefined ? placeOf(error.instancePath) : memberOf(error.instancePath, propertyName);
  switch (error.keyword) {
    case 'additionalProperties': {
      const { additionalProperty } = error.params as { additionalProperty: string };
      const known = Object.keys((error.parentSchema as { properties?: object }).properties ?? {});
      const meant = suggest(additionalProperty, known);
      return {
        place: memberOf(error.instancePath, additionalProperty),
        wrong: 'is not a known key',
        hint: `${meant === undefined ? '' : `Did you mean ${meant}? `}Known here: ${known.join(', ')}.`,
      };
    }
    case 'dependencies':
    case 'required': {
      const { missingProperty } = error.params as { missingProperty: string };
      return { place: memberOf(error.instancePath, missingProperty), wrong: 'is missing' };
    }
    case 'minItems':
    case 'minLength':
    case 'minProperties': {
      const { limit } = error.params as { limit: number };
      return { place, wrong: limit === 1 ? 'is empty' : `must have ${limit} or more` };
    }
    case 'enum': {
      const choices = (error.params as { allowedValues: readonly unknown[] }).allowedValues.map(String);
      if (choices.length <= MOST_CHOICES || typeof error.data !== 'string') break;
      const meant = suggest(error.data, choices);
      const hint = meant === undefined ? `Known here: ${choices.join(', ')}.` : `Did you mean ${meant}?`;
      return { place, wrong: `is none of the ${choices.length} that are known`, hint };
    }
    case 'uniqueItems':
      return { place, wrong: 'has the same entry twice' };
  }
  return { place, wrong: `must be ${expected(error)}${notThis(error.data)}`, ...quotesHint(error) };
}

/** What a value must be, to stand after "must be". */
function expected({ keyword, params, parentSchema, message }: ErrorObject): string {
  const values = params as Record<string, unknown>;
  switch (keyword) {
    case 'type':
      return [values['type']].flat().map(typeName).join(' or ');
    case 'enum':
      return (values['allowedValues'] as unknown[]).map((value) => JSON.stringify(value)).join(' or ');
    case 'const':
      return JSON.stringify(values['allowedValue']);
    case 'minimum':
      return `${String(values['limit'])} or more`;
    case 'maximum':
      return `${String(values['limit'])} or less`;
    case 'pattern':
    case 'anyOf':
    case 'oneOf':
      return looks(parentSchema as { title?: string; examples?: unknown[] });
    default:
      return (message ?? 'otherwise').replace(/^must (be )?/, '');
  }
}

/** `title` and `examples` are for readers of the schema; they serve readers of messages as well. */
function looks({
  title = 'of another form',
  examples = [],
}: {
  title?: string;
  examples?: unknown[];
}): string {
  return examples.length === 0
    ? title
    : `${title} like ${examples.map((each) => JSON.stringify(each)).join(' or ')}`;
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'a text',
  array: 'a list',
  object: 'a mapping',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  null: 'null',
};

function typeName(type: unknown): string {
  return TYPE_NAMES[String(type)] ?? String(type);
}

/** Texts are not repeated: they may have come from a variable with a secret in it. */
function notThis(data: unknown): string {
  if (typeof data === 'number' || typeof data === 'boolean' || data === null) return `, not ${String(data)}`;
  if (typeof data === 'string') return '';
  return Array.isArray(data) ? ', not a list' : ', not a mapping';
}

/** YAML makes numbers of versions: 1.10 is 1.1 there. */
function quotesHint({ data, schema, params }: ErrorObject): { hint?: string } {
  const wantsText = [schema, (params as { type?: unknown }).type].flat().includes('string');
  return wantsText && ['number', 'boolean'].includes(typeof data)
    ? { hint: 'Write it in quotes, so that it is a text.' }
    : {};
}

/** `/images/2/tags` becomes `images[2].tags`. */
function placeOf(pointer: string): string {
  const steps = pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const place = steps.map((step) => (/^\d+$/.test(step) ? `[${step}]` : `.${plainKey(step)}`)).join('');
  return place === '' ? 'the document' : place.replace(/^\./, '');
}

function memberOf(pointer: string, key: string): string {
  const parent = pointer === '' ? '' : `${placeOf(pointer)}.`;
  return `${parent}${plainKey(key)}`;
}

/** Keys with anything in them that could be mistaken are quoted. */
function plainKey(key: string): string {
  return /^[\w-]+$/.test(key) ? key : JSON.stringify(key);
}
