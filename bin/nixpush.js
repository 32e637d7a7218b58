#!/usr/bin/env node
import { existsSync } from 'node:fs';

const compiled = new URL('../dist/program/main.js', import.meta.url);
if (!existsSync(compiled)) {
  process.stderr.write(
    'nixpush: it has not been compiled yet\n  hint: run `npm run build` in its checkout.\n',
  );
  process.exit(1);
}
const { main } = await import(compiled.href);
await main();
