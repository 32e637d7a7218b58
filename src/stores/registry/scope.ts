/** What a request needs to be allowed to do; becomes `repository:NAME:ACTIONS` in a token request (distribution, token scope). */
export interface Scope {
  readonly repository: string;
  readonly actions: readonly ScopeAction[];
}

export type ScopeAction = 'pull' | 'push' | 'delete';

const ACTION_ORDER: readonly ScopeAction[] = ['pull', 'push', 'delete'];

/** The scopes as token servers read them: one per repository, in the order given (the target comes first). */
export function formatScopes(scopes: readonly Scope[]): string[] {
  const actions = new Map<string, Set<ScopeAction>>();
  for (const scope of scopes) {
    const wanted = actions.get(scope.repository) ?? new Set();
    for (const action of scope.actions) wanted.add(action);
    actions.set(scope.repository, wanted);
  }
  return [...actions].map(([repository, wanted]) => {
    const sorted = ACTION_ORDER.filter((action) => wanted.has(action));
    return `repository:${repository}:${sorted.join(',')}`;
  });
}
