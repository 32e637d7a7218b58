/** `/nix/store/HASH-hello-2.12` as `hello-2.12`. */
export function storePathName(path: string): string {
  const base = path.slice(path.lastIndexOf('/') + 1);
  return base.replace(/^[0-9a-z]{32}-/, '');
}

/** The names of the first `most` paths and how many more there are: `glibc-2.40, hello-2.12 +7`. */
export function storePathNames(paths: readonly string[], most: number): string {
  const names = paths.slice(0, most).map(storePathName).join(', ');
  return paths.length > most ? `${names} +${paths.length - most}` : names;
}
