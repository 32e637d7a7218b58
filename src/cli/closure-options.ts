import type { ClosureOfOptions } from '../verbs/read/closure-of.ts';
import { defined, type Arguments } from './arguments.ts';
import type { CliOption, OptionGroup } from './command.ts';

/** Where a closure comes from: the same for every verb that reads one. */
export const CLOSURE_OPTIONS: Readonly<Record<string, CliOption>> = {
  store: { value: 'DIR', describe: 'relocated store: the directory that holds nix/store' },
  closure: {
    value: 'FILE',
    describe: 'closureInfo or exportReferencesGraph, in place of asking nix',
  },
};

/** Of verbs that plan a push. */
export const TAR_FORMAT_OPTION: Readonly<Record<string, CliOption>> = {
  'tar-format': {
    value: 'FORMAT',
    suggestions: ['nixpkgs', 'n2c'],
    describe: 'layers as nixpkgs (default) or nix2container (n2c) writes them',
  },
};

/** Of verbs that look at images and closures alike. */
export const LOOK_OPTIONS: OptionGroup = {
  title: 'Options',
  options: {
    platform: { value: 'OS/ARCH[/VARIANT]', describe: 'which image of an index (default: this machine)' },
    ...CLOSURE_OPTIONS,
  },
};

/** What `LOOK_OPTIONS` say. */
export function lookOptions(args: Arguments): Pick<ClosureOfOptions, 'platform' | 'store' | 'closure'> {
  return defined({
    platform: args.text('platform'),
    store: args.text('store'),
    closure: args.text('closure'),
  });
}
