import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory that is gone after the test. */
export function temporaryDirectory(test: { after(remove: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'nixpush-test-'));
  test.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
