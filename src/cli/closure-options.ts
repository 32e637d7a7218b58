import type { CliOption } from './command.ts';

/** Where a closure comes from: the same for every verb that reads one. */
export const CLOSURE_OPTIONS: Readonly<Record<string, CliOption>> = {
  store: { value: 'DIR', describe: 'relocated store: the directory that holds nix/store' },
  closure: {
    value: 'FILE',
    describe: 'closureInfo or exportReferencesGraph, in place of asking nix',
  },
};
