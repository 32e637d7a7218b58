import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { NixpushError } from '../base/errors.ts';

/** Asks on the terminal; what is typed is shown unless it is `secret`. Throws ERR_ABORTED on Ctrl-C and Ctrl-D. */
export async function prompt(
  question: string,
  { stdin, stderr }: { stdin: NodeJS.ReadStream; stderr: NodeJS.WriteStream },
  { secret }: { secret: boolean },
): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: stdin, output: secret ? nowhere : stderr, terminal: true });
  try {
    // Only now does the terminal not show what is typed.
    if (secret) stderr.write(question);
    return await new Promise<string>((resolve, reject) => {
      const stop = (): void => reject(new NixpushError('ERR_ABORTED', 'stopped at the prompt'));
      reader.on('SIGINT', stop);
      reader.on('close', stop);
      reader.question(secret ? '' : question, resolve);
    });
  } finally {
    reader.close();
    if (secret) stderr.write('\n');
  }
}
