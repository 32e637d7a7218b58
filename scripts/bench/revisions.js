// Revisions of a closure, by chance but the same for the same seed.

/** Numbers in [0, 1), mulberry32. */
export function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A new release of one package, as `debclosure --touch` makes it: its size stays. */
export function touch(graph, next) {
  pick([...graph.packages.values()], next).release++;
}

/**
 * What happens to a real closure: of ten revisions eight are new releases that are up to a fifth larger or smaller, one
 * brings a new dependency, one drops a package and what only it needed.
 */
export function revise(graph, next) {
  const kind = next();
  if (kind < 0.8) {
    const one = pick([...graph.packages.values()], next);
    one.release++;
    one.narSize = Math.round(one.narSize * (0.8 + 0.4 * next()));
  } else if (kind < 0.9) addDependency(graph, next);
  else dropPackage(graph, next);
}

function addDependency({ packages }, next) {
  const user = pick([...packages.values()], next);
  const twin = pick([...packages.values()], next);
  const id = Math.max(...packages.keys()) + 1;
  // What the user needs already cannot need the user.
  const references = user.references.filter(() => next() < 0.5);
  packages.set(id, { id, label: `new-${id}`, narSize: twin.narSize, release: 0, references });
  user.references = [...user.references, id];
}

function dropPackage({ packages }, next) {
  const used = new Set([...packages.values()].flatMap(({ references }) => references));
  const roots = [...packages.keys()].filter((id) => !used.has(id));
  const dropped = pick([...used], next);
  for (const one of packages.values()) one.references = one.references.filter((id) => id !== dropped);
  const needed = new Set(roots);
  for (const id of needed) for (const reference of packages.get(id).references) needed.add(reference);
  for (const id of packages.keys()) if (!needed.has(id)) packages.delete(id);
}

function pick(list, next) {
  return list[Math.floor(next() * list.length)];
}
