#!/usr/bin/env node
const { existsSync } = require('node:fs');
const { join } = require('node:path');

const compiled = join(__dirname, '../dist/program/main.cjs');
if (!existsSync(compiled)) {
  process.stderr.write(
    'nixpush: it has not been compiled yet\n  hint: run `npm run build` in its checkout.\n',
  );
  process.exit(1);
}
require(compiled).main();
