#!/usr/bin/env node
// Writes docs/cli.md from the definitions that the command line itself is made of, as compiled to dist.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cliDocument } from './cli-document.js';

const cli = {
  ...(await import('../dist/cli/commands/index.js')),
  ...(await import('../dist/cli/exit-codes.js')),
  ...(await import('../dist/cli/help.js')),
};
writeFileSync(join(import.meta.dirname, '../docs/cli.md'), cliDocument(cli));
