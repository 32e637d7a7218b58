/** What a request needs to be allowed to do; becomes `repository:NAME:ACTIONS` in a token request (distribution, token scope). */
export interface Scope {
  readonly repository: string;
  readonly actions: readonly ScopeAction[];
}

export type ScopeAction = 'pull' | 'push' | 'delete';
