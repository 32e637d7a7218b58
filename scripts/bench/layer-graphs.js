// Graphs of real closures: each line of a file is a path — name, NAR size, line numbers of its references.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** A closure whose paths can be built again: `label` stays, and the hash follows from the releases in the closure. */
export function readGraph(file) {
  const rows = readFileSync(file, 'utf8').trimEnd().split('\n');
  const packages = rows.map((row, id) => {
    const [name, narSize, ...references] = row.split(' ');
    return {
      id,
      label: name.slice(33),
      narSize: Number(narSize),
      release: 0,
      references: references.map(Number),
    };
  });
  return { name: basename(file, '.txt'), packages: new Map(packages.map((one) => [one.id, one])) };
}

/** The closure as Nix would build it now: a path's hash is that of its name, its release and its references. */
export function build({ packages }) {
  const built = new Map();
  const buildOne = (id) => {
    const known = built.get(id);
    if (known !== undefined) return known;
    const { label, narSize, release, references } = packages.get(id);
    const paths = references.map((reference) => buildOne(reference).path).sort();
    const hash = createHash('sha256')
      .update([label, release, ...paths].join())
      .digest('hex')
      .slice(0, 32);
    const path = {
      path: `/nix/store/${hash}-${label}`,
      narHash: `sha256:${hash}`,
      narSize,
      references: paths,
    };
    built.set(id, path);
    return path;
  };
  return [...packages.keys()].map(buildOne);
}
