/** Numbers by their value: `1.9`, `1.10`. Registries sort tags in several ways, distribution's file system in none. */
export function naturallySorted(texts: readonly string[]): string[] {
  const { compare } = new Intl.Collator('en', { numeric: true });
  // Those that are equal but for case or accents stand in the order of their code units.
  return texts.toSorted().sort(compare);
}
