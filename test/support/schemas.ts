import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { repoRoot } from './repo.ts';

const directory = join(repoRoot, 'test/fixtures/schemas');
const ajv = new Ajv({ strict: false, allErrors: true });
formats.default(ajv);
for (const file of readdirSync(directory)) ajv.addSchema(readSchema(file));

/** What is wrong with a document by image-spec's JSON schemas; empty if nothing. `schema` is the file's name without `.json`. */
export function schemaErrors(schema: string, document: Uint8Array | string): string[] {
  const validate = ajv.getSchema(`${schema}.json`)!;
  if (validate(JSON.parse(Buffer.from(document).toString('utf8')))) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message ?? ''}`);
}

/**
 * The files are in JSON Schema draft 4, from whose later forms their keywords differ only in `id`. They refer to
 * each other by file name, though their ids are something else; so the file names become the ids.
 */
function readSchema(file: string): object {
  const { $schema: _, ...schema } = JSON.parse(
    readFileSync(join(directory, file), 'utf8'),
    (key, value: unknown) => (key === 'id' && typeof value === 'string' ? undefined : value),
  ) as Record<string, unknown>;
  return { ...schema, $id: file };
}
