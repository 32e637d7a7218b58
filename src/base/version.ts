import { createRequire } from 'node:module';

/** The version in nixpush's own package.json. */
export function version(): string {
  // By the package's own name, so that it is found from dist/ and from a test build alike.
  const manifest = createRequire(import.meta.url)('nixpush/package.json') as { version: string };
  return manifest.version;
}
