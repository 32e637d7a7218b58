import type { Steps } from '../../base/steps.ts';
import type { ImageConfig } from '../../image/image-config.ts';
import { inheritConfig, usableConfig } from '../../image/inherit-config.ts';

/**
 * The config of the image: what was given, on top of the base's. An image without a command cannot be run by its name
 * alone, and the program of the package is what people mean: it is the command unless a command or entrypoint was given
 * or the base has an Entrypoint. A base's Cmd alone, mostly a shell, gives way to it.
 */
export function* imageSettings(
  given: ImageConfig,
  base: ImageConfig | undefined,
  command: () => Steps<readonly string[] | undefined>,
  warn: (message: string) => void,
): Steps<ImageConfig> {
  const inherited = base === undefined ? given : inheritConfig(base, given);
  const steps = base?.['OnBuild'];
  if (Array.isArray(steps) && steps.length > 0)
    warn('the base image has ONBUILD instructions: they are not executed, and not inherited');
  if (given['Cmd'] !== undefined || given['Entrypoint'] !== undefined) return inherited;
  const underneath = base === undefined ? {} : usableConfig(base);
  if (underneath['Entrypoint'] !== undefined) return inherited;
  const found = yield* command();
  if (found !== undefined) return { ...inherited, Cmd: [...found] };
  const without =
    underneath['Cmd'] === undefined
      ? 'the image has no default command'
      : "the image keeps the base image's command";
  warn(`${without}: bin/ has not just one program; choose with --cmd`);
  return inherited;
}
