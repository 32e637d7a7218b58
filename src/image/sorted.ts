/** A copy with its keys in ascending order, for JSON that is the same whoever wrote the object. */
export function sorted<Value>(object: Readonly<Record<string, Value>>): Record<string, Value> {
  // `fromEntries` makes own properties, also of a key named `__proto__`.
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
}
