#!/usr/bin/env node
// Writes docs/cli.md from the definitions that the command line itself is made of, as compiled to dist, and
// docs/testing-registries.md from what stands in src/testing; and the JSON schemas of what users write.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cliDocument } from './cli-document.js';
import { testingDocument } from './testing-document.js';

const cli = {
  ...(await import('../dist/cli/commands/index.js')),
  ...(await import('../dist/cli/exit-codes.js')),
  ...(await import('../dist/cli/help.js')),
};
const docs = join(import.meta.dirname, '../docs');
const testing = (file) => readFileSync(join(import.meta.dirname, '../src/testing', file), 'utf8');
writeFileSync(join(docs, 'cli.md'), cliDocument(cli));
writeFileSync(join(docs, 'testing-registries.md'), testingDocument(testing));

const schema = (name, content) =>
  writeFileSync(join(import.meta.dirname, '../schemas', name), `${JSON.stringify(content, null, 2)}\n`);
const { IMAGE_SCHEMA } = await import('../dist/definitions/image-schema.js');
const { MIRROR_SCHEMA } = await import('../dist/verbs/mirror/mirror-schema.js');
schema('image.json', IMAGE_SCHEMA);
schema('mirror.json', MIRROR_SCHEMA);
