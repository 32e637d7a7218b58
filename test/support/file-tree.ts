import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * What is in a directory, for comparisons: by path (bytes as latin1, since names need not be UTF-8) the type, the
 * permissions and the content or target. The directory itself has the empty path.
 */
export function describeTree(directory: string): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (path: Buffer, name: Buffer): void => {
    const status = lstatSync(path);
    const key = name.toString('latin1');
    const mode = (status.mode & 0o7777).toString(8).padStart(4, '0');
    if (status.isSymbolicLink()) {
      found[key] = `link to ${readlinkSync(path, { encoding: 'buffer' }).toString('latin1')}`;
    } else if (status.isDirectory()) {
      found[key] = `directory ${mode}`;
      for (const child of readdirSync(path, { encoding: 'buffer' }))
        visit(join(path, child), join(name, child));
    } else {
      const digest = createHash('sha256').update(readFileSync(path)).digest('hex');
      found[key] = `file ${mode} ${status.size} ${digest}`;
    }
  };
  visit(Buffer.from(directory), Buffer.alloc(0));
  return found;
}

function join(parent: Buffer, child: Buffer): Buffer {
  return parent.length === 0 ? child : Buffer.concat([parent, Buffer.from('/'), child]);
}
