import { readFile } from 'node:fs/promises';
import { ioError } from '../base/errors.ts';
import type { ImageConfig } from '../image/image-config.ts';
import { defined, type Arguments } from './arguments.ts';
import type { OptionGroup } from './command.ts';

export const CONFIG_OPTIONS: OptionGroup['options'] = {
  config: {
    value: 'FILE',
    describe: "JSON file like dockerTools' config attribute set; the flags below win",
  },
  cmd: {
    value: 'WORD|JSON',
    repeat: true,
    describe: 'program: a word, or a list: \'["hello","-t"]\'; adds up',
  },
  entrypoint: { value: 'WORD|JSON', repeat: true, describe: 'the same for Entrypoint' },
  env: { value: 'KEY=VALUE', repeat: true, describe: 'environment variable' },
  workdir: { value: 'DIR', describe: 'directory the program starts in' },
  user: { value: 'USER[:GROUP]', describe: 'user it runs as' },
  label: { value: 'KEY=VALUE', repeat: true, describe: 'label in the config' },
  expose: { value: 'PORT[/PROTO]', repeat: true, describe: 'port it listens on' },
  volume: { value: 'DIR', repeat: true, describe: 'directory that holds data' },
  'stop-signal': { value: 'SIGNAL', describe: 'signal that asks it to stop' },
};

/** The `--config` file with the config flags over it; undefined if neither is given. Throws ERR_USAGE, ERR_NOT_FOUND, ERR_IO or ERR_FORMAT. */
export async function imageConfigFrom(args: Arguments): Promise<ImageConfig | undefined> {
  if (!Object.keys(CONFIG_OPTIONS).some((name) => args.has(name))) return undefined;
  const { imageConfigFromFlags, parseCommand } = await import('../image/config-flags.ts');
  const { mergeImageConfig, parseImageConfig } = await import('../image/image-config.ts');
  const command = (name: string): string | undefined => {
    const words = args.texts(name)?.flatMap((text) => parseCommand(text, `--${name}`));
    return words && JSON.stringify(words);
  };
  const flags = imageConfigFromFlags(
    defined({
      cmd: command('cmd'),
      entrypoint: command('entrypoint'),
      env: args.texts('env'),
      workdir: args.text('workdir'),
      user: args.text('user'),
      label: args.texts('label'),
      expose: args.texts('expose'),
      volume: args.texts('volume'),
      stopSignal: args.text('stop-signal'),
    }),
  );
  const file = args.text('config');
  return file === undefined ? flags : mergeImageConfig(parseImageConfig(await read(file), file), flags);
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw ioError(error, 'cannot read', file);
  }
}
