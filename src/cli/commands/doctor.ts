import type { Arguments } from '../arguments.ts';
import { OUTPUT_OPTIONS, type CliContext, type Command } from '../command.ts';
import { jsonText } from '../json-text.ts';
import { accessToHosts, REGISTRY_OPTIONS } from '../registry-options.ts';

export const doctor: Command = {
  name: 'doctor',
  summary: 'find out by trying what a registry can do',
  positional: {
    name: 'address',
    pattern: '<address>',
    describe: 'HOST[:PORT], or HOST[:PORT]/REPO to try uploads too; nothing is left behind',
  },
  examples: [
    { command: 'nixpush doctor ghcr.io/me/hello', purpose: 'may I push, and how are layers sent best?' },
    { command: 'nixpush doctor registry.lan:5000 --json', purpose: 'for programs' },
  ],
  groups: [REGISTRY_OPTIONS, OUTPUT_OPTIONS],
  notes: [],
  run,
};

async function run(args: Arguments, context: CliContext): Promise<number> {
  const [address = ''] = args.positionals;
  const { hostOfAddress } = await import('../../verbs/registry-access.ts');
  const registry = await accessToHosts(args, () => [hostOfAddress(address)], context);
  const { doctor: examine } = await context.loadVerbs();
  const result = await examine(address, { registry, signal: context.signal });
  if (args.flag('json')) {
    context.out(jsonText(result, 2));
  } else {
    const { doctorText } = await import('../output/doctor-text.ts');
    context.out(doctorText(result));
  }
  return 0;
}
